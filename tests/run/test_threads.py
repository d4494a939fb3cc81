"""Many builders on several threads: no value is mistaken for another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from host import Host

# Chains of methods that return self; with Python objects in Lua, another object came back in 46 of 50 runs
# of 5,000 (scoder/lupa#293, #294).
CHAINS = """
local wrong = 0
for i = 1, 12000 do
  local name = who .. "-" .. i
  local builder = new_product():name(name):description("d" .. i):metadata("n", i)
  local shown = tostring(builder)
  local same = type(builder) == "userdata" and shown:find('name = "' .. name .. '"', 1, true)
    and shown:find('description = "d' .. i .. '"', 1, true) and shown:find("n = " .. i .. " ", 1, true)
  if not same then wrong = wrong + 1 end
end
return wrong
"""

CREATES = """
local wrong = 0
for i = 1, 500 do
  local name = who .. "-" .. i
  local builder = new_product():name(name):description("d"):metadata("n", i)
  local id = builder:create()
  local data = builder.data
  local same = builder.id == id and data.id == id and data.name == name and data.metadata.n == tostring(i)
  if not same then wrong = wrong + 1 end
end
return wrong
"""


def test_fifty_thousand_chains_on_four_threads_keep_their_values() -> None:
    """48,000 chains and 2,000 creates over four threads: every builder is itself, every id its own."""
    with Host(simulate=True) as host, ThreadPoolExecutor(4) as threads:
        for code in (CHAINS, CREATES):
            runs = [threads.submit(host.run_source, code, globals={"who": f"w{n}"}) for n in range(4)]
            assert [run.result().raise_for_error().value for run in runs] == [0, 0, 0, 0]
