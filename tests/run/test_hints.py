"""What an error of Lua's own says besides: what is there instead of a name, and Lua's way of another language's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from host import Host, ScriptError
from host.run.hints import hint_for
from host.run.missing_names import MEMBERS, MISSING, MODULES
from host.run.syntax_habits import LINES, _without_texts

Fails = Callable[..., ScriptError]
NAMES = [name for name in MISSING if not name.endswith("*")]
LUA_FILES = sorted(
    path for folder in ("lua_scripts", "tests") for path in (Path(__file__).parents[2] / folder).rglob("*.lua")
)


def test_no_name_of_the_table_is_there(host: Host) -> None:
    """None of the names that have a replacement exists in a run; the list is not out of date."""
    code = "return {" + ", ".join(f"{_there(name)}" for name in NAMES) + "}"
    assert host.run_source(code).value == [False] * len(NAMES)


def _there(name: str) -> str:
    """Lua for whether a name is there."""
    steps = name.split(".")
    return " and ".join(f"{'.'.join(steps[: n + 1])} ~= nil" for n in range(len(steps)))


def test_the_members_of_the_libraries_are_those_there_are(host: Host) -> None:
    """The names a misspelt one is compared with are the libraries' own, all of them."""
    names = ", ".join(f"{name!r}" for name in MEMBERS)
    there = host.run_source(
        f"local out = {{}} for _, name in ipairs{{{names}}} do local names = {{}} for key in pairs(_G[name]) do "
        "names[#names + 1] = key end table.sort(names) out[name] = table.concat(names, ' ') end return out"
    ).value
    assert there == {name: " ".join(sorted(members)) for name, members in MEMBERS.items()}


USES = ["{}('x')", "local x = {}.x.y", "local n = 1 + {}", "local s = {} .. ''"]


@pytest.mark.parametrize("use", USES)
def test_each_missing_name_says_what_is_there(host: Host, use: str) -> None:
    """Called, indexed, added or joined to: caught or not, the message names what takes the name's place."""
    wrong = []
    for name in NAMES:
        code = f"\n\n{use.format(name)}"
        error = host.run_source(code).error
        said = host.run_source(f"return select(2, pcall(function() {code} end))").value
        if error is None or error.line != 3 or MISSING[name] not in str(error.hint):
            wrong.append((name, error and error.message, error and error.hint))
        elif MISSING[name] not in str(said) or not str(said).startswith("inline:3: "):
            wrong.append((name, said))
    assert wrong == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("local open = io.open\nlocal f = open('x')", "fs.read"),
        ("local e = io.stderr\ne:write('x')", "log.error"),
        ("local io = require('io')\nio.open('x')", "fs.read"),
        ("local files = require('io')\nfiles.open('x')", "fs.read"),
        ("local files = io\nfiles.lines('x')", "fs.read"),
        ("for line in io.lines('x') do end", "fs.read"),
        ("io.stderr:write('x')", "log.error"),
        ("io.stderr\n  :write('x')", "log.error"),
        ("io.popen('ls'):read('*a')", "cannot start programs"),
        ("local d = require('debug')\nlocal f = d.getupvalue\nf(print, 1)", "debug.traceback"),
        ("debug.sethook()", "debug.traceback"),
        ("return package.searchers[1]", "package has loaded"),
        ("pcall(io.open, 'x')\nlocal _, e = pcall(io.open, 'x') error(e, 0)", "fs.read"),
        ("local s = 'a b'\nreturn s:split(' ')", "gmatch"),
        ("return ('x'):trim()", "match"),
        ("return string.sbu('x', 1)", 'did you mean "string.sub"'),
        ("return table.isnert({}, 1)", 'did you mean "table.insert"'),
        ("return tabel.insert({}, 1)", 'did you mean "table"'),
        ("console.log('x')", "print(…)"),
        ("JSON.stringify({})", "json.encode"),
        ("return os.getenv('HOME') .. '/x'", "--allow-env HOME"),
        ("return env.HOME .. '/x'", "--allow-env HOME"),
        ("local home = os.getenv('HOME')\nreturn home:upper()", "--allow-env HOME"),
        ("return args[1]:upper()", "argument"),
        ("return arg[0]", "args[1]"),
        ("return 'a' + 'b'", ".."),
        ("local s = 'a'\nreturn s + 'b'", ".."),
        ("x = new Foo()", "Class.new"),
        ("switch (x) {\n}", "if … elseif"),
        ("return '%d' % 5", "string.format"),
        ("return f'{x}'", "string.format"),
        ("return 1 < '2'", "tonumber"),
        ("return 'a' .. {}", "inspect"),
        ("return nil_value.x", None),
        ("local t = {}\nt.open('x')", None),
        ("local file = {}\nfile.write.x = 1", None),
        ("local t = nil\nreturn t.x", None),
    ],
)
def test_a_use_of_what_is_not_there(fails: Fails, code: str, said: str | None) -> None:
    """Names are found by what they were set to, too; what is the script's own is not taken for one."""
    error = fails(code)
    told = f"{error.message} {error.hint or ''}"
    if said is None:
        assert "there is no" not in str(error.hint)
        assert ";" not in error.message
    else:
        assert said in told


