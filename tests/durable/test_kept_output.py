"""What durable runs print is kept beside their records: masked, up to a limit, once however often a run breaks off."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from host import Host
from host.durable import kept_output as kept
from host.durable.journal import Journal
from host.durable.kept_output import KEPT, OutputKeeper, end_of_output, joined, kept_output
from tests.durable.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def output(lab: Lab, run: str = "r") -> str:
    """All that is kept of it."""
    journal = Journal.open(lab.path)
    try:
        return kept_output(journal, run)[0].decode("utf-8", "surrogateescape")
    finally:
        journal.close()


def test_what_a_run_prints_is_kept(lab: Lab) -> None:
    """Prints and writes, with bytes that are no UTF-8; nothing of a run that prints nothing, nor of one not durable."""
    lab.run("print('one', 2) io.write('\\255é') print()")
    assert output(lab).encode("utf-8", "surrogateescape") == b"one\t2\n\xff\xc3\xa9\n"
    with lab.host() as host:
        host.run_source("return 1", run_id="silent")
        host.run_source("print('gone')")
    assert lab.sql("SELECT run FROM luahost_output") == [("r",)]


def test_secrets_are_not_kept(lab: Lab) -> None:
    """Keys are masked before they are written down."""
    with Host(journal=lab.path, stripe_secret_key="sk_test_aaaaaaaaaaaaaaaa") as host:
        host.run_source("print('sk_test_' .. ('a'):rep(16))", run_id="r")
    assert "sk_test_aaaa" not in output(lab)
    assert output(lab).strip()


def test_output_is_there_while_the_run_goes_on(lab: Lab) -> None:
    """Another process sees it before the run has ended."""
    looked = threading.Event()
    with ThreadPoolExecutor(1) as pool, lab.host() as host:

        @host.function(effect="read")
        async def seen() -> bool:
            return looked.is_set()

        result = pool.submit(host.run_source, "print('here') while not seen() do sleep(0.05) end", run_id="r")
        while not output(lab):
            assert not result.done()
        assert output(lab) == "here\n"
        looked.set()
        assert result.result(20).ok


@pytest.mark.parametrize("after", range(1, 8))
def test_a_run_that_broke_off_prints_nothing_twice(lab: Lab, after: int) -> None:
    """Wherever it broke off, and whatever was kept by then, all of its output is kept once."""
    code = "for n = 1, 3 do print('line ' .. n) new_product():name('p' .. n):create() end print('end')"
    lab.run(code)
    whole = "line 1\nline 2\nline 3\nend\n"
    assert output(lab) == whole
    for size in (0, 3, 7, 14, 21, len(whole)):  # of what had been written down
        lab.break_off(after)
        lab.sql("DELETE FROM luahost_output")
        lab.sql("INSERT INTO luahost_output (run, start, data) VALUES ('r', 0, ?)", whole[:size].encode())
        assert lab.resume().ok
        assert output(lab) == whole, size


def test_no_more_is_kept_than_the_limit(lab: Lab) -> None:
    """The first megabyte, and that there was more."""
    lab.run("for n = 1, 3 do print(('x'):rep(500000)) end")
    found = output(lab)
    assert found.startswith("x" * 500_000 + "\n")
    assert found.endswith("[more was printed, and is not kept]\n")
    assert KEPT < len(found) < KEPT + 100


def test_what_could_not_be_written_is_written_later() -> None:
    """A piece that is put back goes before what came meanwhile."""
    keeper = OutputKeeper(10)
    keeper.add("kept before")
    assert keeper.take() == (10, b"e")
    keeper = OutputKeeper(10)
    keeper.add("0123456789one ")
    taken = keeper.take()
    keeper.add("two")
    keeper.put_back(*taken)
    assert keeper.take() == (10, b"one two")
    assert keeper.take() == (17, b"")


@pytest.mark.parametrize(
    ("pieces", "start", "found"),
    [
        ([], 0, (b"", 0)),
        ([(0, b"abc"), (3, b"de")], 0, (b"abcde", 5)),
        ([(0, b"abc"), (1, b"bcde")], 0, (b"abcde", 5)),
        ([(0, b"abcde"), (2, b"c")], 0, (b"abcde", 5)),
        ([(0, b"abc"), (3, b"de")], 2, (b"cde", 5)),
        ([(3, b"de")], 0, (b"de", 5)),
    ],
)
def test_pieces_are_put_together(pieces: list[tuple[int, bytes]], start: int, found: tuple[bytes, int]) -> None:
    """They may overlap, or a part may never have been written."""
    assert joined(pieces, start) == found


def test_the_end_is_shown_of_what_is_long(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is said that there was more."""
    monkeypatch.setattr(kept, "LONGEST_END", 4)
    lab.run("print('abcdefg')")
    journal = Journal.open(lab.path)
    assert end_of_output(journal, "r") == ("efg\n", True)
    assert end_of_output(journal, "none") == ("", False)
    journal.close()


def test_output_goes_with_its_run(lab: Lab) -> None:
    """It is put aside when the run is started over, and forgotten with it."""
    lab.run("print('first')")
    lab.run("print('second')", force_new=True)
    assert (output(lab), output(lab, "r~1")) == ("second\n", "first\n")
    journal = Journal.open(lab.path)
    journal.delete("r")
    journal.delete("r~1")
    journal.close()
    assert lab.sql("SELECT * FROM luahost_output") == []


def test_a_journal_of_the_version_before_is_brought_up(lab: Lab) -> None:
    """Its runs are there, and those to come keep their output."""
    lab.run("return 1")
    db = sqlite3.connect(lab.path)
    with db:
        db.execute("DROP TABLE luahost_output")
        db.execute("DROP TABLE luahost_cancel")
        db.execute("UPDATE luahost_version SET version = 4")
    db.close()
    with lab.host() as host:
        host.run_source("print('kept')", run_id="new")
    assert (output(lab), output(lab, "new")) == ("", "kept\n")
