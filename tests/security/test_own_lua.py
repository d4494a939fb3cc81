"""The host's own Lua never goes by way of what a script can replace, and replaces nothing of a script's."""

# ruff: noqa: E501 — Lua code in strings keeps its own width
from __future__ import annotations

import re
from pathlib import Path

import pytest

from host import Host, Limits, Permissions
from host.lua.globals import FILES, STANDARD
from host.lua.state import prelude_files

PRELUDE = sorted(prelude_files().values())

#: Keeps what it needs of the standard globals in locals, then sets a trap in every global and every field of every library.
TRAPPED = """
local kept, fields, trapped = {}, {}, {}
local pairs, type, rawset, tostring_, error_ = pairs, type, rawset, tostring, error
for _, name in ipairs(names) do
  kept[name] = _G[name]
  if type(kept[name]) == "table" then
    fields[name] = {}
    for key, value in pairs(kept[name]) do fields[name][key] = value end
  end
end
kept.new_product, kept.stripe = new_product, stripe
kept.new_price = loaded and new_price or nil
local function trap(name)
  return function() trapped[#trapped + 1] = name return error_("the trap of " .. name) end
end
for name, value in pairs(kept) do
  if type(value) == "table" then
    for key in pairs(fields[name]) do rawset(value, key, trap(name .. "." .. tostring_(key))) end
  end
  rawset(_G, name, trap(name))
end
local string, table, coroutine, json, log, os, io = fields.string, fields.table, fields.coroutine, fields.json, fields.log,
  fields.os, fields.io
local pcall, tostring, select = kept.pcall, kept.tostring, kept.select
"""

#: One line for each thing a script can do with them; `out` gets what shows that it was done.
USES = {
    "builders": 'local p = kept.new_product():name("x"):metadata{b = "1", a = "2"}:set("description", "d") '
    "out = tostring(p:copy()) .. p:create() .. tostring(p.data) .. tostring(p)",
    "a builder's refusal": "out = tostring(select(2, pcall(function() kept.new_product():nme('x') end)))",
    "namespaces": "for product in kept.stripe.products.list{limit = 3}:each() do out = product end "
    "out = tostring(kept.stripe.products.list{limit = 1})",
    "tasks": "local task = kept.spawn(function() return 'done' end) out = task:wait() .. tostring(task)",
    "parallel": "out = kept.parallel(function() kept.sleep(0) return 'a' end, function() return 'b' end)",
    "map": "out = kept.map({1, 2}, function(n) return n end)[2]",
    "with_timeout": "out = kept.with_timeout(5, function() return 'in time' end)",
    "wait_any": "out = tostring(kept.wait_any(kept.spawn(function() end)))",
    "try": "out = tostring(select(2, kept.try(error_, 'tried')))",
    "pcall": "out = tostring(select(2, kept.pcall(error_, 'tried')))",
    "xpcall": "out = select(2, kept.xpcall(error_, function() return 'handled' end))",
    "json": "out = json.encode(json.decode('[1, {\"a\": null}]'))",
    "inspect": "out = kept.inspect({ a = { b = { 1, 2 } }, [true] = 'x\\n' })",
    "log": "log.info('said', { a = 1 }) out = 'said'",
    "print": "kept.print('printed', json.decode('{\"a\": 1}')) io.write('written') out = 'printed'",
    "time": "out = os.time{ year = 2020, month = 1, day = 2 } .. os.date('%Y', 0)",
    "load": "out = kept.load('return 7')() + kept.loadstring('return 7')() kept.load(function() return nil end, 'x')",
    "strings": "out = string.gsub('abc', '%w', { a = 'x' }) .. string.format('%s', json.decode('[1]')) .. string.rep('x', 9)",
    "long strings": "out = #string.gsub(string.rep('ab', 100000), 'a', 'cc') .. #string.upper(string.rep('x', 100000))",
    "a pattern": "out = string.find(string.rep('a', 4600), '.-b') or 'none'",
    "tables": "local t = { 3, 'a' } out = tostring(pcall(table.sort, t)) .. table.concat({ 1, 2 }, ',')",
    "coroutines": "local co = coroutine.wrap(function(x) coroutine.yield(x) kept.sleep(0) return 'end' end) co(1) out = co()",
    "a secret": "out = tostring('Bearer ' .. kept.STRIPE_API_KEY)",
    "the environment": "out = tostring(kept.env) .. tostring(os.getenv('NOTHING'))",
    "graphql": "out = tostring(select(2, pcall(kept.graphql_query, '{ a }')))",
    "http": "out = tostring(select(2, pcall(fields.http.get, 'http://127.0.0.1:9/')))",
}