def test_a_caught_error_is_reported_once(fails: Fails) -> None:
    """Raised again and caught again, the message does not grow, and the hint is not beside it as well."""
    error = fails(
        "local function f() io.open('x') end\nlocal function g() local _, e = pcall(f) error(e, 0) end\n"
        "local _, e = pcall(g)\nerror(e, 0)"
    )
    assert error.message.count("fs.read") == 1
    assert (error.hint, error.line) == (None, 1)


@pytest.mark.parametrize(
    "way",
    [
        "pcall(f)",
        "xpcall(f, function(e) return e end)",
        "coroutine.resume(coroutine.create(f))",
        "pcall(coroutine.wrap(f))",
        "pcall(parallel, f)",
        "pcall(map, {1}, f)",
        "pcall(function() spawn(f):wait() end)",
    ],
)
def test_every_way_of_catching_gives_the_hint(host: Host, way: str) -> None:
    """Whatever caught it, the script is told what is there instead; try too."""
    code = f"local function f() return io.open('x') end\nlocal _, e = {way}\nreturn e"
    assert "fs.read" in host.run_source(code).value
    assert "fs.read" in host.run_source("local _, e = try(function() io.open('x') end) return e").value


@pytest.mark.parametrize("name", [*MODULES, "cjson.safe", "socket.http"])
def test_modules_that_are_built_in(host: Host, tmp_path: Path, name: str) -> None:
    """A library that is not beside the script, and what is there for it."""
    path = tmp_path / "main.lua"
    path.write_text(f"\nlocal x = require('{name}')\n")
    error = host.run(path).error
    assert error is not None
    assert (error.line, error.hint) == (2, MODULES[name.partition(".")[0]])
    assert f"module '{name}' not found" in error.message


