"""Commands about a durable run of this machine that another process runs: followed, shown and cancelled from here."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_a_run_is_cancelled_from_another_terminal(
    process: Callable[..., subprocess.Popen[bytes]], cli: Cli, tmp_path: Path
) -> None:
    """Its own command says so and how to go on; the journal has the status and what it printed."""
    (tmp_path / "long.lua").write_text("new_product():name('A'):create() print('made') sleep(600)")
    child = process("run", "--simulate", "--run-id", "long", "long.lua")
    assert child.stdout is not None
    assert child.stdout.readline() == b"made\n"
    done = cli("runs", "cancel", "long")
    assert (done.status, done.out) == (0, "long is running and is being stopped\n")
    _, err = child.communicate(timeout=30)
    assert child.returncode == 1
    assert "the run was cancelled" in err.decode()
    assert "to continue: python -m host resume long" in err.decode()
    assert re.search(r"^long +cancelled ", cli("runs", "list").out, re.MULTILINE)
    shown = cli("runs", "show", "long").out
    assert "ended with: the run was cancelled" in shown
    assert shown.endswith("\nprinted:\n  made\n")
    again = cli("runs", "cancel", "long")
    assert (again.status, again.err) == (2, "run long is cancelled, and cannot be cancelled\n")


def test_what_a_run_prints_is_followed_to_its_end(
    process: Callable[..., subprocess.Popen[bytes]], cli: Cli, tmp_path: Path
) -> None:
    """From its first line to its last, and then what it did; of a run that has ended all of it at once."""
    (tmp_path / "talks.lua").write_text("print('one') sleep(1.5) print('two') new_product():name('A'):create()")
    child = process("run", "--simulate", "--run-id", "talks", "talks.lua")
    assert child.stdout is not None
    assert child.stdout.readline() == b"one\n"
    for _ in range(2):
        followed = cli("runs", "show", "-f", "talks").out
        assert followed.startswith("one\ntwo\ntalks  talks.lua  done ")
        assert "stripe.products.create" in followed
        assert "printed" not in followed
    child.communicate(timeout=30)


def test_the_last_lines_are_shown_of_what_is_long(cli: Cli) -> None:
    """And the command that shows all of them, which does."""
    cli("run", "--simulate", "--run-id", "r", "-e", "for n = 1, 30 do print('line ' .. n) end")
    shown = cli("runs", "show", "r").out
    assert "\nprinted, the last lines (all of them: runs show -f r):\n  line 11\n" in shown
    assert shown.endswith("  line 30\n")
    assert cli("runs", "show", "-f", "r").out.startswith("line 1\nline 2\n")
    assert "line" not in cli("runs", "show", "r", "--json").out


def test_what_is_shown_moves_no_cursor(cli: Cli) -> None:
    """Control characters are replaced, long lines are cut."""
    cli("run", "--simulate", "--run-id", "r", "-e", "print('a\\27[2Jb') print(('x'):rep(600))")
    lines = cli("runs", "show", "r").out.splitlines()
    assert lines[-2:] == ["  a\ufffd[2Jb", f"  {'x' * 500}…"]


def test_a_batch_is_cancelled_by_its_id(
    process: Callable[..., subprocess.Popen[bytes]], cli: Cli, tmp_path: Path
) -> None:
    """Those of its runs that are under way; one that is done stays as it is."""
    rows = '{"seconds": 0}\n{"seconds": 600}\n{"seconds": 600}\n'
    (tmp_path / "rows.jsonl").write_text(rows)
    (tmp_path / "nap.lua").write_text("print(row.seconds) sleep(row.seconds) return row.seconds")
    child = process("run", "--simulate", "--run-id", "b", "--each", "rows.jsonl", "--jobs", "3", "nap.lua")
    while cli("runs", "list").out.count("running") < 2 or "done" not in cli("runs", "list").out:
        assert child.poll() is None
    assert cli("runs", "cancel", "b").out == "b: 2 runs are being stopped\n"
    child.communicate(timeout=30)
    assert "batch of 3 runs: 1 done, 2 cancelled" in cli("runs", "show", "b").out
    refused = cli("runs", "cancel", "b")
    assert (refused.status, refused.err) == (2, "run b.1 is done, and cannot be cancelled\n")
