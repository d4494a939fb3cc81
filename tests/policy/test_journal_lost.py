"""A journal that is deleted, replaced, cut short or damaged is noticed, and named, before more is done."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import Host, JournalError, RunResult
from host.durable.journal import Journal
from host.durable.records import RunRow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept" / "j.sqlite"


def deleted(path: Path) -> None:
    for each in path.parent.glob("j.sqlite*"):
        each.unlink()


def only_the_file(path: Path) -> None:
    path.unlink()


def only_the_wal(path: Path) -> None:
    path.with_name("j.sqlite-wal").unlink()


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("other"))
    os.replace(path.with_name("other"), path)


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def folder_renamed(path: Path) -> None:
    path.parent.rename(path.parent.with_name("renamed"))


def folder_removed(path: Path) -> None:
    shutil.rmtree(path.parent)


def wal_cut_short(path: Path) -> None:
    os.truncate(path.with_name("j.sqlite-wal"), 0)


def file_cut_short(path: Path) -> None:
    os.truncate(path, 0)


def overwritten(path: Path) -> None:
    path.write_bytes(b"no database at all\n" * (path.stat().st_size // 19 + 1000))


def tables_dropped(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE luahost_record")
    db.close()


WAYS = [
    deleted,
    only_the_file,
    only_the_wal,
    replaced,
    moved,
    folder_renamed,
    folder_removed,
    wal_cut_short,
    file_cut_short,
    overwritten,
    tables_dropped,
]


def run(path: Path, spoil: Callable[[Path], None], code: str) -> tuple[RunResult, int]:
    """The result, and how many products were made after the journal was spoilt."""
    with Host(simulate=True, journal=str(path)) as host:

        @host.function(effect="read")
        def spoil_it() -> None:
            spoil(path)

        result = host.run_source(code, run_id="r", name="r.lua")
        assert host._simulator is not None
        return result, len([kind for kind, _ in host._simulator.ledger()]) - 1


CODE = """
new_product():name("before"):create()
spoil_it()
for n = 1, 5 do new_product():name("after"):create() end
return "whole"
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_journal_spoilt_under_way_ends_the_run_before_its_next_change(path: Path, way: Any) -> None:
    """The run ends with an error of the journal that names it, and nothing more is sent."""
    result, after = run(path, way, CODE)
    assert result.error is not None
    assert (result.error.kind, result.error.exit_code) == ("journal", 3)
    assert str(path) in result.error.message
    assert after == 0


@pytest.mark.parametrize("way", [deleted, moved, folder_removed])
def test_a_run_whose_end_cannot_be_recorded_is_not_done(path: Path, way: Any) -> None:
    """Nothing is left to do but to tell the end: that is not told as a success either."""
    result, _ = run(path, way, 'new_product():name("a"):create() spoil_it() return "end"')
    assert result.error is not None
    assert result.error.kind == "journal"
    assert result.value is None


def test_another_folder_of_the_program_is_no_loss(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path stays the file it was when the program goes elsewhere."""
    monkeypatch.chdir(path.parent)

    def leave(_: Path) -> None:
        os.chdir("/")

    result, after = run(Path("j.sqlite"), leave, CODE)
    assert (result.value, after) == ("whole", 5)


def test_many_hosts_and_a_reader_beside_are_no_loss(path: Path) -> None:
    """Others who open, write and close the same journal do not look like a loss, in this process or another."""

    def others(path: Path) -> None:
        with Host(simulate=True, journal=str(path)) as host:
            assert host.run_source("return 1", run_id="other").ok
        db = sqlite3.connect(path)
        db.execute("SELECT COUNT(*) FROM luahost_record").fetchall()
        db.execute("PRAGMA wal_checkpoint(FULL)")
        db.close()

    result, after = run(path, others, CODE)
    assert (result.value, after) == ("whole", 5)


def a_run_of_three(path: Path) -> None:
    with Host(simulate=True, journal=str(path)) as host:
        code = 'os.time() new_product():name("a"):create() pcall(stripe.products.retrieve, "none") error("stop")'
        assert host.run_source(code, run_id="r").error is not None


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("UPDATE luahost_record SET data = x'c1' WHERE seq = {seq}", "record {seq} ("),
        ("UPDATE luahost_record SET data = x'' WHERE seq = {seq}", "record {seq} ("),
        ("UPDATE luahost_record SET data = 'text' WHERE seq = {seq}", "record {seq} ("),
        ("UPDATE luahost_record SET data = x'00' WHERE seq = {seq} AND kind <> 'value'", "record {seq} ("),
        ("UPDATE luahost_record SET data = substr(data, 1, length(data) - 1) WHERE seq = {seq}", "record {seq} ("),
        ("UPDATE luahost_record SET kind = 'nonsense' WHERE seq = {seq}", "record {seq} (nonsense"),
        ("DELETE FROM luahost_record WHERE seq = {seq}", "record {seq} is missing"),
    ],
)
def test_a_damaged_record_is_named(path: Path, spoil: str, message: str) -> None:
    """Each record, damaged in each way: the journal, the run, the record and what is wrong, when it is resumed."""
    a_run_of_three(path)
    with sqlite3.connect(path) as db:
        whole = db.execute("SELECT * FROM luahost_record ORDER BY seq").fetchall()
        kinds = {row[1]: row[2] for row in whole}
        assert {"value", "sent", "answer"} <= set(kinds.values())
    db.close()
    for seq in kinds:
        if "missing" in message and seq == len(kinds):
            continue  # a log may end anywhere
        db = sqlite3.connect(path)
        with db:
            db.execute("DELETE FROM luahost_record")
            marks = ", ".join("?" * len(whole[0]))
            db.executemany(f"INSERT INTO luahost_record VALUES ({marks})", whole)
            changed = db.execute(spoil.format(seq=seq)).rowcount
        db.close()
        if not changed:
            continue
        with Host(simulate=True, journal=str(path)) as host, pytest.raises(JournalError) as caught:
            host.resume("r")
        assert str(path) in caught.value.message
        assert "run r: " in caught.value.message
        assert message.format(seq=seq) in caught.value.message


def test_a_damaged_run_is_named(path: Path) -> None:
    """What is wrong with a run's own row is said with its name."""
    a_run_of_three(path)
    for column in ("args", "globals"):
        db = sqlite3.connect(path)
        with db:
            [(good,)] = db.execute(f"SELECT {column} FROM luahost_run").fetchall()
            db.execute(f"UPDATE luahost_run SET {column} = x'c1'")
        db.close()
        with (
            Host(simulate=True, journal=str(path)) as host,
            pytest.raises(JournalError, match=f"run r: its {column} cannot be read"),
        ):
            host.resume("r")
        db = sqlite3.connect(path)
        with db:
            db.execute(f"UPDATE luahost_run SET {column} = ?", (good,))
        db.close()


def test_a_journal_that_cannot_be_written_says_so_at_once(path: Path) -> None:
    """A file that is read-only to SQLite is refused before anything is sent."""
    Journal.open(str(path)).close()
    journal = Journal.open(str(path))
    journal._database._db.execute("PRAGMA query_only = 1")  # type: ignore[attr-defined]
    with pytest.raises(JournalError, match="cannot be written"):
        journal.mark(RunRow("r", "s", b"", None, b"\x90", b"\x80", "", "test", ""), "undone")
    journal.close()
