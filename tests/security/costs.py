# ruff: noqa: E501 — Lua code in strings keeps its own width
"""Scripts that make single instructions and calls of C as dear as they can, by name; none ends by itself.

``python tests/security/costs.py [NAME…]`` prints the processor time each takes with ``lua_time=1``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from host import Host, Limits

DIGITS = "local s = ('9'):rep(60e6) "
QUICK = "local function quick() for i = 1, 9000 do end end "

COSTS = {
    "tonumber": DIGITS + "while true do tonumber(s) end",
    "tonumber with a base": DIGITS + "while true do tonumber(s, 16) end",
    "arithmetic on digits": DIGITS + "while true do local a = s + 0 end",
    "arithmetic after quick instructions": DIGITS + QUICK + "while true do quick() " + "h = s + 1 " * 200 + "end",
    "digits joined where memory is full of tables": "local t = {} for i = 1, 1e6 do t[i] = {} end local s = '9' for i = 1, 24 do s = s .. s end "
    + QUICK + "while true do quick() " + "h = s + 1 " * 200 + "end",
    "a loop from digits": DIGITS + "while true do for i = 1, s do break end end",
    "math.floor": DIGITS + "while true do math.floor(s) end",
    "math.max of many": DIGITS + "local t = {} for i = 1, 200 do t[i] = s end while true do pcall(math.max, unpack(t)) end",
    "bit.bor of many": DIGITS + "local t = {} for i = 1, 200 do t[i] = s end while true do pcall(bit.bor, unpack(t)) end",
    "string.char of many": DIGITS + "local t = {} for i = 1, 200 do t[i] = s end while true do pcall(string.char, unpack(t)) end",
    "format of many": DIGITS + "local t = {} for i = 1, 200 do t[i] = s end while true do pcall(string.format, ('%d'):rep(200), unpack(t)) end",
    "comparing": "local a, b = ('x'):rep(50e6) .. '1', ('x'):rep(50e6) .. '2' while true do local c = a < b end",
    "joining": DIGITS + "while true do local c = s .. 'x' end",
    "joining many": "local s = ('9'):rep(10e6) while true do local c = s .. s .. s .. s .. s end",
    "upper": DIGITS + "while true do s:upper() end",
    "reverse": DIGITS + "while true do s:reverse() end",
    "sub": DIGITS + "while true do local c = s:sub(2) end",
    "byte": DIGITS + "while true do s:byte(1, 7000) end",
    "rep": "while true do local c = ('9'):rep(60e6) end",
    "format": DIGITS + "while true do string.format('%s', s) end",
    "format, quoted": "local s = ('\\0'):rep(15e6) while true do string.format('%q', s) end",
    "find, plain": DIGITS + "while true do s:find('x', 1, true) end",
    "find of a long text": DIGITS + "local n = ('9'):rep(30e6) .. 'x' while true do s:find(n, 1, true) end",
    "match": DIGITS + "while true do s:match('^9*$') end",
    "gsub": DIGITS + "while true do s:gsub('9', '') end",
    "gsub with a function": DIGITS + "while true do s:gsub('9+', function(x) return x end) end",
    "gmatch": DIGITS + "while true do for w in s:gmatch('9+') do end end",
    "table.concat": "local t = {} for i = 1, 6 do t[i] = ('9'):rep(1e7) end while true do table.concat(t) end",
    "table.insert": "local t = {} for i = 1, 2e6 do t[i] = i end while true do table.insert(t, 1, 0) end",
    "table.remove": "local t = {} for i = 1, 2e6 do t[i] = i end while true do table.remove(t, 1) end",
    "table.maxn": "local t = {} for i = 1, 4e6 do t[i] = i end while true do table.maxn(t) end",
    "table.sort": "local t = {} for i = 1, 2e5 do t[i] = i % 7 end while true do table.sort(t) end",
    "next on an emptied table": "local t = {} for i = 1, 1e6 do t[i * 1.5] = 1 end for k in pairs(t) do t[k] = nil end while true do next(t) end",
    "unpack": "local t = {} for i = 1, 7000 do t[i] = i end while true do select('#', unpack(t)) end",
    "load": "local s = 'return ' .. ('1,'):rep(1e6) .. '1' while true do load(s) end",
    "load of a long comment": "local s = '--' .. ('x'):rep(15e6) while true do load(s) end",
    "load of a chain of elseif": "local s = 'local a ' .. ('if a then a = 1 else'):rep(2e5) .. ' a = 1 end' while true do load(s) end",
    "load of a chain of and": "local s = 'x = ' .. ('a and '):rep(2e5) .. '1' while true do load(s) end",
    "load of labels and jumps": "local p = {} for i = 1, 30000 do p[i], p[30000 + i] = '::l' .. i .. '::', 'goto z' end "
    + "local s = 'do ' .. table.concat(p, ' ') .. ' end ::z::' while true do load(s) end",
    "load of functions": "local s = ('f(function()end)'):rep(9e5) while true do load(s) end",
    "the script itself, of a chain of elseif": "local a " + "if a then a = 1 else" * 200_000 + " a = 1 end",
    "json.encode": DIGITS + "while true do json.encode(s) end",
    "json.decode": "local s = '\"' .. ('9'):rep(60e6) .. '\"' while true do json.decode(s) end",
    "inspect": DIGITS + "while true do inspect(s) end",
    "print": DIGITS + "while true do pcall(print, s) end",
    "log": DIGITS + "while true do pcall(log.info, s) end",
    "an error": DIGITS + "while true do pcall(error, s) end",
    "a key": DIGITS + "local t = {} while true do t[s .. 'x'] = 1 end",
    "a global": DIGITS + "while true do local x = _G[s] end",
    "a method": DIGITS + "local p = new_product() while true do pcall(function() return p[s] end) end",
    "a member": DIGITS + "while true do pcall(function() return stripe[s] end) end",
    "a parameter": DIGITS + "while true do pcall(function() new_product():name(s) end) end",
    "a call's arguments": DIGITS + "while true do pcall(stripe.products.create, {name = s}) end",
    "a secret": DIGITS + "while true do pcall(function() return s .. STRIPE_API_KEY end) end",
    "garbage": "local keep = {} for i = 1, 1e6 do keep[i] = {} end while true do local t = {} end",
    "coroutines": "while true do coroutine.wrap(function() local t = {} end)() end",
}  # fmt: skip


def cost(host: Host, name: str) -> tuple[float, str]:
    """Seconds of processor time one of them takes, and the kind of error it ends with."""
    before = time.process_time()
    result = host.run_source(COSTS[name])
    return time.process_time() - before, "" if result.error is None else result.error.kind


if __name__ == "__main__":
    with Host(simulate=True, limits=Limits(lua_time=1)) as host:
        for name in sys.argv[1:] or COSTS:
            seconds, kind = cost(host, name)
            print(f"{seconds:6.2f} s  {name}: {kind}", flush=True)
