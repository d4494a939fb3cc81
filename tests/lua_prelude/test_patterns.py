"""The bounded string library answers like LuaJIT's own, and can be stopped where that one cannot."""

# ruff: noqa: E501 — Lua code in strings keeps its own width
from __future__ import annotations

from importlib.resources import files
from typing import Any

import lupa.luajit21 as lupa
import pytest

PRELUDE = files("host.lua") / "prelude"

SETUP = """
local sources, budget, limit = ...
jit.off()
local string_copy, table_copy = {}, {}
for k, v in pairs(string) do string_copy[k] = v end
for k, v in pairs(table) do table_copy[k] = v end
local host = {
  type = type, select = select, tonumber = tonumber, tostring = tostring, error = error, unpack = unpack, rawget = rawget,
  pcall = pcall, next = next, getmetatable = getmetatable, string = string_copy, table = table_copy, math = math, limit_string = limit, globals = {},
  debug = debug, ticks = 0, collectgarbage = collectgarbage, rawset = rawset, run = { spare = 0 }, limit_memory = 1e12, pace = function() end, expect = function() end,
}
function host.tick()
  host.ticks = host.ticks + 1
  if host.ticks > budget then error("stopped", 0) end
end
function host.load_prelude(_, name) return assert(loadstring(sources[name], "=host"))(host) end
for name in ("totext bounds strings tables patterns"):gmatch("%a+") do host.load_prelude(host, name) end
host.safe = { string = host.globals.string, table = host.globals.table }
-- A run's own hook: counts as a tick, so that what never charges is stopped as well.
function host.guarded(fn, ...)
  host.ticks = 0
  debug.sethook(host.tick, "", 100000)
  local out = { pcall(fn, ...) }
  debug.sethook()
  return unpack(out, 1, 3)
end
return host
"""

COMPARE = """
local host, seed, runs = ...
local random, concat = math.random, table.concat
math.randomseed(seed)
local safe, matcher = host.safe.string, host.matcher
local letters = { "a", "a", "b", "b", "1", " ", "(", ")", "\\0", "%", "-", "]", "^", ".", "\\n", "Z", "\\255" }
local tokens = { "a", "b", "1", ".", "%a", "%d", "%s", "%S", "%w", "%W", "%p", "%z", "%%", "%.", "%(", "[ab]", "[^a]", "[%a_]", "[a-z]",
  "[]a]", "[^]a]", "[a-]", "[%]]", "%b()", "%bab", "%f[%w]", "%f[%z]", "%f[^a]", "(", ")", "(", ")", "()", "(a)", "(.-)", "(%w*)",
  "*", "+", "-", "?", "*", "-", "$", "^", "%1", "%2", "%0", "]", "\\0", "[", "[a", "%", "%f", "%b", "%bx", "%Z", "(a*)", "(.)" }
local replacements = { "", "x", "<%0>", "%1", "%2%1", "%%", "%", "a%9", "%a", 7, "\\0%0" }
local function pick(list, least, most)
  local out = {}
  for i = 1, random(least, most) do out[i] = list[random(#list)] end
  return concat(out)
end
local function pack(...) return { n = select("#", ...), ... } end
local function same(a, b)
  if a.n ~= b.n then return false end
  for i = 1, a.n do if a[i] ~= b[i] then return false end end
  return true
end
local function show(v)
  local out = {}
  for i = 1, v.n do out[i] = string.format("%q", tostring(v[i])) end
  return concat(out, " ")
end
local function all(gmatch, s, p)
  local out, n = {}, 0
  for a, b, c in gmatch(s, p) do
    n = n + 1
    out[n] = tostring(a) .. "|" .. tostring(b) .. "|" .. tostring(c)
  end
  return concat(out, "\\n")
end
local bad, errors, matched = {}, 0, 0
local function check(what, s, p, expected, got)
  if not expected[1] then errors = errors + 1 elseif expected[2] then matched = matched + 1 end
  if not same(expected, got) and #bad < 5 then
    bad[#bad + 1] = string.format("%s(%q, %q): %s, not %s", what, s, p, show(expected), show(got))
  end
end
local inits = { nil, 1, 2, 5, -1, -3, 0, 100, 1e10, -1e10, 1.7, "2", 0 / 0 }
local counts = { 0, 1, 2, -1, 2.9, 1e10, "1", -1e10, 0 / 0, 1 / 0, 2 ^ 32 + 1, 2 ^ 31 }
for _ = 1, runs do
  local s, p = pick(letters, 0, 12), pick(tokens, 0, 7)
  local init = inits[random(13)]
  check("find", s, p, pack(pcall(string.find, s, p, init)), pack(pcall(safe.find, s, p, init)))
  check("match", s, p, pack(pcall(string.match, s, p, init)), pack(pcall(safe.match, s, p, init)))
  local start = string.find(s, "", init, true)
  if string.find(p, "[%^%$%*%+%?%.%(%[%%%-]") then
    check("find", s, p, pack(pcall(string.find, s, p, init)), pack(pcall(matcher.find, s, p, start)))
  end
  check("match", s, p, pack(pcall(string.match, s, p, init)), pack(pcall(matcher.match, s, p, start)))
  local meant = p:byte() == 94 and "%" .. p or p
  local expected = pack(pcall(all, string.gmatch, s, p))
  check("gmatch", s, p, expected, pack(pcall(all, safe.gmatch, s, p)))
  check("gmatch", s, p, expected, pack(pcall(all, matcher.gmatch, s, meant)))
  local repl, kind = nil, random(4)
  if kind == 1 then repl = { a = "A", b = false, ["1"] = 5, ab = {} }
  elseif kind == 2 then repl = function(x, y) return x ~= "b" and y or nil end
  else repl = replacements[random(#replacements)] end
  local most = counts[random(24)]
  expected = pack(pcall(string.gsub, s, p, repl, most))
  check("gsub " .. tostring(repl) .. " " .. tostring(most), s, p, expected, pack(pcall(safe.gsub, s, p, repl, most)))
  if type(repl) == "number" then repl = repl .. "" end
  check("gsub matcher " .. tostring(repl) .. " " .. tostring(most), s, p, expected, pack(pcall(matcher.gsub, s, p, repl, most)))
end
return concat(bad, "\\n"), errors, matched
"""


