"""The tables of a journal: those of other versions, and files that have none."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from host import JournalError
from host.durable.journal import Journal
from host.durable.records import RunRow


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
