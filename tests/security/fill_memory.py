# ruff: noqa: E501 — Lua code in strings keeps its own width
"""Fills a script's memory to within so many bytes of its limit, then does one of the library's things.

``python tests/security/fill_memory.py --limit 4 --step 100 --within 24000``: for each 100 bytes up to 24,000, before the
limit and beyond it (where garbage may still be), and once more with the limit's error caught, each thing is done in a run
of its own. Looked for: an end by a signal, a fault of the host, a state that LuaJIT itself refused memory
(``HostStats.exhausted``), a healthy script that no longer runs. Prints the last run's script after a crash (``--last``).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from host import Host, Limits

MB = 1 << 20

#: Each is done with the memory as full as that, again when it has been let go of, and what it gives is looked at.
THINGS = (
    "return (load('return 1LL + 2LL, 3ull'))()",
    "return new_product():name('x'):metadata('k', 'v'):create()",
    "return tostring(new_price():amount(5):recurring('month'))",
    "return new_product():params{name = 'x', metadata = {a = 'b'}}:copy()",
    "return stripe.products.list{limit = 2}",
    "for p in stripe.products.list{limit = 2}:each() do return p end",
    "return spawn(function() return {} end):wait()",
    "return parallel(function() return 'a' end, function() return 'b' end)",
    "return map({1, 2, 3}, function(n) return {n} end)",
    "return with_timeout(5, function() sleep(0) return 'x' end)",
    "local co = coroutine.wrap(function(...) coroutine.yield(...) return {...} end) co(1, 2) return co()",
    "return json.encode(json.decode('{\"a\": [1, 2.5, {\"b\": null}], \"c\": \"text\"}'))",
    "return inspect({a = {1, 2, {b = 'c'}}, [true] = print})",
    "log.info({a = 1}, 'x') print({}, 1) io.write('x') return 'said'",
    "return pcall(error, {a = 1})",
    "return xpcall(function() local x = nil + 1 end, function(m) return m .. '!' end)",
    "return try(function() new_product():nme('x') end)",
    "return pcall(string.rep, 'x', 1e12)",
    "local t = {} for i = 1, 300 do t[i] = i t['k' .. i] = {} end return t",
    "local s = 'x' for i = 1, 12 do s = s .. s end return s",
    "return string.format('%s %q %5.1f', {}, 'a\\nb', 1) .. ('x'):upper():rep(100)",
    "return (string.gsub(('ab '):rep(50), '%a', function(c) return c .. c end))",
    "return (string.gsub(('ab '):rep(50), '(%a)(%a)', '%2%1'))",
    "local t = {3, 1, 2, 'x'} pcall(table.sort, t) table.sort(t, function(a, b) return tostring(a) < tostring(b) end) return table.concat(t)",
    "local function deep(n) if n == 0 then return 0 end return 1 + deep(n - 1) end return pcall(deep, 1e6)",
    "return select('#', unpack({}, 1, 7000))",
    "local f = function(...) return select('#', ...) end return f(unpack({}, 1, 5000))",
    "return os.date('%c', 0), os.time{year = 2020, month = 1, day = 1}, os.getenv('HOME')",
    "return load('local a = {1, 2, 3, x = {}} return function() return a, ' .. ('1 + '):rep(200) .. '1 end')",
    "return pcall(load, ('x'):rep(2000))",
    "return pcall(require, 'nothing')",
    "return STRIPE_API_KEY .. 'x', env.HOME",
    "return pcall(graphql_query, '{ a }')",
    "local t = setmetatable({}, {__index = function(_, k) return k .. k end, __tostring = function(t) return t.x end}) return t.a, tostring(t)",
    "return pcall(stripe.products.retrieve, 'prod_none')",
    "for i = 1, 40 do coroutine.wrap(function() return unpack({}, 1, 200) end)() end",
)  # fmt: skip

FILL = """
local count, pcall, rep, load = collectgarbage, pcall, string.rep, load
local keep, n = {}, 0
for i = 1, 3000 do keep[i] = false end
pcall(load, "return 1")
local made
local function thing() THING end
local function fill(limit, free)
  for _, size in ipairs{262144, 32768, 4096, 512, 64, 24} do
    while (limit - count("count")) * 1024 - size - 60 > free and n < 3000 do
      n = n + 1
      keep[n] = rep("y", size - 6) .. (100000 + n)
    end
  end
end
local ok, why = pcall(fill, LIMIT, FREE)
ok, made = pcall(thing)
local shown = pcall(tostring, made)
for i = 1, 3000 do keep[i] = false end
ok, why = pcall(thing)
return true
"""

CAUGHT = """
local pcall, rep = pcall, string.rep
local keep, n = {}, 0
local function thing() THING end
pcall(function() while true do n = n + 1 keep[n] = rep("y", FREE) .. n end end)
local ok, made = pcall(thing)
keep = nil
ok, made = pcall(thing)
return true
"""


def scripts(limit: int, within: int, step: int) -> Iterator[str]:
    """One script for each thing and each number of bytes left below the limit, or above it."""
    slack = min(limit / 16, 8 * MB)
    for number, free in enumerate(range(-within, within + 1, step)):
        for edge in (limit, limit + slack):
            for thing in THINGS[number % 3 :: 3] if step < 1000 else THINGS:
                code = FILL.replace("LIMIT", f"{edge / 1024:.4f}").replace("FREE", str(free))
                yield code.replace("THING", thing)
        size = str(40 + abs(free) // 8)
        yield CAUGHT.replace("FREE", size).replace("THING", THINGS[number % len(THINGS)])


def fill(limit: int, within: int, step: int, last: Path) -> str:
    """Runs them all; what went wrong, or ''."""
    ends: dict[str, int] = {}
    with Host(simulate=True, limits=Limits(memory=limit, lua_time=60.0)) as host:
        for code in scripts(limit, within, step):
            last.write_text(code)
            result = host.run_source(code)
            kind = result.error.kind if result.error is not None else "ok"
            ends[kind] = ends.get(kind, 0) + 1
            if kind not in ("ok", "limit"):
                return f"{result.error}\n{code}"
            if host.stats().exhausted:
                return f"LuaJIT itself was refused memory\n{code}"
        healthy = host.run_source("return new_product():name('x'):create()")
        if healthy.error is not None:
            return f"a healthy script afterwards: {healthy.error}"
    print(
        f"{sum(ends.values())} scripts with {limit // 1024:,} KB: "
        + ", ".join(f"{n} {kind}" for kind, n in ends.items())
    )
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description="Do everything with memory that is about full.")
    parser.add_argument("--limit", type=float, default=4, help="MB")
    parser.add_argument("--within", type=int, default=24_000, help="bytes from the limit")
    parser.add_argument("--step", type=int, default=100, help="bytes")
    parser.add_argument("--last", type=Path, help="where the script being run is written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        last = options.last or Path(folder) / "last.lua"
        wrong = fill(int(options.limit * MB), options.within, options.step, last)
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
