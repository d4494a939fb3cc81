"""Which lines can be reached, and which were: what is told of both agrees."""

from __future__ import annotations

from pathlib import Path

import pytest

from host import Host
from host.events import Event, LinesReached
from host.lua.executable_lines import executable_lines

ROOT = Path(__file__).parents[2]

# Programs all of whose lines are reached: none may be told as missed.
WHOLE = {
    "both ways return": "local function f(x)\n  if x then\n    return 1\n  else\n    return 2\n  end\nend\n"
    "f(true)\nf(false)",
    "a method": "local M = {}\nfunction M.f(\n  a,\n  b\n)\n  return a\n    + b\nend\nreturn M.f(1, 2)",
    "functions in a table": "local t = {\n  f = function()\n    return 1\n  end,\n  g = function() return 2 end,\n}\n"
    "t.f()\nt.g()",
    "a long string": "local s = [[\na\nb\n]]\nreturn #s",
    "loops": "for i = 1, 2 do\n  local x = i\nend\nfor k in\n  pairs({ 1 })\ndo\n  k = 1\nend\nlocal n = 0\n"
    "while n < 2 do\n  n = n + 1\nend\nrepeat\n  n = n - 1\nuntil n == 0",
    "a break": "while true do\n  if 1\n    == 1\n  then\n    break\n  end\nend",
    "a goto": "local n = 0\n::again::\nn = n + 1\nif n < 3 then\n  goto again\nend",
    "and, or over lines": "local a, b = false, nil\nlocal c = a\n  or b\n  or 3\nreturn c",
    "declared before": "local f\nlocal x\nlocal y\nf = function()\n  x = 1\n  y = 2\nend\nf()",
    "an error": "local ok = pcall(function()\n  error('x')\nend)\nreturn ok",
    "a coroutine": "local co = coroutine.wrap(function()\n  coroutine.yield(1)\n  return 2\nend)\nco()\nco()",
    "tasks": "parallel(function()\n  sleep(0)\n  return 1\nend, function()\n  return 2\nend)\n"
    "local t = spawn(function()\n  return 3\nend)\nt:wait()",
    "a callback of C": "table.sort({ 3, 1, 2 }, function(a, b)\n  return a < b\nend)\n"
    "local s = ('abc'):gsub('b', function()\n  return 'x'\nend)\nreturn s",
    "upvalues of a loop": "local fs = {}\nfor i = 1, 2 do\n  fs[i] = function()\n    return i\n  end\nend\n"
    "fs[1]()\nfs[2]()",
    "a comment behind a brace": "f = function()\n  return {\n    1,\n  } -- here\nend -- there\nf()",
}  # fmt: skip


class Lines:
    """A sink that keeps what is told of lines."""

    lines = True

    def __init__(self) -> None:
        self.told: list[LinesReached] = []

    def emit(self, event: Event) -> None:
        if isinstance(event, LinesReached):
            self.told.append(event)


def reached(tmp_path: Path, code: str, **options: object) -> dict[int, int]:
    """How often each line of a program was reached."""
    path, sink = tmp_path / "a.lua", Lines()
    path.write_text(code)
    with Host(simulate=True, sinks=[sink], **options) as host:
        result = host.run(path)
    assert result.error is None, result.error
    (told,) = sink.told
    assert told.file == str(path)
    found = executable_lines(code.encode())
    assert found is not None
    return found.reached(told.counts)


@pytest.mark.parametrize("name", WHOLE)
def test_a_program_that_runs_through_has_no_missed_line(tmp_path: Path, name: str) -> None:
    """Every line counted as executable is reached when everything is executed."""
    counts = reached(tmp_path, WHOLE[name])
    assert counts
    assert [line for line, count in counts.items() if not count] == []


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_what_is_not_reached_is_missed(tmp_path: Path, isolation: str) -> None:
    """A branch not taken, a function never called and what stands behind a goto; the same in a process of its own."""
    code = (
        "local function f(x)\n  if x then\n    return 1\n  end\n  return 2\nend\n"
        "local function never()\n  return 3\nend\nf(true)\ngoto done\nf(false)\n::done::\nreturn type(never)"
    )
    counts = reached(tmp_path, code, isolation=isolation)
    assert [line for line, count in counts.items() if not count] == [5, 8, 12]
    assert set(counts) == {1, 2, 3, 5, 7, 8, 10, 11, 12, 14}


@pytest.mark.parametrize("path", sorted((ROOT / "lua_scripts").glob("*.lua")), ids=lambda path: path.stem)
def test_no_line_is_reached_that_cannot_be(path: Path) -> None:
    """What the hook tells of each script of the package are lines the text has, in functions it has."""
    sink = Lines()
    with Host(simulate=True, sinks=[sink]) as host:
        host.run(path)
    for told in sink.told:
        found = executable_lines(Path(told.file).read_bytes())
        assert found is not None
        for begun, line, _ in told.counts:
            assert line in found.own[begun] | {at for at, _ in found.made[begun]}, (told.file, begun, line)


def test_the_limits_still_end_a_run_whose_lines_are_counted(tmp_path: Path) -> None:
    """The one hook of a state stays the budget's: an endless loop ends, also one that catches every error, and memory
    stays bounded; and the lines reached until then are told."""
    loops = {
        "time": "while true do\n  pcall(function() while true do end end)\nend",
        "memory": "local t = {}\nwhile true do\n  t[#t + 1] = ('x'):rep(100000) .. #t\nend",
        "coroutine": "local co = coroutine.wrap(function()\n  while true do end\nend)\nco()",
    }
    for name, code in loops.items():
        path, sink = tmp_path / f"{name}.lua", Lines()
        path.write_text(code)
        with Host(simulate=True, sinks=[sink], limits={"lua_time": 0.2, "memory": 16 << 20}) as host:
            result = host.run(path)
        assert result.error is not None, name
        assert result.error.kind == "limit", result.error
        assert {line for _, line, _ in sink.told[0].counts} >= {1, 2}


def test_a_run_nobody_watches_counts_nothing(tmp_path: Path) -> None:
    """Without a sink that asks for it there is no such event."""
    sink = Lines()
    sink.lines = False  # type: ignore[misc]
    with Host(simulate=True, sinks=[sink]) as host:
        host.run_source("return 1")
    assert sink.told == []


def test_bytes_that_are_no_lua_text_have_no_lines() -> None:
    """Neither a syntax error nor bytecode is run or read."""
    assert executable_lines(b"local = 1") is None
    assert executable_lines(b"\x1bLJ\x02") is None
    found = executable_lines(b"")
    assert found is not None
    assert not found.lines - {1}
