"""No function in a script's reach leads from C into a script: see ``host.lua.reviewed``."""

from __future__ import annotations

from pathlib import Path

import lupa.luajit21 as lupa
import pytest

from host import Host, Limits
from host.lua.globals import STANDARD
from host.lua.reviewed import REVIEWED

WALK = Path(__file__).with_name("callbacks.lua").read_text()
LIMITS = Limits(tasks=1_000_000)

#: Would end the run, wait for someone, or only fetch what other tests fetch.
SKIPPED = ("os.exit", "io.read", "sleep")

#: What the host gives besides: builders, tasks, pages, errors, secrets, functions, iterators, answers.
OBJECTS = """
objects = {
  product = new_product(), price = new_price(), subscription = new_subscription(), created = new_product():name("x"),
  task = spawn(function() end), api = stripe, page = stripe.products.list{limit = 1}, secret = STRIPE_API_KEY,
  secret_text = "a" .. STRIPE_API_KEY, null = json.null, array = json.array{}, environment = env,
  error = select(2, pcall(function() new_product():nme("x") end)), decoded = json.decode('{"a": [1, {"b": []}]}'),
  registered = lookup, each = each_item,
}
objects.created:create()
objects.data = objects.created.data
"""

LISTED = """
local seen, found = {}, {}
local function walk(value, path)
  if type(value) == "function" and tostring(value):find("builtin", 1, true) then found[#found + 1] = path end
  if type(value) ~= "table" or seen[value] then return end
  seen[value] = true
  for key, item in pairs(value) do walk(item, path .. "." .. tostring(key)) end
end
for _, name in ipairs(names) do walk(_G[name], name) end
walk(string.gmatch("", "x"), "string.gmatch()")
walk(ipairs {}, "ipairs()")
walk(pairs {}, "next")
walk(coroutine.wrap(print), "coroutine.wrap()")
return found
"""


@pytest.fixture
def host():
    with Host(simulate=True, limits=LIMITS) as host:

        @host.function
        def lookup(value: object) -> object:
            return value

        @host.function
        def each_item(value: object):
            yield value

        yield host


def listed(names: list[str]) -> str:
    return "{" + ", ".join(f'"{name}"' for name in names) + "}"


def test_every_function_of_c_is_reviewed(host: Host) -> None:
    """What of C a script can reach is exactly what ``host.lua.reviewed`` gives a reason for."""
    result = host.run_source(f"local names = {listed([*STANDARD])}\n{LISTED}")
    assert result.error is None, result.error
    assert set(result.value) == set(REVIEWED)


def test_no_function_leads_from_c_into_a_script(host: Host) -> None:
    """Every function and object in reach is called with values whose metamethods note that they run under C."""
    methods = [
        "name",
        "metadata",
        "recurring",
        "items",
        "add_price",
        "marketing_features",
        "amount",
        "currency",
        "default_price_data",
    ]
    methods += [
        "create",
        "copy",
        "set",
        "params",
        "with",
        "wait",
        "cancel",
        "status",
        "unheeded",
        "products",
        "list",
        "each",
        "retrieve",
        "new_price",
    ]
    code = f"""
      {OBJECTS}
      local roots = {{ objects = objects }}
      for _, name in ipairs({listed([*STANDARD])}) do roots[name] = _G[name] end
      local skipped = {{}}
      for _, name in ipairs({listed([*SKIPPED])}) do skipped[name] = true end
      return {{ (function(...) {WALK} end)(roots, {listed(methods)}, skipped) }}
    """
    result = host.run_source(code)
    assert result.error is None, result.error
    found, functions, calls = result.value
    assert found == ""
    assert functions > 150
    assert calls > 20_000


def test_the_walk_finds_what_plain_lua_has() -> None:
    """The same walk over Lua's own libraries finds each function known to call back."""
    runtime = lupa.LuaRuntime(register_eval=False, register_builtins=False)
    found = runtime.execute(f"""
      jit.off()
      local roots = {{ table = table, string = string, xpcall = xpcall, load = load, tostring = tostring, pcall = pcall,
        os = {{ time = os.time, date = os.date }}, coroutine = {{ wrap = coroutine.wrap, create = coroutine.create }} }}
      return ((function(...) {WALK} end)(roots, {{}}, {{}}))
    """)
    calling = {line.partition(" calls ")[0] for line in found.splitlines()}
    assert {"table.sort", "string.gsub", "string.format", "xpcall", "load", "os.time"} <= calling
    assert not {"tostring", "pcall", "coroutine.create"} & calling
    assert "os.time calls __index" in found
    assert "table.sort calls __lt" in found