#: These do go by what a script may set: they are written in terms of it.
LAST = {
    "an error that is a table": ("error_({ a = 1 })", "the error is a table: { a = 1 }"),
    "an error of the host": ("kept.new_product():nme('x')", "nme"),
    "an answer as an error": ("error_(json.decode('{\"a\": 1}'))", "{ a = 1 }"),
}


def names() -> str:
    return "{" + ", ".join(f'"{name}"' for name in STANDARD) + "}"


@pytest.fixture(scope="module")
def host():
    with Host(simulate=True, limits=Limits(lua_time=60), permissions=Permissions(net=["127.0.0.1:9"])) as host:
        yield host


@pytest.mark.parametrize("use", USES)
def test_the_host_s_lua_meets_no_trap(host: Host, use: str) -> None:
    """Everything works while each global and each field of a library is a trap, before its first use and after it."""
    code = f"local names, loaded = {names()}, true\n{TRAPPED}\nlocal out\n"
    code += f"{USES[use]}\nlocal first = table.concat(trapped, ' ')\n{USES[use]}\n"
    result = host.run_source(code + "return { table.concat(trapped, ' '), out ~= nil }")
    assert result.error is None, result.error
    assert result.value == ["", True]


@pytest.mark.parametrize("end", LAST)
def test_the_end_of_a_run_meets_no_trap(host: Host, end: str) -> None:
    """Nor does what shows the error a run ends with."""
    code, shown = LAST[end]
    result = host.run_source(f"local names = {names()}\n{TRAPPED}\n{code}")
    assert result.error is not None
    assert shown in result.error.message
    assert "trap" not in result.error.message


@pytest.mark.parametrize("used", sorted(FILES))
def test_a_script_s_own_globals_stay_its_own(host: Host, used: str) -> None:
    """To name one of the host's globals sets no other, which the script may have made for itself."""
    code = f"""
      local mine = {{}}
      for _, name in ipairs({names()}) do
        if name ~= {used!r} and name ~= "pcall" and name ~= "rawget" then mine[name] = {{}} rawset(_G, name, mine[name]) end
      end
      local first = _G.{used}
      for name, value in next, mine do if rawget(_G, name) ~= value then return name end end
      return first ~= nil
    """
    code = f"local ipairs, rawset, rawget, next = ipairs, rawset, rawget, next\n{code}"
    result = host.run_source(code)
    assert result.error is None, result.error
    assert result.value is True


@pytest.mark.parametrize("path", PRELUDE, ids=lambda path: path.name)
def test_no_file_reads_a_script_s_globals(path: Path) -> None:
    """``core.env`` is only ever handed on whole, as the globals of the text that is loaded."""
    source = re.sub(r"--[^\n]*", "", path.read_text())
    assert not re.search(r"core\.env\s*[.\[]", source)
    if re.search(r"\benv\b[^=\n]*=[^\n]*core\.env\b(?!_)", source) or path.name == "env.lua":
        assert path.name in ("env.lua", "begin.lua", "loading.lua"), "keep the globals of the script out of other files"
        reads = re.findall(r"(?<![\w.])env\.(\w+)\b(?!\s*=[^=])", source)
        assert reads == []