def make(budget: float = 1e9, limit: int = 1_000_000) -> tuple[Any, Any]:
    lua = lupa.LuaRuntime(encoding="latin-1", register_eval=False, register_builtins=False)
    names = ("totext", "bounds", "strings", "tables", "patterns")
    sources = lua.table_from({name: (PRELUDE / f"{name}.lua").read_bytes().decode("latin-1") for name in names})
    return lua, lua.execute(SETUP, sources, budget, limit)


@pytest.mark.parametrize("seed", range(1, 5))
def test_random_patterns_give_what_the_c_matcher_gives(seed: int) -> None:
    """10,000 random pattern/subject pairs a seed: same values, same errors, from both ways of matching."""
    lua, host = make()
    bad, errors, matched = lua.execute(COMPARE, host, seed, 10_000)
    assert bad == ""
    assert errors > 1000
    assert matched > 1000


@pytest.mark.parametrize(
    ("subject", "pattern"),
    [
        ("('a'):rep(300)", "('a?'):rep(300)"),
        ("('a'):rep(250)", "('a'):rep(250)"),
        ("('a'):rep(250)", "('a*'):rep(250)"),
        ("('a'):rep(250)", "('a-'):rep(250)"),
        ("('a'):rep(5)", "('()'):rep(33)"),
        ("('a'):rep(5)", "('('):rep(33)"),
        ("('ab'):rep(40)", "('(a)b'):rep(32)"),
        ("('ab'):rep(40)", "('%f[a]'):rep(300)"),
        ("'a'", "('x'):rep(3) .. ('a*'):rep(250)"),
    ],
)
def test_depth_and_captures_end_where_they_do_in_c(subject: str, pattern: str) -> None:
    """Too deep and too many captures are refused at the same place with the same words."""
    lua, host = make()
    expected, got = lua.execute(
        f"""local host = ...
        local s, p = {subject}, {pattern}
        local function shown(...) local out = {{...}} for i = 1, select('#', ...) do out[i] = tostring(out[i]) end
          return table.concat(out, ' ') end
        return shown(pcall(string.find, s, p)), shown(pcall(host.matcher.find, s, p, 1))""",
        host,
    )
    assert got == expected


