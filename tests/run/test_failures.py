"""How an uncaught error ends a run: kind, line, source, traceback, hint, exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from host import Host, RunResult, ScriptError, UsageError

Fails = Callable[..., ScriptError]


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        ("\nerror('plain')", 2, "plain"),
        ("local x\nx.y = 1", 2, "attempt to index local 'x' (a nil value)"),
        ("local function f() error('up', 2) end\nf()", 2, "up"),
        ("\nerror({message = 'own'})", 2, "own"),
        ("error(setmetatable({}, {__tostring = function() return 'shown' end}))", 1, "shown"),
        ("error()", 1, "error object is nil"),
        ("error(true)", 1, "error object is a boolean (true)"),
        ("local function f() return 1 + f() end\nf()", 1, "stack overflow"),
        ("map({1}, function()\n  error('in map')\nend)", 2, "in map (map: item 1, 1)"),
        ("coroutine.wrap(function()\n  error('in a coroutine')\nend)()", 2, "in a coroutine"),
        ("load('error(\"loaded\")', '@other')()", 1, "loaded"),
        ("local _, e = pcall(error, 'through', 2)\nerror(e, 0)", 1, "through"),
        ("\nlocal function f() error('far', 3) end\nlocal function g() f() end\ng()", 4, "far"),
        ("error('x', 'one')", 1, "bad argument #2 to 'error' (number expected, got string)"),
    ],
)
def test_the_message_and_the_line(fails: Fails, code: str, line: int, message: str) -> None:
    """Whatever is raised, the error names it and the line it was raised at."""
    error = fails(code)
    assert (error.message, error.line, error.kind) == (message, line, "error")
    assert error.exit_code == 1


def test_source_and_traceback(fails: Fails) -> None:
    """The lines around are there, the faulty one marked; the stack is innermost first."""
    inner = "local function inner()\n  error('here')\nend\n"
    error = fails(inner + "local function outer()\n  inner()\nend\nouter()")
    assert error.script == "inline"
    assert "> 2 |   error('here')" in error.source
    assert error.traceback.splitlines()[0].startswith("inline:2: in function")
    assert error.traceback.splitlines()[-1] == "inline:7: in main chunk"


@pytest.mark.parametrize(
    ("code", "kind", "line", "exit_code"),
    [
        ("\nstripe.products.retrieve('none')", "api", 2, 4),
        ("parallel(function()\n  stripe.products.retrieve('none')\nend)", "api", 2, 4),
        ("\nnew_product():nmae('x')", "invalid", 2, 1),
        ("local t = spawn(sleep, 60)\nt:cancel()\nt:wait()", "cancelled", 3, 1),
        ("\nwith_timeout(0.001, sleep, 60)", "timeout", 2, 5),
        ("\nrequire('beside')", "denied", 2, 1),
        ("\nerror({kind = 'mine', message = 'x'})", "mine", 2, 1),
        ("\nlocal x = = 1", "syntax", 2, 1),
    ],
)
def test_the_kind_of_a_raised_error_is_the_run_s(fails: Fails, code: str, kind: str, line: int, exit_code: int) -> None:
    """Error tables keep their kind, and their exit code follows from it."""
    error = fails(code)
    assert (error.kind, error.line, error.exit_code) == (kind, line, exit_code)


@pytest.mark.parametrize("kind", ["'host'", "('x'):rep(2 ^ 20)", "'two words'", "''"])
def test_a_kind_that_no_script_may_claim(fails: Fails, kind: str) -> None:
    """A fault of the host is the host's to tell, and a kind is one short word."""
    error = fails(f"error({{kind = {kind}, message = 'forged'}})")
    assert (error.kind, error.facts["kind"], error.exit_code) == ("error", "error", 1)


def test_an_api_s_facts_are_kept(fails: Fails) -> None:
    """Status, code and request id of the failed call are on the error."""
    facts = fails("stripe.products.retrieve('none')").facts
    assert (facts["status"], facts["code"], facts["operation"]) == (
        404,
        "resource_missing",
        "stripe.products.retrieve",
    )
    assert facts["request_id"].startswith("req_")


def test_a_misspelt_global_has_a_hint(fails: Fails) -> None:
    """Builders, functions and the host's own words are among the names meant."""
    assert fails("new_prodct()").hint == 'did you mean "new_product"?'
    assert fails("paralel()").hint == 'did you mean "parallel"?'


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("return print", "a function cannot be sent"),
        ("return new_product()", "a builder cannot be sent"),
        ("return 2^53 + 2", "beyond 2^53"),
        ("return {1, a = 2}", "neither a list nor a map"),
    ],
)
def test_a_value_that_cannot_be_returned(fails: Fails, code: str, what: str) -> None:
    """The script's returned value is checked like any other."""
    error = fails(code)
    assert error.kind == "invalid"
    assert error.message.startswith("the script's returned value: ")
    assert what in error.message


