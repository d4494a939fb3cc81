"""The same pages on a journal in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.postgres import binaries, postgres
from tests.dashboard.conftest import Board

pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed (apt-get install postgresql)")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def board(url: str, tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path, url)
    yield board
    board.journal.read("SELECT 1", {})
    for run in board.journal.runs():
        board.journal.delete(run.id)
    board.close()


def test_runs_are_listed_filtered_and_paged(board: Board) -> None:
    """Every filter reads the same as on SQLite, and pages follow each other by cursor."""
    for number in range(7):
        board.run("print(1)" if number else 'error("50% no_luck")', f"r{number}", f"Pay{number}.lua")
    browser = board.browser()
    assert browser.open("/").links("/runs/") == [f"/runs/r{number}" for number in range(6, -1, -1)]
    for query, expected in (
        ("state=failed", ["r0"]),
        ("state=running", []),
        ("state=broken+off", []),
        ("script=pAY3", ["r3"]),
        ("text=50%25", ["r0"]),
        ("text=_luck", ["r0"]),
        ("text=5_%25", []),
        ("text=%00'%22", []),
        ("since=2300-01-01T00:00", []),
    ):
        assert browser.open(f"/?{query}").links("/runs/") == [f"/runs/{each}" for each in expected], query
    fourth = board.journal.run("r3")
    assert fourth is not None
    rest = browser.open(f"/?after={fourth.created:.10f}/r3")
    assert rest.links("/runs/") == ["/runs/r2", "/runs/r1", "/runs/r0"]


def test_a_run_is_shown_resumed_and_undone(board: Board) -> None:
    """Calls, waterfall, large answers and actions work as on SQLite."""
    board.run('stripe.customers.create{name="Ann"} stripe.customers.list{limit=1} sleep(0) error("x")', "r")
    browser = board.browser()
    page = browser.open("/runs/r")
    assert [each["class"] for tag, each in page.elements if tag == "rect" and "x" in each] == [
        "change",
        "read",
        "sleep",
    ]
    assert '"name": "Ann"' in page.text
    assert browser.send("/runs/r", "/runs/r/resume").status == 200
    page = browser.send("/runs/r/undo", "/runs/r/undo", confirm="r")
    assert "r undone" in page.text
    assert browser.open("/runs/r?after=9223372036854775807").status == 200


def test_without_a_fleet_its_pages_say_so(board: Board) -> None:
    """A journal in PostgreSQL alone is no fleet."""
    browser = board.browser()
    for path in ("/queues", "/queue?name=a", "/workers", "/schedules"):
        assert "No fleet" in browser.open(path).text


def test_a_database_that_is_gone_is_an_error_that_says_so(tmp_path: Path) -> None:
    """Status 503, the server's place without a password, and no traceback; the dashboard stays up."""
    with postgres() as own:
        board = Board(tmp_path, own.replace("journal@", "journal:hunter2@"))
        browser = board.browser()
        assert browser.open("/").status == 200
    try:
        for path in ("/", "/runs/r"):
            page = browser.open(path)
            assert page.status == 503
            assert "cannot be reached" in page.text
            assert "hunter2" not in page.answer.text
            assert "Traceback" not in page.text
        assert browser.open("/style.css").status == 200
    finally:
        board.close()
