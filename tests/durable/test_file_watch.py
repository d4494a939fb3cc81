"""Whether a journal's files are still those that were opened. tests/policy/test_journal_lost.py has the runs."""

from __future__ import annotations

import os
from pathlib import Path

from host.durable.file_watch import Watch
from host.sqlite_file import open_sqlite


def test_writes_are_no_fault(tmp_path: Path) -> None:
    """Neither transactions, nor a log that is emptied and written from its beginning again."""
    path = str(tmp_path / "j.sqlite")
    db = open_sqlite(path, "journal")
    watch = Watch(path)
    db.execute("create table t (x)")
    assert watch.fault() is None
    for n in range(3):
        db.execute("insert into t values (?)", (n,))
        db.execute("pragma wal_checkpoint(restart)")
        assert watch.fault() is None
    db.close()


def test_a_log_cut_short_within_a_transaction_is_seen_after_it(tmp_path: Path) -> None:
    """The transaction makes it as long as before, with nothing in it of what was there."""
    path = str(tmp_path / "j.sqlite")
    db = open_sqlite(path, "journal")
    db.execute("create table t (x)")
    watch = Watch(path)
    assert watch.fault() is None
    db.execute("begin immediate")
    db.execute("insert into t values (1)")
    os.truncate(path + "-wal", 0)
    db.execute("commit")
    assert watch.fault() == "its -wal file was overwritten by another program"
    db.close()