BOMBS = {
    "nested stars": "string.find(('a'):rep(5000), ('a*'):rep(20) .. 'b')",
    "lazy": "string.find(('a'):rep(20000), '.-.-.-.-b')",
    "optional": "string.find(('a'):rep(60), ('a?'):rep(60) .. ('a'):rep(61))",
    "unanchored run": "string.match(('a'):rep(900000), '.-b')",
    "balance": "string.find(('('):rep(900000), '%b()')",
    "back reference": "string.find(('a'):rep(100000), '(.*)%1b')",
    "gmatch": "(function() for w in string.gmatch(('a'):rep(90000), '(a*)(a*)b') do end end)()",
    "gsub": "string.gsub(('a'):rep(90000), '(a*)(a*)b', '')",
    "gsub in a callback": "string.gsub('x', 'x', function() string.find(('a'):rep(5000), ('a*'):rep(20) .. 'b') end)",
    "plain needle": "string.find(('a'):rep(900000), ('a'):rep(450000) .. 'b', 1, true)",
    "needle without specials": "string.find(('a'):rep(900000), ('a'):rep(450000) .. 'b')",
    "big set": "string.find(('a'):rep(900000), '[' .. ('b'):rep(900000) .. ']')",
    "many small ones": "while true do string.find(('a'):rep(40), 'a*a*b') end",
    "many searches": "while true do string.find(('a'):rep(900000), 'b', 1, true) end",
    "many upper": "local s = ('a'):rep(900000) while true do string.upper(s) end",
    "sort": """local n, t = 20000, {}
      for i = 1, n do t[i] = i % 2 == 0 and i or n - i end
      while true do table.sort(t) end""",
    "insert": "local t = {} for i = 1, 500000 do t[i] = i end while true do table.insert(t, 1, 0) end",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_stopped(name: str) -> None:
    """What would hold the C functions for minutes or for ever meets the budget, and the state works afterwards."""
    lua, host = make(budget=150)
    message, after = lua.execute(
        """local host, code = ...
        local chunk = assert(loadstring(code))
        local names = { string = host.safe.string, table = host.safe.table }
        setfenv(chunk, setmetatable(names, { __index = _G }))
        debug.getmetatable('').__index = host.safe.string
        local ok, message = host.guarded(chunk)
        host.ticks = 0
        return ok or message, host.safe.string.match('key=value', '(%w+)=%w+')""",
        host,
        "return " + BOMBS[name] if BOMBS[name].startswith(("string", "(")) else BOMBS[name],
    )
    assert message == "stopped"
    assert after == "key"


@pytest.mark.parametrize(
    "code",
    [
        "string.rep('x', 1000001)",
        "string.rep('x', 2^40)",
        "string.rep('', 1000, ('x'):rep(2000))",
        "string.format(('%s'):rep(20), string.rep('x', 60000), " + ", ".join(["string.rep('x', 60000)"] * 19) + ")",
        "string.format('%s%s', setmetatable({}, {__tostring = function() return ('x'):rep(600000) end}), ('x'):rep(600000))",
        "string.format('%q', ('\\0'):rep(500000))",
        "string.gsub(('x'):rep(2000), '.', ('y'):rep(2000))",
        "string.gsub(('x'):rep(2000), 'x', function() return ('y'):rep(2000) end)",
        "string.gsub(('x'):rep(2000), 'x', {x = ('y'):rep(2000)})",
        "string.gsub(('x'):rep(2000), '.*', ('%0'):rep(2000))",
        "table.concat({('x'):rep(600000), ('x'):rep(600000)})",
        "table.concat({1, 2, 3}, ('x'):rep(600000))",
    ],
)
def test_no_result_is_over_the_string_limit(code: str) -> None:
    """Whatever would build a string over the limit says so, at the script's line."""
    lua, host = make()
    message = lua.execute(
        """local host, code = ...
        local chunk = assert(loadstring(code, '=script'))
        setfenv(chunk, setmetatable({ string = host.safe.string, table = host.safe.table }, { __index = _G }))
        debug.getmetatable('').__index = host.safe.string
        local ok, message = pcall(chunk)
        return ok or message""",
        host,
        f"local r = {code}",
    )
    assert "string limit: the result of" in str(message)
    assert "the limit is 1000000" in str(message)


@pytest.mark.parametrize(
    "code",
    [
        "string.find(nil, 'a')",
        "string.find('a')",
        "string.find('a', '.', {})",
        "('x'):find({})",
        "('a'):match('[a')",
        "string.match(true, 'a')",
        "string.gsub('a', 'a')",
        "string.gsub('a', 'a', true)",
        "string.gsub('a', 'a', 'b', {})",
        "string.gsub('a', 'a', '%2')",
        "string.gsub('a', 'a', function() return {} end)",
        "string.gsub('a', '(a', '%1')",
        "string.gmatch('a')",
        "string.rep('x')",
        "string.rep({}, 2)",
        "string.rep('x', 'y')",
        "string.format()",
        "string.format('%d', 'x')",
        "string.format('%y', 1)",
        "string.format('%99999d', 1)",
        "string.format('%s')",
        "string.upper()",
        "table.concat({1, {}, 3})",
        "table.concat(nil)",
        "table.concat({}, {}, 1, 2)",
        "table.insert(nil, 1)",
        "table.insert({}, 1, 2, 3)",
        "table.sort(nil)",
        "table.sort({1, 'a'})",
    ],
)
def test_wrong_arguments_are_refused_in_luas_own_words_at_the_scripts_line(code: str) -> None:
    """An error is word for word what the plain library says, position included (a missing argument is a nil one)."""
    lua, host = make()
    run = """local host, code, safe = ...
    local chunk = assert(loadstring(code, '=script'))
    if safe then
      setfenv(chunk, setmetatable({ string = host.safe.string, table = host.safe.table }, { __index = _G }))
      debug.getmetatable('').__index = host.safe.string
    end
    local ok, message = pcall(chunk)
    return ok or message"""
    expected = lua.execute(run, host, f"local r\n\nr = {code}\nr = 1", False)
    got = lua.execute(run, host, f"local r\n\nr = {code}\nr = 1", True)
    assert str(got) == str(expected).replace("got no value", "got nil")


@pytest.mark.parametrize(
    "code",
    [
        "local function f() return (string.gsub('x', 'x', f)) end return pcall(f)",
        "local t t = setmetatable({}, {__index = function() return (string.gsub('x', 'x', t)) end}) return pcall(function() return t.x end)",
        "local function f() table.sort({2, 1}, f) return 1 end return pcall(f)",
        "local m = {} m.__lt = function() table.sort({setmetatable({}, m), setmetatable({}, m)}) return 1 end return pcall(m.__lt)",
        "local t t = setmetatable({}, {__tostring = function() return string.format('%s', t) .. '' end}) return pcall(string.format, '%s', t)",
    ],
)
def test_callbacks_recurse_in_lua_only(code: str) -> None:
    """Recursion through a callback or metamethod is Lua's stack overflow, never the C stack's end (a crash)."""
    lua, host = make()
    ok, message = lua.execute(
        """local host, code = ...
        local chunk = assert(loadstring(code))
        setfenv(chunk, setmetatable({ string = host.safe.string, table = host.safe.table }, { __index = _G }))
        local ok, message = chunk()
        return ok, message""",
        host,
        code,
    )
    assert not ok
    assert "stack overflow" in str(message)


def test_sort_sorts_whatever_the_comparison() -> None:
    """Random lists come out in order, with and without a function; a senseless function ends, losing nothing."""
    lua, host = make()
    got = lua.execute(
        """local host = ...
        math.randomseed(7)
        for round = 1, 300 do
          local n, list, count = math.random(0, round * 5), {}, {}
          for i = 1, n do list[i] = math.random(50) count[list[i]] = (count[list[i]] or 0) + 1 end
          local kind = round % 3
          if kind == 0 then host.safe.table.sort(list)
          elseif kind == 1 then host.safe.table.sort(list, function(a, b) return a > b end)
          else host.safe.table.sort(list, function() return math.random(2) == 1 end) end
          for i = 1, n do count[list[i]] = count[list[i]] - 1 end
          for _, left in pairs(count) do if left ~= 0 then return "lost" end end
          if #list ~= n then return "length" end
          for i = 2, n do
            if kind == 0 and list[i] < list[i - 1] or kind == 1 and list[i] > list[i - 1] then return "order" end
          end
        end
        return "ok" """,
        host,
    )
    assert got == "ok"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return table.concat({1, 'a', 2.5}, '-')", "1-a-2.5"),
        ("return table.concat({1, 2, 3}, ',', 2, 3)", "2,3"),
        ("return string.rep('ab', 3, '-')", "ab-ab-ab"),
        ("return string.rep('ab', -1)", ""),
        ("return string.format('%s %5.1f %q %d', {1} and 'x', 2.25, 'a\"b', 3)", 'x   2.2 "a\\"b" 3'),
        (
            "return string.format('%s|%%|%s', setmetatable({}, {__tostring = function() return 'T' end}), nil)",
            "T|%|nil",
        ),
        ("local t = {3, 1, 2} table.sort(t) return table.concat(t)", "123"),
        (
            "local t = {} for i = 1, 5000 do t[i] = (i * 7919) % 5000 end table.sort(t) return t[1] .. ' ' .. t[5000]",
            "0 4999",
        ),
        ("local t = {1, 3} table.insert(t, 2, 2) table.insert(t, 4) return table.concat(t)", "1234"),
        ("return tostring(table.maxn({1, [9] = 1}))", "9"),
        (
            "return (string.gsub(string.rep('key = value\\n', 20000), '%s*=%s*(.-)\\n', '=%1;')):sub(1, 20)",
            "key=value;key=value;k"[:20],
        ),
        ("return (('  ' .. ('x y '):rep(2000)):match('^%s*(.-)%s*$')):sub(-3)", "x y"),
    ],
)
def test_ordinary_use_is_as_ever(code: str, expected: str) -> None:
    """The bounded functions do what the manual says."""
    lua, host = make()
    got = lua.execute(
        """local host, code = ...
        local chunk = assert(loadstring(code))
        setfenv(chunk, setmetatable({ string = host.safe.string, table = host.safe.table }, { __index = _G }))
        debug.getmetatable('').__index = host.safe.string
        return chunk()""",
        host,
        code,
    )
    assert got == expected
