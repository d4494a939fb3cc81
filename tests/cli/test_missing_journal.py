"""Commands that read a journal, where the one they name is not there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from host.cli.commands import NAMES
from host.cli.commands import commands as root
from tests.cli.conftest import Cli

# How each command that takes --journal is called, or why it makes one that is not there.
READING = {
    "resume": ("r",),
    "runs cancel": ("r",),
    "runs delete": ("r",),
    "runs list": (),
    "runs prune": ("--older-than", "1d"),
    "runs show": ("r",),
    "runs undo": ("r",),
}
MAKING = {
    "apply": "records a run",
    "dashboard": "may be opened before the first run, and says that the journal is new",
    "listen": "keeps events",
    "plan": "has the options of a host, and opens no journal",
    "run": "records a run",
    "runs retry": "its journal is the fleet's database",
    "submit": "its journal is the fleet's database",
    "worker": "records runs",
}


def each_command() -> Iterator[tuple[str, click.Command]]:
    """All commands, with those of groups."""
    context = click.Context(root)
    for name in NAMES:
        command = root.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield f"{name} {inner}", found
        else:
            yield name, command


def test_each_command_with_a_journal_is_listed() -> None:
    """A new one reads a journal, or has a reason to make one."""
    found = {name for name, each in each_command() if any("--journal" in option.opts for option in each.params)}
    assert found == READING.keys() | MAKING.keys()


@pytest.mark.parametrize("command", READING)
def test_a_journal_that_is_not_there_is_not_made(cli: Cli, tmp_path: Path, command: str) -> None:
    """The error says that the file does not exist, and there is none afterwards."""
    done = cli(*command.split(), *READING[command], "--journal", str(tmp_path / "misspelt.sqlite"))
    assert done.status == 3
    assert "misspelt.sqlite: the file does not exist" in done.err
    assert list(tmp_path.glob("misspelt*")) == []


@pytest.mark.parametrize("command", READING)
def test_another_database_is_not_made_a_journal(cli: Cli, tmp_path: Path, command: str) -> None:
    """Reading adds no tables to a file that has none of a journal's."""
    file = tmp_path / "shop.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE orders (id INTEGER)")
    db.close()
    done = cli(*command.split(), *READING[command], "--journal", str(file))
    assert done.status == 3
    assert f"there is no journal in {file}" in done.err
    db = sqlite3.connect(file)
    assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]
    db.close()


def test_without_any_durable_run_the_usual_journal_has_none(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is misspelt where no journal is named."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    done = cli("runs", "list")
    assert (done.status, done.out) == (0, "no runs\n")