SYNTAX = [
    ("if a != b then end", "~="),
    ("local x = a !== b", "~="),
    ("if a === b then end", "=="),
    ("if a <> b then end", "~="),
    ("if a && b then end", "and"),
    ("if a || b then end", "or"),
    ("if !a then end", "not"),
    ("local x = a ? b : c", "and a or b"),
    ("local x = a ?? b", "or"),
    ("local x = a?.b", "x.name"),
    ("x += 1", "x = x + …"),
    ("t.x -= 1", "t.x = t.x - …"),
    ("s ..= 'a'", "s = s .. …"),
    ("t[1] *= 2", "t[1] = t[1] * …"),
    ("i++", "i = i + 1"),
    ("i--\nprint(i)", "n = n - 1"),
    ("for i = 1, 2 do\n  if x then continue end\nend", "goto continue"),
    ("while x do\n  continue\nend", "goto continue"),
    ("for i = 1, 2 do\n  goto continue\nend", "::continue::"),
    ("if a then\n  b()\nelse if c then\n  d()\nend", "elseif"),
    ("if a then\nelif b then\nend", "elseif"),
    ("if a then\nelsif b then\nend", "elseif"),
    ("if (a) {\n  b()\n}", "braces"),
    ("if a {\n  b()\n}\nc()", "braces"),
    ("function f() {\n}", "braces"),
    ("for (i = 0; i < 3; i++) {\n}", "for i = 1, n"),
    ("for (local i = 0; i < 3; i = i + 1) do end", "for i = 1, n"),
    ("for i = 0; i < 3 do end", "for i = 1, n"),
    ("for i in 1..3 do end", "for i = 1, n"),
    ("foreach x in list do end", "pairs"),
    ("var x = 1", "local"),
    ("let x = 1", "local"),
    ("const x = 1", "local"),
    ("int x = 1", "local"),
    ("local x <const> = 1", "attributes"),
    ("local x: number = 1", "types"),
    ("function f(a: string) end", "types"),
    ("function f(a): string end", "types"),
    ("def f(x):\n  pass", "function name"),
    ("func f(x) end", "function name"),
    ("local fn f(x) end", "function name"),
    ("fucntion f()\nend", 'mean "function"'),
    ("local fucntion f()\n  x()\nend", 'mean "function"'),
    ("loacl x = 1", 'mean "local"'),
    ("retrun 5", 'mean "return"'),
    ("if x thne y() end", 'mean "then"'),
    ("x = a // b", "math.floor"),
    ("// a comment", "--"),
    ("/* a comment */", "--"),
    ("# a comment\nx = = 1", None),
    ("\n# a comment", "--"),
    ("x = a & b", "bit.band"),
    ("x = a | b", "bit.band"),
    ("x = a ~ b", "bit.band"),
    ("x = ~a", "bit.band"),
    ("x = 1 << 2", "bit.band"),
    ("x = a ** b", "^"),
    ("f(x => x + 1)", "function(x)"),
    ("f(function(x) -> x end)", "function(x)"),
    ("x := 1", "="),
    ("switch (x) {\n  case 1: f()\n}", "if … elseif"),
    ("throw 'x' + 1", "pcall"),
    ("import json", "require"),
    ("from json import x", "require"),
    ("await f()", "spawn"),
    ("class Foo\nend", "setmetatable"),
    ("unless x do end", "not"),
    ("del x", "nil"),
    ("x = [1, 2]", "{1, 2, 3}"),
    ('x = {"a": 1}', "name = value"),
    ("x = {a: 1}", "name = value"),
    ("x = {a = 1 b = 2}", "commas"),
    ("if x = 1 then end", "=="),
    ("if x\n  y()\nend", "then"),
    ("while x\n  y()\nend", "do"),
    ("x = 1 if y else 2", None),
    ("x = `a`", "[[…]]"),
    ("x = 1_000", "_"),
    ("x = 'abc", "[[…]]"),
    ("x.end = 1", '["end"]'),
    ("print x", "print(x)"),
    ("local a, local b = 1, 2", "one local"),
    ("if x is not nil then end", "~= nil"),
    ("a.b.c", "call"),
    ("null", "call"),
]


@pytest.mark.parametrize(("code", "said"), SYNTAX)
def test_a_habit_of_another_language(fails: Fails, code: str, said: str | None) -> None:
    """A text that does not compile says Lua's way of what stands there, in a script and in a module of its."""
    error = fails(code)
    assert error.kind == "syntax"
    assert said is None or (error.hint is not None and said in error.hint), (error.message, error.hint)


@pytest.mark.parametrize("path", LUA_FILES, ids=lambda path: path.name)
def test_what_is_lua_is_no_habit(path: Path) -> None:
    """No pattern for a line is found in a line of the project's own scripts: a hint does not blame what is right."""
    text = path.read_text(errors="replace")
    if "syntax" in text or path.name in ("broken.lua", "not_lua.lua"):
        pytest.skip("it does not compile, on purpose")
    for row in text.removeprefix("#!").split("\n"):
        bare = _without_texts(row)
        assert [hint for pattern, hint in LINES if re.search(pattern, bare)] == [], row


@pytest.mark.parametrize(
    "message",
    [
        "attempt to call global 'x' (a nil value)",
        "'=' expected near 'x'",
        "attempt to perform arithmetic on a string value",
    ],
)
def test_a_hostile_text_takes_no_time(message: str) -> None:
    """Long lines and texts made for slow patterns are cut, whatever line is told: uncut, this would not end."""
    for part in ("x", "[", "a.b", "if ", '{ "', "function(", "'\\", "local x ", "!", " = {"):
        source = (part * (10**5 // len(part)) + "\n").encode() * 2 + b"x\n" * 10**4
        for line in (0, 1, 2, 10**3, 10**9):
            told = hint_for(message, source, line)
            assert told is None or len(told) < 200
            assert hint_for("x" * 10**6, source, line) is None