def test_an_error_in_a_task_nobody_waits_for(host: Host) -> None:
    """It ends the run with that task's line, after everything else has had its time."""
    result = host.run_source("spawn(function()\n  error('lost')\nend)\nsleep(0.001)\nprint('main goes on')")
    assert result.output == "main goes on\n"
    assert result.error is not None
    assert (result.error.message, result.error.line) == ("lost", 2)


@pytest.mark.parametrize(
    "code",
    [
        "local t = spawn(function() error('x') end)\npcall(t.wait, t)",
        "local t = spawn(function() error('x') end)\nsleep(0)\nt:cancel()",
        "pcall(parallel, function() error('x') end)",
        "pcall(with_timeout, 0.001, function() sleep(60) end)",
    ],
)
def test_an_error_somebody_took_does_not(host: Host, code: str) -> None:
    """Waiting for a task, cancelling it or gathering it takes its error."""
    assert host.run_source(code).error is None


def test_the_main_chunk_s_own_error_comes_first(fails: Fails) -> None:
    """Of two errors, the main chunk's is the run's."""
    assert fails("spawn(function() error('task') end)\nsleep(0)\nerror('main')").message == "main"


def test_tasks_that_wait_for_each_other(fails: Fails) -> None:
    """A deadlock is told, with the line each task waits at; it is not hung."""
    error = fails(
        "local a, b\na = spawn(function()\n  sleep(0)\n  b:wait()\nend)\n"
        "b = spawn(function()\n  sleep(0)\n  a:wait()\nend)\na:wait()"
    )
    assert error.message == (
        "deadlock: all tasks wait for each other (task 1 at line 10, task 1.1 at line 4, task 1.2 at line 8)"
    )


def test_a_script_that_is_no_text(host: Host, tmp_path: Path) -> None:
    """Compiled Lua is refused."""
    path = tmp_path / "compiled.lua"
    for code in (b"\x1bLJ\x02", b"\x1bLua"):
        path.write_bytes(code)
        error = host.run(path).error
        assert error is not None
        assert (error.kind, error.message) == ("syntax", "precompiled Lua is not accepted, only source text")


def test_a_script_that_is_not_there(host: Host, tmp_path: Path) -> None:
    """A path that cannot be read is the caller's error, raised at once."""
    with pytest.raises(UsageError, match=r"there is no script .*none\.lua"):
        host.run(tmp_path / "none.lua")
    with pytest.raises(UsageError, match="is a folder"):
        host.run(tmp_path)


def test_names_a_script_has_taken_stay_its_own(host: Host) -> None:
    """What the host loads later for its own needs does not put its functions in their place."""
    code = (
        "require = 5 coroutine = 6 load = 7 debug = 8 error_was = error\nlocal loaded = type(package.loaded)\n"
        "xpcall(function() error_was('x') end, function() end)\nreturn {require, coroutine, load, debug, loaded}"
    )
    assert host.run_source(code).value == [5, 6, 7, 8, "table"]


@pytest.mark.parametrize(
    ("code", "args", "value"),
    [
        ("return {select('#', ...), (...), args[1]}", ["one", "two"], [2, "one", "one"]),
        ("return select('#', ...)", [], 0),
        ("local function f(...) return ... end return f(...)", ["x" * 1000], "x" * 1000),
        ("args[1] = 'other' return (...)", ["one"], "one"),
    ],
)
def test_the_main_chunk_s_arguments(host: Host, code: str, args: list[str], value: object) -> None:
    """They are what args has, as Lua passes them."""
    assert host.run_source(code, args=args).value == value
    assert host.run_source(code, args=args).value == value  # from bytecode


def test_a_global_called_args_is_not_the_arguments(host: Host) -> None:
    """It stands in the place of the list, and the chunk gets nothing."""
    result = host.run_source("return {select('#', ...), args}", args=["one"], globals={"args": "mine"})
    assert result.value == [0, "mine"]


def test_a_fault_in_a_hint_does_not_keep_a_run_from_its_end(
    run: Callable[..., RunResult], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is told without what could not be found, and the fault is in the log."""

    def broken(*_: object) -> None:
        raise NameError("hint")

    monkeypatch.setattr("host.run.lua_requests.script_error", broken)
    result = run('error("what went wrong")', timeout=60)
    assert result.error is not None
    assert "what went wrong" in result.error.message
    assert "could not be found" in caplog.text
