"""Where an error is told to be: in the file and at the line it was raised, however it travelled to the run's end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from host import Host, ScriptError

Fails = Callable[[str, str], ScriptError]

# What goes wrong in line 4 of the module, called as M.fault(), and what the message says.
FAULTS = {
    "a nil indexed": ("local t = {} return t.x.y", "attempt to index field 'x'"),
    "a nil called": ("local t = {} t.x() return 1", "attempt to call field 'x'"),
    "arithmetic": ("return {} + 1", "attempt to perform arithmetic"),
    "error(text)": ("error('bad thing') return 1", "bad thing"),
    "error(table)": ("error({code = 7, message = 'bad thing'}) return 1", "bad thing"),
    "assert": ("assert(false, 'bad thing') return 1", "bad thing"),
    "an API's error": ("stripe.products.retrieve('prod_none') return 1", "No such product"),
    "a refused call": ("new_product():nmae('x') return 1", "nmae"),
    "a refused argument": ("sleep('x') return 1", "sleep expects seconds"),
}
# How main.lua calls it, and whether the module's frames are told too.
WAYS = {
    "a call": ("M.fault()", True),
    "a function of main's": ("local function f() local x = M.fault() return x end\nf()", True),
    "pcall and error(e, 0)": ("local _, e = pcall(M.fault)\nerror(e, 0)", False),
    "twice": ("local _, e = pcall(M.fault)\n_, e = pcall(error, e, 0)\nerror(e, 0)", False),
    "try": ("local _, e = try(M.fault)\nerror(e, 0)", False),
    "xpcall": ("local _, e = xpcall(M.fault, function(e) return e end)\nerror(e, 0)", False),
    "wrap": ("coroutine.wrap(function() local x = M.fault() return x end)()", True),
    "wrap in wrap": ("coroutine.wrap(function() coroutine.wrap(M.fault)() end)()", True),
    "resume": ("local _, e = coroutine.resume(coroutine.create(M.fault))\nerror(e, 0)", False),
    "a task": ("spawn(function() sleep(0) local x = M.fault() return x end):wait()", True),
    "a task nobody waits for": ("spawn(function() local x = M.fault() return x end)", True),
    "a task in a task": ("spawn(function() spawn(M.fault):wait() end):wait()", True),
    "parallel": ("parallel(function() sleep(0) end, M.fault)", True),
    "map": ("map({1, 2}, function(n) if n == 2 then M.fault() end end)", True),
    "with_timeout": ("with_timeout(60, M.fault)", True),
    "an iterator": ("for _ in function() return M.fault() and nil end do end", True),
    "a metamethod": ("local _ = setmetatable({}, {__index = function() local x = M.fault() return x end}).x", True),
    "gsub": ("(('x'):gsub('x', function() local x = M.fault() return x end))", True),
    "sort": ("table.sort({2, 1}, function() local x = M.fault() return x end)", True),
}


@pytest.fixture
def fails(host: Host, tmp_path: Path) -> Fails:
    """Runs main.lua with a module beside it whose text is the second; gives its error."""

    def run(main: str, module: str) -> ScriptError:
        (tmp_path / "lib").mkdir(exist_ok=True)
        (tmp_path / "lib" / "deep.lua").write_text(module)
        (tmp_path / "main.lua").write_text(main)
        error = host.run(tmp_path / "main.lua").error
        assert error is not None
        return error

    return run


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", WAYS)
def test_an_error_of_a_module_is_shown_at_its_place(fails: Fails, fault: str, way: str) -> None:
    """Script, line and source are the module's; the stack begins there where it is known, and ends in main.lua."""
    code, said = FAULTS[fault]
    call, stacked = WAYS[way]
    if call.startswith("(("):
        call = f"local _ = {call}"
    error = fails(
        f'local M = require("lib.deep")\n{call}\n', f"local M = {{}}\n\nfunction M.fault()\n  {code}\nend\nreturn M\n"
    )
    assert (Path(error.script).name, error.line) == ("deep.lua", 4)
    assert f"> 4 |   {code}" in error.source
    assert said in error.message
    assert "deep.lua:4:" not in error.message
    stack = error.traceback.splitlines()
    if "nobody waits" not in way:
        assert "main.lua:" in stack[-1]
    if stacked:
        assert "deep.lua:4: in function" in stack[0]


@pytest.mark.parametrize("folder", ["x" * 50, "x" * 200, "straße und brücke " * 4, "a b:3: c"])
def test_names_of_any_length(host: Host, tmp_path: Path, folder: str) -> None:
    """Lua shows the end of a long name; the error has all of it, of the script's and of the module's."""
    place = tmp_path / folder
    place.mkdir()
    (place / "deep.lua").write_text("return function(t)\n  return t.x.y\nend\n")
    main = place / "main.lua"
    main.write_text('local f = require("deep")\nif args[1] then return args[1].x.y end\nf({})\n')
    for args, name, line in (([], "deep.lua", 2), (["a"], "main.lua", 2)):
        error = host.run(main, args=args).error
        assert error is not None
        assert (error.script, error.line, error.message[:10]) == (str(place / name), line, "attempt to")


