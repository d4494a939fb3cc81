"""What can be done about a run from its page, and what becomes of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from host.dashboard.actions import LONGEST_OUTPUT, OutputEnd
from host.errors import UsageError
from host.events import Logged, Printed
from tests.dashboard.conftest import Board, Browser

PAY = (
    'local c = stripe.customers.create{name="a"}\nstripe.products.create{name="b"}\nprint("both are there")\n'
    "return c.id"
)


def test_resuming_goes_on_where_the_run_broke_off(board: Board, browser: Browser) -> None:
    """What was answered is not sent again, the rest is; the page shows how it ended and what it printed."""
    board.run(PAY, "r")
    board.lab.break_off(2)
    made = board.lab.made()
    assert "broken off" in browser.open("/runs/r").text
    page = browser.send("/runs/r", "/runs/r/resume")
    assert page.answer.url.path == "/runs/r"
    assert "Resume, asked for at" in page.text
    assert "both are there" in page.text
    assert board.lab.made() == made
    run = board.journal.run("r")
    assert run is not None
    assert run.status == "done"
    assert "/runs/r/resume" not in page.forms


def test_a_failed_run_is_retried_and_says_what_is_wrong(board: Board, browser: Browser) -> None:
    """A run that fails again is shown as failed, with its message, and may be tried once more."""
    board.run('stripe.customers.create{name="a"} error("no luck")', "r")
    page = browser.send("/runs/r", "/runs/r/resume")
    assert "no luck" in page.text
    assert "Retry" in page.text
    assert board.lab.made() == 1


def test_what_is_decided_of_changes_in_doubt_is_one_of_three_words(board: Board, browser: Browser) -> None:
    """Any other word is refused before anything is begun."""
    board.run(PAY, "s")
    board.lab.break_off(1, "s")
    fields = browser.open("/runs/s").forms["/runs/s/resume"]
    assert browser.ask("POST", "/runs/s/resume", data={**fields, "in_doubt": "perhaps"}).status_code == 400
    assert board.actions.of("s") is None
    page = browser.send("/runs/s", "/runs/s/resume", in_doubt="repeat")
    assert "done" in page.text


def test_undoing_shows_what_it_would_do_and_wants_the_id_typed(board: Board, browser: Browser) -> None:
    """Nothing is taken back for a wrong id; for the right one all that can be is, and the page says so."""
    board.run(PAY, "r")
    page = browser.open("/runs/r/undo")
    assert "stripe.products.create" in page.text
    assert "stripe.customers.delete" in page.text
    for wrong in ("", "R", "rr", "yes"):
        refused = browser.send("/runs/r/undo", "/runs/r/undo", confirm=wrong)
        assert refused.status == 400
        assert "type r" in refused.text
    assert board.actions.of("r") is None
    page = browser.send("/runs/r/undo", "/runs/r/undo", confirm=" r ")
    assert "Undo, asked for at" in page.text
    run = board.journal.run("r")
    assert run is not None
    assert run.status == "undone"
    assert page.text.count("undone") >= 3
    assert "/runs/r.undo" in page.links("/runs/")
    assert "Nothing is left" in browser.open("/runs/r/undo").text
    assert browser.open("/runs/r.undo").status == 200


def test_money_goes_back_only_with_refunds(board: Board, browser: Browser) -> None:
    """The page tells which is asked for, and the form carries it."""
    board.run(
        'stripe.payment_intents.create{amount=500, currency="usd", payment_method="pm_card_visa", confirm=true, '
        'automatic_payment_methods={enabled=true, allow_redirects="never"}}',
        "r",
    )
    assert "cannot be undone" in browser.open("/runs/r/undo").text
    assert not browser.open("/runs/r/undo").forms
    page = browser.open("/runs/r/undo?refunds=yes")
    assert "refunds.create" in page.text
    browser.send("/runs/r/undo?refunds=yes", "/runs/r/undo", confirm="r")
    run = board.journal.run("r")
    assert run is not None
    assert run.status == "undone"


def test_a_run_under_way_elsewhere_can_only_be_cancelled(board: Board, browser: Browser) -> None:
    """Its page says so and has no other form for it; a form kept from before is refused."""
    board.run('error("x")', "r")
    kept = browser.open("/runs/r").forms["/runs/r/resume"]
    board.lab.sql("UPDATE luahost_run SET status = 'running', owner = 'elsewhere:1:1:a', lease = 9e12")
    page = browser.open("/runs/r")
    assert "Another process runs it" in page.text
    assert set(page.forms) == {"/runs/r/cancel"}
    refused = browser.ask("POST", "/runs/r/resume", data=kept)
    assert refused.status_code == 400
    assert "is being run" in refused.text
    page = browser.send("/runs/r", "/runs/r/cancel")
    assert "is to end it" in page.text
    assert board.lab.sql("SELECT run, owner FROM luahost_cancel") == [("r", "elsewhere:1:1:a")]
    assert browser.open("/?state=running").links("/runs/") == ["/runs/r"]


def test_what_the_dashboard_carries_on_can_be_cancelled(board: Board, browser: Browser) -> None:
    """The run is interrupted, and can be resumed again; meanwhile nothing else is begun about it."""
    sleeping(board)
    fields = browser.open("/runs/r").forms["/runs/r/resume"]
    page = browser.send("/runs/r", "/runs/r/resume")
    assert "under way" in page.text
    assert set(page.forms) == {"/runs/r/cancel"}
    assert browser.ask("POST", "/runs/r/resume", data=fields).status_code == 400
    browser.send("/runs/r", "/runs/r/cancel")
    board.actions.wait("r")
    page = browser.open("/runs/r")
    assert "interrupted" in page.text
    assert "/runs/r/resume" in page.forms
    assert board.lab.made() == 1


def test_ending_the_dashboard_interrupts_what_it_carries_on(board: Board, browser: Browser) -> None:
    """The run can be gone on with from anywhere, at once."""
    sleeping(board)
    page = browser.send("/runs/r", "/runs/r/resume")
    while "r running" not in page.text:
        page = browser.open("/runs/r")
    board.actions.close()
    run = board.journal.run("r")
    assert run is not None
    assert (run.status, run.owner) == ("interrupted", None)


def sleeping(board: Board) -> None:
    """A run that failed, and that sleeps for an hour when it is resumed; pages do not wait for it."""
    board.actions.patience = 0.0
    board.run('stripe.customers.create{name="a"} error("x")', "r")
    board.lab.sql("UPDATE luahost_run SET source = ?", b'stripe.customers.create{name="a"} sleep(3600)')


def test_output_is_kept_from_its_end() -> None:
    """A run that prints without end costs no more than the end of it, and private members are masked."""
    output = OutputEnd()
    for number in range(5000):
        output.emit(Printed("r", 1.0, f"{number:06} {'x' * 100}\n"))
    output.emit(Logged("r", 1.0, "warn", '{"password": "hunter2"}'))
    text = str(output)
    assert output.cut
    assert len(text) <= LONGEST_OUTPUT + 200
    assert "004999" in text
    assert "000001" not in text
    assert "hunter2" not in text
    output.emit(Printed("r", 1.0, "y" * 10 * LONGEST_OUTPUT))
    assert len(str(output)) <= LONGEST_OUTPUT


def test_a_closed_dashboard_begins_nothing(board: Board) -> None:
    """Whoever asks while it ends is told so."""
    board.run('error("x")', "r")
    run = board.journal.run("r")
    assert run is not None
    board.actions.close()
    board.actions.close()
    with pytest.raises(UsageError, match="try again"):
        board.actions.resume(run, in_doubt="ask", recorded=False)


def test_a_run_of_another_process_is_cancelled_there(board: Board, browser: Browser) -> None:
    """It ends as cancelled, its page shows what it printed, and it can be gone on with."""
    begun = threading.Event()
    with board.lab.host() as host, ThreadPoolExecutor(1) as pool:

        @host.function(effect="read")
        async def started() -> None:
            begun.set()

        result = pool.submit(host.run_source, "print('so far') started() sleep(60)", run_id="other")
        assert begun.wait(20)
        while board.journal.run("other") is None:
            continue
        assert set(browser.open("/runs/other").forms) == {"/runs/other/cancel"}
        browser.send("/runs/other", "/runs/other/cancel")
        error = result.result(20).error
    assert error is not None
    assert error.kind == "cancelled"
    page = browser.open("/runs/other")
    assert "so far" in page.text
    assert "/runs/other/resume" in page.forms
    assert browser.open("/?state=cancelled").links("/runs/") == ["/runs/other"]


def test_what_a_run_printed_is_on_its_page(board: Board, browser: Browser) -> None:
    """As text, without private members."""
    board.run('print("<b>bold</b>", json.encode({password = "hunter" .. 2}))', "r")
    page = browser.open("/runs/r")
    assert "<b>bold</b>" in page.text
    assert "hunter2" not in page.text
