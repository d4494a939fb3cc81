"""Journals that are not as they should be: what can be read is shown, the rest is named, nothing falls over."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.conftest import Board, Browser

PAY = (
    'stripe.customers.create{name="Ann"}\nstripe.customers.list{limit=1}\nstripe.products.create{name="Box"}\n'
    "sleep(0)\nreturn 1"
)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE luahost_record SET data = x'c1' WHERE seq = 2", "record 2 cannot be read"),
        ("UPDATE luahost_record SET data = 'text' WHERE seq = 2", "record 2 cannot be read"),
        ("UPDATE luahost_record SET data = x'' WHERE kind = 'sent'", "record 1 cannot be read"),
        ("UPDATE luahost_record SET data = zeroblob(300000) WHERE seq = 2", "too long to be shown"),
        ("UPDATE luahost_record SET kind = 'dreamt' WHERE seq = 3", "no such kind"),
        ("UPDATE luahost_record SET name = '<script>' WHERE seq = 3", "<script>"),
        ("UPDATE luahost_record SET line = -5", "-5"),
        ("UPDATE luahost_record SET at = 1e300", "customers.create"),
        ("UPDATE luahost_record SET at = 'soon' WHERE seq = 2", "cannot be read"),
        ("UPDATE luahost_record SET line = 'first' WHERE seq = 2", "customers.create"),
        ("UPDATE luahost_record SET path = x'ff' WHERE seq = 2", "cannot be read"),
        ("UPDATE luahost_record SET n = -1 WHERE seq = 2", "customers.create"),
        ("DELETE FROM luahost_record WHERE seq = 2", "1 records of this run are missing"),
        ("DELETE FROM luahost_record", "No calls"),
        ("UPDATE luahost_run SET value = x'c1'", "(cannot be read)"),
        ("UPDATE luahost_run SET args = x'ff', globals = x''", "(cannot be read)"),
        ("UPDATE luahost_run SET source = x'fffe00'", "Script"),
        ("UPDATE luahost_run SET created = 1e300, updated = -1e300", "customers.create"),
        ("UPDATE luahost_run SET status = 'dreaming'", "dreaming"),
        ("UPDATE luahost_run SET status = 'running', owner = 'nobody', lease = 9e99", "r"),
        ("UPDATE luahost_run SET error = char(1) || '</p>' || char(0) || 'x'", "</p>"),
    ],
)
def test_a_damaged_journal_is_shown_as_far_as_it_goes(board: Board, browser: Browser, change: str, told: str) -> None:
    """One wrong record or field hides nothing else, and says what is wrong with it."""
    board.run(PAY, "r")
    board.lab.sql(change)
    page = browser.open("/runs/r")
    assert page.status == 200
    assert told in page.text
    assert browser.open("/").links("/runs/") == ["/runs/r"]


@pytest.mark.parametrize("path", ["/runs/r", "/", "/runs/r/undo", "/?state=running"])
def test_a_journal_without_its_tables_is_an_error_that_says_so(board: Board, browser: Browser, path: str) -> None:
    """Status 503 and SQLite's own words; once they are back, so are the pages."""
    board.run(PAY, "r")
    board.lab.sql("ALTER TABLE luahost_run RENAME TO gone")
    page = browser.open(path)
    assert page.status == 503
    assert "no such table" in page.text
    board.lab.sql("ALTER TABLE gone RENAME TO luahost_run")
    assert browser.open(path).status == 200


def test_a_file_that_is_no_database_any_more_is_an_error_that_says_so(board: Board, browser: Browser) -> None:
    """Overwritten under way, it is told as damaged, with what to do."""
    board.run(PAY, "r")
    board.lab.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    path = Path(board.lab.path)
    path.write_bytes(b"\0" * path.stat().st_size)
    page = browser.open("/runs/r")
    assert page.status == 503
    assert "damaged" in page.text


def test_reading_does_not_wait_for_a_writer(board: Board, browser: Browser) -> None:
    """A program that holds the journal's lock stops no page."""
    board.run(PAY, "r")
    holder = sqlite3.connect(board.lab.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("UPDATE luahost_run SET calls = 77")
    assert "customers.create" in browser.open("/runs/r").text
    holder.execute("ROLLBACK")
    holder.close()


def test_pages_show_a_run_while_it_goes_on(board: Board, browser: Browser) -> None:
    """A call under way stands there without an answer, and the run as running."""
    board.lab.api.gate.clear()
    running = threading.Thread(target=board.run, args=(PAY, "r"))
    running.start()
    try:
        assert board.lab.api.entered.wait(10)
        page = browser.open("/runs/r")
        assert "r running" in page.text
        assert ">under way</span>" in page.answer.text
    finally:
        board.lab.api.gate.set()
        running.join()
    assert "r done" in browser.open("/runs/r").text


def test_an_unforeseen_fault_says_no_more_than_its_name(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback and no value reaches a page."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the secret hunter2")

    monkeypatch.setattr("host.dashboard.app.run_page", fail)
    page = board.browser().open("/")
    assert page.status == 500
    assert "RuntimeError" in page.text
    assert "hunter2" not in page.answer.text
    assert "default-src 'none'" in page.answer.headers["content-security-policy"]
