"""The journal's storage: what is committed together, who may write, and what goes wrong said clearly."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host import Host, JournalError
from host.durable.journal import Journal
from host.durable.lease import is_dead, this_owner
from host.durable.records import Record, RunRow, Sent, encode
from host.durable.sqlite_database import SQLite
from host.errors import ClosedError, HostError


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "j.sqlite")


@pytest.fixture
def journal(path: str) -> Iterator[Journal]:
    found = Journal.open(path)
    yield found
    found.close()


def a_run(id: str = "r") -> RunRow:
    return RunRow(id, "s.lua", b"return", None, b"\x90", b"\x80", "base", "test", "fingerprint")


def append(journal: Journal, run: str, seq: int) -> HostError | None:
    """Append one record and wait for what became of it."""
    done = threading.Event()
    became: list[HostError | None] = []

    def then(error: HostError | None) -> None:
        became.append(error)
        done.set()

    journal.append(Record(run, seq, "sent", "1", seq, data=encode(Sent())), then)
    assert done.wait(10)
    return became[0]


def test_what_is_appended_while_the_journal_closes_is_recorded_or_refused(
    journal: Journal, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed in the very moment that a record is put into its queue: whoever waits for it is told."""
    journal.begin(a_run())
    assert append(journal, "r", 1) is None
    writer, told = journal._writer, threading.Event()
    queue, closing = writer._queue, threading.Thread(target=journal.close)

    class Late:
        get, get_nowait = queue.get, queue.get_nowait

        def put(self, item: object) -> None:
            if item is not None:
                closing.start()
                closing.join(0.2)  # it closes meanwhile, if it may
            queue.put(item)

    monkeypatch.setattr(writer, "_queue", Late())
    journal.append(Record("r", 2, "sent", "1", 2, data=encode(Sent())), lambda error: told.set())
    assert told.wait(20)
    closing.join(20)


def test_what_is_reported_committed_is_in_the_file(journal: Journal, path: str) -> None:
    """Another connection sees run and record as soon as the writer has said so, in order."""
    journal.begin(a_run())
    assert append(journal, "r", 1) is None
    assert append(journal, "r", 2) is None
    other = sqlite3.connect(path)
    assert other.execute("SELECT seq, n FROM luahost_record ORDER BY seq").fetchall() == [(1, 1), (2, 2)]
    assert other.execute("SELECT status FROM luahost_run").fetchall() == [("running",)]
    other.close()


def test_each_commit_is_synced_and_the_file_is_its_owners(journal: Journal, path: str) -> None:
    """WAL with synchronous=FULL, mode 0600: what the documentation states."""
    assert journal._database.read("PRAGMA synchronous") == [(2,)]
    assert journal._database.read("PRAGMA journal_mode") == [("wal",)]
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_no_record_follows_a_lost_one(journal: Journal) -> None:
    """When a record cannot be written, the run's later ones are refused too; other runs go on."""
    journal.begin(a_run("a"))
    journal.begin(a_run("b"))
    assert append(journal, "a", 1) is None
    lost = append(journal, "a", 1)  # its place is taken: somebody else has written it
    assert isinstance(lost, JournalError)
    assert "taken over" in lost.message
    assert append(journal, "a", 2) is lost
    assert append(journal, "b", 1) is None
    assert [record.seq for record in journal.records("a")] == [1]


def test_a_dead_owners_run_is_taken_over_at_once(path: str) -> None:
    """An owner whose process has ended on this machine is known to be dead; a living one is not."""
    owner = this_owner()
    assert not is_dead(owner)
    machine, _, start, nonce = owner.split(":")
    assert is_dead(f"{machine}:1:{int(start) + 1}:{nonce}")
    assert not is_dead(f"elsewhere:1:{start}:{nonce}")


def test_a_lease_is_kept_up(path: str) -> None:
    """While a journal is open, its runs' leases are renewed."""
    journal = Journal.open(path, lease=0.06)
    journal.begin(a_run())
    assert append(journal, "r", 1) is None
    first = journal.run("r")
    assert first is not None
    while True:
        later = journal.run("r")
        assert later is not None
        if later.lease > first.lease:
            break
    journal.close()
    other = Journal.open(path)
    gone = other.run("r")
    assert gone is not None
    assert (gone.owner, gone.lease) == (None, 0)
    other.close()


def test_after_close_nothing_is_taken(path: str) -> None:
    """A record that comes late is refused, not lost in silence; closing twice is fine."""
    journal = Journal.open(path)
    journal.close()
    journal.close()
    assert isinstance(append(journal, "r", 1), ClosedError)


def broken(path: str, spoil: str, code: str) -> tuple[Any, list[tuple[str, str]]]:
    """Run ``code`` durably with a journal that is spoilt once the first record is in."""
    with Host(simulate=True, journal=path) as host:
        database = host.durable_runs.journal._database
        assert isinstance(database, SQLite)

        @host.function(effect="read", inline=True)
        def spoil_it() -> None:
            database._db.execute(spoil)

        error = host.run_source(code, run_id="r").error
        assert host._simulator is not None
        return error, host._simulator.ledger()


MANY = """
new_product():name("first"):create()
spoil_it()
for n = 1, 2000 do new_product():name(string.rep("x", 200)):metadata("m", string.rep("y", 400)):create() end
"""


def test_a_full_disk_stops_the_run_before_it_does_what_cannot_be_recorded(path: str) -> None:
    """What the journal has is what was done; nothing more was sent. With room again, the run goes on."""
    error, ledger = broken(path, "PRAGMA max_page_count = 60", MANY.replace("2000", "300"))
    assert error is not None
    assert error.kind == "journal"
    assert "the disk is full" in error.message
    journal = Journal.open(path)
    sent = sum(record.kind == "sent" for record in journal.records("r"))
    journal.close()
    assert 1 < len(ledger) == sent < 300


def test_a_locked_journal_stops_the_run(path: str) -> None:
    """Another program that holds the file is named as the cause."""
    other = sqlite3.connect(path, isolation_level=None)
    with Host(simulate=True, journal=path) as host:
        database = host.durable_runs.journal._database
        assert isinstance(database, SQLite)
        database._db.execute("PRAGMA busy_timeout = 20")
        other.execute("BEGIN IMMEDIATE")
        error = host.run_source('new_product():name("a"):create()', run_id="r").error
        assert host._simulator is not None
        assert host._simulator.ledger() == []
        other.execute("ROLLBACK")
    other.close()
    assert error is not None
    assert error.kind == "journal"
    assert "has been locked by another program" in error.message