def test_a_module_that_fails_to_load(fails: Fails) -> None:
    """Its line, the modules between, and the script that began it; a caught one is told again as it was."""
    error = fails(
        'local x = 1\nrequire("lib.deep")\n', "local function f()\n  local t = nil\n  return t.x\nend\nlocal y = f()\n"
    )
    assert (Path(error.script).name, error.line) == ("deep.lua", 3)
    assert [row.split("/")[-1] for row in error.traceback.splitlines()] == [
        "deep.lua:3: in function 'f'",
        "deep.lua:5: in main chunk",
        "main.lua:2: in main chunk",
    ]
    error = fails(
        'pcall(require, "lib.deep")\nrequire("lib.deep")\n', "loads = (loads or 0) + 1\nerror('load ' .. loads)\n"
    )
    assert (Path(error.script).name, error.line, error.message) == ("deep.lua", 2, "load 1")


def test_a_module_that_does_not_compile(fails: Fails) -> None:
    """The place is the module's, the message says who asked for it, and what is wrong has a hint."""
    error = fails('\nrequire("lib.deep")\n', "local x = 1\nif x != 1 then end\n")
    assert (Path(error.script).name, error.line) == ("deep.lua", 2)
    assert error.message == "error loading module 'lib.deep': 'then' expected near '!'"
    assert error.hint is not None
    assert "~=" in error.hint
    assert "> 2 | if x != 1" in error.source
    assert "main.lua:2: in main chunk" in error.traceback


def test_a_claimed_place_shows_no_file(host: Host, tmp_path: Path) -> None:
    """A message may claim any place: only the script's and its modules' texts are shown, as they were loaded."""
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret\n")
    main = tmp_path / "main.lua"
    for code in (
        f"error('{secret}:1: attempt', 0)",
        f"load('local t = nil return t.x', '@{secret}')()",
        f"local f = load('error(\"x\")', '@{secret}') f()",
    ):
        main.write_text(code)
        error = host.run(main).error
        assert error is not None
        assert "the secret" not in error.source + error.message + error.traceback


def test_a_module_that_changed_since_shows_no_source(host: Host, tmp_path: Path) -> None:
    """The lines of another text would mislead."""
    (tmp_path / "deep.lua").write_text("return function(t)\n  return t.x.y\nend\n")
    (tmp_path / "main.lua").write_text('local f = require("deep")\nchange()\nf({})\n')

    @host.function(name="change")
    def change() -> None:
        (tmp_path / "deep.lua").write_text("-- new\n-- lines\n-- here\n")

    error = host.run(tmp_path / "main.lua").error
    assert error is not None
    assert (Path(error.script).name, error.line, error.source) == ("deep.lua", 2, "")


ITEMS = [
    ("{'a', 'cus_9'}", '2, "cus_9"'),
    ("{1, 2.5}", "2, 2.5"),
    ("{1, true}", "2, true"),
    ("{1, {id = 'p_1', zeta = 1, name = 'n', list = {}}}", '2, {id = "p_1", name = "n", zeta = 1, …}'),
    ("{1, {5, 6}}", "2, {5, 6}"),
    ("{1, {}}", "2, {}"),
    ("{1, ('x'):rep(1000)}", f'2, "{"x" * 40}…"'),
    ("{1, ('ä'):rep(1000)}", f'2, "{"ä" * 20}…"'),
    ("{1, 'a\\nb'}", '2, "a?b"'),
    ("{1, print}", "2, a function"),
]


@pytest.mark.parametrize(("items", "said"), ITEMS)
def test_map_says_which_item_failed(host: Host, items: str, said: str) -> None:
    """Its index and a short form of it, in a caught error and in one that ends the run; kind and fields stay."""
    body = f"local items = {items}\nmap(items, function(x, i)\n  if i == 2 then %s end\nend)"
    error = host.run_source(body % "error('bad')").error
    assert error is not None
    assert (error.message, error.line, error.kind) == (f"bad (map: item {said})", 3, "error")
    error = host.run_source(body % "error({code = 5, message = 'own'})").error
    assert error is not None
    assert (error.message, error.line) == (f"own (map: item {said})", 3)
    error = host.run_source(body % "stripe.products.retrieve('none')").error
    assert error is not None
    assert error.message.endswith(f"(map: item {said})")
    assert (error.kind, error.line, error.facts["status"], error.facts["item"]) == ("api", 3, 404, 2)


def test_map_leaves_a_table_of_the_script_s_own_as_it_is(host: Host) -> None:
    """What the script raised is what it catches."""
    code = (
        "local own = {code = 7}\nlocal _, e = pcall(map, {1}, function() error(own) end)\n"
        "local n = 0 for _ in pairs(e) do n = n + 1 end\nreturn {e == own, n}"
    )
    assert host.run_source(code).value == [True, 1]


def test_a_function_s_exception_is_kept_through_map(host: Host) -> None:
    """The cause is the Python exception, though the message says the item."""

    @host.function(name="fail_for_map")
    def fail_for_map() -> None:
        raise KeyError("x")

    error = host.run_source("map({1}, function() fail_for_map() end)").error
    assert error is not None
    assert isinstance(error.cause.__cause__ if error.cause else None, KeyError)
    assert "(map: item 1, 1)" in error.message
