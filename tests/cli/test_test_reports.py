"""``test`` for other programs: ``--junit``, ``--tap``; ``--seed`` and ``--watch``."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from host import UsageError
from host.cli.testing_watch import look, watch
from tests.cli.conftest import Cli

CODE = """\
describe("sums", function()
  it("add up", function() assert.equals(4, 2 + 2) end)
  it("do not # here", function()
    print("looking\\1")
    assert.equals(5, 2 + 2)
  end)
  it("come later")
end)
"""


@pytest.fixture(autouse=True)
def files(clean: None) -> None:
    Path("sums_test.lua").write_text(CODE)
    Path("wrong_test.lua").write_text("local = 1")


def test_junit_has_a_case_for_each_test_and_an_error_for_a_file_that_does_not_load(cli: Cli) -> None:
    """Counts, places, the failure's text, what it printed without what XML cannot hold."""
    assert cli("test", "--junit", "out.xml").status == 1
    root = ElementTree.parse("out.xml").getroot()
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    good, bad, later = root.findall("testsuite[@name='sums_test.lua']/testcase")
    assert (good.get("name"), good.get("classname"), good.get("line")) == ("sums add up", "sums_test.lua", "2")
    assert list(good) == []
    (failure,) = bad.findall("failure")
    assert failure.get("message") == "assert.equals failed"
    assert "sums_test.lua:5: assert.equals failed\n  expected: 5\n  actual  : 4" in (failure.text or "")
    assert [each.text for each in bad.findall("system-out")] == ["looking\ufffd\n"]
    assert later.find("skipped") is not None
    (error,) = root.findall("testsuite[@name='wrong_test.lua']/testcase/error")
    assert error.get("type") == "syntax"


def test_a_file_for_results_that_cannot_be_written_is_reported_before_tests_run(cli: Cli) -> None:
    """Exit code 3."""
    done = cli("test", "--junit", "none/out.xml")
    assert (done.status, done.out) == (3, "")
    assert done.err == "--junit none/out.xml cannot be written: No such file or directory\n"


def test_tap_is_a_line_for_each_test_and_nothing_else(cli: Cli) -> None:
    """Version 14: points, a YAML block for what failed, the plan; all else is a comment."""
    done = cli("test", "--tap")
    assert done.status == 1
    lines = done.out.splitlines()
    assert lines[:2] == ["TAP version 14", "ok 1 - sums_test.lua: sums add up"]
    assert "not ok 2 - sums_test.lua: sums do not \\# here" in lines
    assert "ok 3 - sums_test.lua: sums come later # SKIP pending" in lines
    assert "not ok 4 - wrong_test.lua" in lines
    assert '  message: "assert.equals failed"' in lines
    assert '  at: "sums_test.lua:5"' in lines
    assert "1..4" in lines
    for line in lines[1:]:
        assert re.match(r"(not )?ok \d+ - |  |1\.\.\d+$|# ", line), line


SHUFFLED = "".join(
    f"it('test {i}', function() error(new_product():name('x'):create() .. ' ' .. math.random(1e9)) end)\n"
    for i in range(8)
)


def test_a_seed_gives_the_same_order_ids_and_chance(cli: Cli) -> None:
    """Another seed gives others; the totals tell which it was."""
    Path("wrong_test.lua").unlink()
    Path("sums_test.lua").write_text(SHUFFLED)

    def ran(*how: str) -> list[str]:
        out = cli("test", *how).out
        assert how == () or "in the order of --seed" in out
        return [f"{name} {what}" for name, what in re.findall(r"^failed: (.*)\n\n\S+ (prod_\w+ \d+)", out, re.M)]

    first, again, other = ran("--seed", "7"), ran("--seed", "7"), ran("--seed", "8")
    assert len(first) == 8
    assert first == again
    assert first != other
    plain = ran()
    assert [each[:6] for each in plain] == [f"test {i}" for i in range(8)]
    assert sorted(each[:6] for each in first) == [each[:6] for each in plain]
    assert {each.split()[2] for each in first}.isdisjoint(each.split()[2] for each in plain)


def test_a_random_seed_is_reported_and_can_be_repeated(cli: Cli) -> None:
    """``--seed random`` draws one."""
    Path("wrong_test.lua").unlink()
    told = re.search(r"in the order of --seed (\d+)", cli("test", "--seed", "random").out)
    assert told is not None
    assert f"--seed {told[1]}" in cli("test", "--seed", told[1]).out


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", "", "9" * 30])
def test_what_is_no_seed_is_refused(cli: Cli, seed: str) -> None:
    """Exit code 2, naming it."""
    done = cli("test", f"--seed={seed}")
    assert (done.status, done.err) == (2, f"--seed {seed}: expected a whole number from 0, or random\n")


def test_the_tests_run_again_when_a_lua_file_changes(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    """A module that is new, a test file that is gone, no other file; what was wrong is told, and watching goes on."""
    Path("lib").mkdir()
    changes: list[Callable[[], object]] = [
        lambda: Path("notes.txt").write_text("nothing of ours"),
        lambda: Path("sums_test.lua").write_text("-- one more line\n" + CODE),
        lambda: Path("lib/prices.lua").write_text("return {}"),
        lambda: Path("wrong_test.lua").unlink(),
    ]
    ran: list[int] = []

    def pause() -> None:
        if not changes:
            raise KeyboardInterrupt
        changes.pop(0)()

    def run() -> int:
        ran.append(len(look([Path()])))
        if len(ran) == 2:
            raise UsageError("there are no tests")
        return 0

    with pytest.raises(KeyboardInterrupt):
        watch(["."], run, pause)
    assert ran == [2, 2, 3, 2]
    told = capsys.readouterr()
    assert re.findall(r"^(\S+) changed$", told.out, re.M) == ["sums_test.lua", "lib/prices.lua", "wrong_test.lua"]
    assert told.err == "there are no tests\n"


def test_watching_ends_with_an_interrupt(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    """The whole command: a run, a change, a run, Ctrl-C."""
    running = process("test", "--watch", "sums_test.lua")
    stdout = running.stdout
    assert stdout is not None

    def read_until(words: bytes) -> bytes:
        text = b""
        while words not in text:
            line = stdout.readline()
            assert line, text
            text += line
        return text

    assert b"1 passed, 1 failed, 1 pending in " in read_until(b"watching 2 Lua files; Ctrl-C ends")
    Path("sums_test.lua").write_text(CODE.replace("equals(5", "equals(4"))
    assert b"2 passed, 1 pending in " in read_until(b"watching 2 Lua files")
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 130


@pytest.mark.parametrize(
    "other", [("--record", "c.jsonl"), ("--coverage",), ("--tap",)], ids=lambda other: other[0].removeprefix("--")
)
def test_what_is_about_one_run_of_the_tests_does_not_go_with_watching(cli: Cli, other: tuple[str, ...]) -> None:
    """By name, before a test runs."""
    done = cli("test", "--watch", *other)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"--watch cannot be combined with {other[0]}: the tests run repeatedly\n"
