"""The tables of a journal: those of other versions, and files that have none."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from host import JournalError
from host.durable.database import Conflict, Statement
from host.durable.journal import Journal
from host.durable.records import VERSION, RunRow
from host.durable.tables import prepare


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "j.sqlite")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"this is no database" * 100, "is damaged"), (b"SQLite format 3\0" + b"\0" * 4000, "is damaged")],
)
def test_a_file_that_is_no_journal(path: str, content: bytes, message: str) -> None:
    """Damaged or foreign files are refused, left as they are, and closed."""
    Path(path).write_bytes(content)
    with pytest.raises(JournalError, match=message) as caught:
        Journal.open(path)
    assert ".recover" in (caught.value.hint or "")
    if sys.platform == "linux":
        assert not [fd for fd in Path("/proc/self/fd").iterdir() if os.path.realpath(fd) == os.path.realpath(path)]
    assert Path(path).read_bytes() == content


def test_a_journal_of_an_earlier_version_is_brought_up(path: str) -> None:
    """Its runs are there, with what is new left open."""
    journal = Journal.open(path)
    journal.begin(RunRow("r", "s", b"", None, b"\x90", b"\x80", "", "test", ""))
    journal.close()
    db = sqlite3.connect(path)
    with db:
        db.execute("ALTER TABLE luahost_run DROP COLUMN exit_status")
        db.execute("UPDATE luahost_version SET version = 1")
    db.close()
    for _ in range(2):
        journal = Journal.open(path)
        run = journal.run("r")
        journal.close()
        assert run is not None
        assert (run.mode, run.exit_status) == ("test", None)


def test_a_journal_of_a_later_version(path: str) -> None:
    """It says so, and what to do."""
    Journal.open(path).close()
    db = sqlite3.connect(path)
    with db:
        db.execute("UPDATE luahost_version SET version = 9")
    db.close()
    with pytest.raises(JournalError, match=r"later version .* version 9, this one knows 5"):
        Journal.open(path)


class Crowded:
    """A database in which others make tables at the same moment: ``conflicts`` writes fail; ``done``: the last of these
    was another journal, which has made them all.
    """

    name, now, binary = "crowded", ":now", "BYTEA"

    def __init__(self, conflicts: int, *, done: bool) -> None:
        self.conflicts = conflicts
        self.done = done
        self.made = 0

    def write(self, statements: Sequence[Statement]) -> int:
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("the journal crowded: duplicate key")
        self.made += len(statements)
        return 1

    def read(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        if self.done and not self.conflicts:
            return [(VERSION,)]
        raise JournalError("the journal crowded: there is no luahost_version")

    def clock(self) -> float:
        return 0.0

    def measure_clock(self) -> None: ...
    def close(self) -> None: ...


@pytest.mark.parametrize("conflicts", [1, 2])
def test_tables_that_others_make_at_the_same_moment(conflicts: int) -> None:
    """Of the fleet's first worker and another journal each may come first; what is then missing is made."""
    made_by_others, alone = Crowded(conflicts, done=True), Crowded(conflicts, done=False)
    prepare(made_by_others)
    assert made_by_others.made == 0
    prepare(alone)
    assert alone.made > 5


def test_tables_that_cannot_be_made_are_reported() -> None:
    """What fails again and again is an error of the journal."""
    with pytest.raises(Conflict):
        prepare(Crowded(99, done=False))
