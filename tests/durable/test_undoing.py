"""Taking back what a run did: what is left, nothing twice, and the truth about it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from host import Host, RunResult, UsageError
from host.durable.undoing import Undoing, undo
from host.simulator.fault_injection import Faults, Rates
from tests.durable.lab import Lab

THINGS = """
local coupon = new_coupon():percent_off(10):duration("once"):create()
local product = new_product():name("a"):create()
new_price():product(product):currency("usd"):amount(500):create()
local paid = stripe.payment_intents.create{amount = 700, currency = "usd", payment_method = "pm_card_visa",
  automatic_payment_methods = {enabled = true, allow_redirects = "never"}}
stripe.payment_intents.confirm(paid.id)
return paid.id
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@contextmanager
def undoing(lab: Lab, **more: Any) -> Iterator[tuple[Host, Undoing]]:
    with lab.host() as host:
        journal = host.durable_runs.journal
        run = journal.run("r")
        assert run is not None
        yield host, Undoing(journal, run, host.durable_runs.apis, refunds=True, **more)


def take_back(lab: Lab, *, refunds: bool = True, **more: Any) -> RunResult:
    with lab.host(**more) as host:
        return undo(host, "r", refunds=refunds)


def status(lab: Lab, run_id: str = "r") -> str:
    return str(lab.sql("SELECT status FROM luahost_run WHERE id = ?", run_id)[0][0])


def remaining(lab: Lab) -> dict[str, Any]:
    """What the API still has, asked as anybody would."""
    with lab.host() as host:
        value = host.run_source("""
          local refunded = 0
          for refund in stripe.refunds.list{}:each() do refunded = refunded + refund.amount end
          return {coupons = #stripe.coupons.list{}.data, products = #stripe.products.list{active = true}.data,
            prices = #stripe.prices.list{active = true}.data, refunded = refunded,
            refunds = #stripe.refunds.list{}.data}
        """).value
    assert isinstance(value, dict)
    return value


NOTHING = {"coupons": 0, "products": 0, "prices": 0, "refunded": 700, "refunds": 1}


def test_all_is_taken_back_once_and_the_run_says_undone(lab: Lab) -> None:
    """A second time there is nothing left, and nothing is asked of the API."""
    assert lab.run(THINGS).ok
    first = take_back(lab)
    assert (first.error, first.exit_status) == (None, None)
    assert remaining(lab) == NOTHING
    assert status(lab) == "undone"
    asked = lab.api.requests
    assert take_back(lab).ok
    assert lab.api.requests == asked


def test_a_confirmed_payment_is_refunded_or_named_and_not_cancelled_beside(lab: Lab) -> None:
    """Without refunds it is named once, and given back when that is asked for later."""
    lab.run(THINGS)
    with undoing(lab) as (_, state):
        ways = [each.tries[0][0] for each in state.left]
    assert ways == [
        "stripe.refunds.create",
        "stripe.prices.update",
        "stripe.products.delete",
        "stripe.coupons.delete",
    ]
    result = take_back(lab, refunds=False)
    assert "NOT DONE" not in result.output
    assert status(lab) == "partly undone"
    assert remaining(lab) == NOTHING | {"refunded": 0, "refunds": 0}
    assert take_back(lab).output.count("undone") == 1
    assert (remaining(lab), status(lab)) == (NOTHING, "undone")


def test_a_step_that_fails_is_left_for_the_next_time(lab: Lab) -> None:
    """With the API down nothing is taken back and the run is what it was; then some, then all."""
    lab.run(THINGS)
    lab.api._faults = Faults(Rates(error_before=1.0))
    failed = take_back(lab, api_limits="stripe:retries=0")
    assert failed.exit_status == 1
    assert failed.output.count("NOT DONE") == 4
    lab.api._faults = None
    assert take_back(lab).exit_status is None
    assert (remaining(lab), status(lab)) == (NOTHING, "undone")


@pytest.mark.parametrize(
    ("code", "by_hand"),
    [
        ('return new_product():name("a"):create()', "stripe.products.delete(id)"),
        ('return new_customer():email("a@b.c"):create()', "stripe.customers.delete(id)"),
        ('return new_coupon():percent_off(5):duration("once"):create()', "stripe.coupons.delete(id)"),
        (
            'return new_payment_intent():amount(500):currency("usd"):create()',
            "stripe.payment_intents.cancel(id)",
        ),
        (
            'local c = new_customer():email("a@b.c"):create() '
            'local p = new_price():currency("usd"):amount(5):recurring("month"):product_data{name = "x"}:create() '
            'return new_subscription():customer(c):add_price(p):payment_behavior("default_incomplete"):create()',
            "stripe.subscriptions.cancel(id)",
        ),
        (
            'local c = new_customer():email("a@b.c"):create() return new_invoice():customer(c):create()',
            "stripe.invoices.delete(id)",
        ),
        (
            'return stripe.payment_intents.create{amount = 900, currency = "usd", confirm = true, '
            'payment_method = "pm_card_visa", '
            'automatic_payment_methods = {enabled = true, allow_redirects = "never"}}.id',
            "stripe.refunds.create{payment_intent = id}",
        ),
    ],
)
def test_what_was_taken_back_by_hand_counts_as_undone(lab: Lab, code: str, by_hand: str) -> None:
    """Deleted, cancelled, voided or refunded meanwhile by somebody else: there is nothing left to do, and no fault."""
    made = lab.run(code)
    assert made.ok, made.error
    with lab.host() as host:
        assert host.run_source(f"{by_hand} return 1", globals={"id": made.value}).ok
    result = take_back(lab)
    assert result.exit_status is None, result.output
    assert "gone " in result.output
    assert status(lab) == "undone"


def test_an_undone_run_is_not_answered_as_done(lab: Lab) -> None:
    """Neither by the same command nor by resume; started over it makes all anew, and is undone by itself."""
    code = 'return new_product():name("a"):create()'
    first = lab.run(code).value
    take_back(lab)
    for again in (lambda: lab.run(code), lab.resume):
        with pytest.raises(UsageError, match="run r was undone") as caught:
            again()
        assert "--force-new" in (caught.value.hint or "")
    with lab.host() as host:
        [row] = host.run_many([{"code": code, "run_id": "r"}])
    assert row.error is not None
    assert (row.error.kind, row.error.exit_code) == ("usage", 2)
    second = lab.run(code, force_new=True).value
    assert second != first
    assert [status(lab), status(lab, "r~1")] == ["done", "undone"]
    assert "undone" in take_back(lab).output
    assert status(lab) == "undone"
    assert remaining(lab)["products"] == 0


def test_the_undoing_of_a_forgotten_run_is_not_taken_for_that_of_another(lab: Lab) -> None:
    """A new run of the same id begins with nothing undone."""
    code = 'return new_product():name("a"):create()'
    lab.run(code)
    take_back(lab)
    with lab.host() as host:
        host.durable_runs.journal.delete("r")
    lab.run(code)
    with undoing(lab) as (_, state):
        assert (state.name, len(state.steps)) == ("r.undo.2", 1)


def test_what_is_in_doubt_is_named_and_the_rest_taken_back(lab: Lab) -> None:
    """The run is then partly undone, as it is."""
    lab.run('new_coupon():percent_off(5):duration("once"):create() new_product():name("a"):create()')
    lab.break_off(lab.seq("sent", "stripe.products.create"))
    with undoing(lab) as (_, state):
        assert "idempotency key" in state.left[0].why
    assert "coupons" in take_back(lab).output
    assert status(lab) == "partly undone"


def test_with_its_journal_behind_it_does_nothing_twice(tmp_path: Path) -> None:
    """Whatever end of its log is lost, given again it comes to the same: one refund, and no fault."""
    whole = Lab(tmp_path)
    whole.run(THINGS)
    take_back(whole)
    length = len(whole.sql("SELECT seq FROM luahost_record WHERE run = 'r.undo'"))
    for after in range(length):
        folder = tmp_path / str(after)
        folder.mkdir()
        lab = Lab(folder)
        lab.run(THINGS)
        take_back(lab)
        lab.break_off(after, "r.undo")
        lab.sql("UPDATE luahost_run SET status = 'partly undone' WHERE id = 'r'")
        result = take_back(lab)
        assert (result.error, result.exit_status) == (None, None), (after, result.output)
        assert (remaining(lab), status(lab)) == (NOTHING, "undone"), after


DRIVER = """
import os, sys
from host.cli import main
from host.simulator.simulator import Simulator

at, when, seen = int(sys.argv[1]), sys.argv[2], 0
begin, finish = Simulator.begin, Simulator._finish

def killing(name, method):
    def patched(self, *args):
        global seen
        if name == "before":
            seen += 1
            if when == name and seen == at:
                os.kill(os.getpid(), 9)
            return method(self, *args)
        result = method(self, *args)
        if when == name and seen == at:
            os.kill(os.getpid(), 9)
        return result
    return patched

Simulator.begin, Simulator._finish = killing("before", begin), killing("after", finish)
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [1, 3])
def test_killed_at_a_request_and_given_again_it_does_what_is_left(tmp_path: Path, at: int, when: str) -> None:
    """kill -9 before a request is worked on, or after it, before its answer: one refund, nothing left."""
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "things.lua").write_text(THINGS)

    def command(number: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        given = [sys.executable, "driver.py", str(number), when, *arguments, "--journal", "j.sqlite"]
        return subprocess.run(given, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert command(0, "run", "--simulate", "--run-id", "r", "things.lua").returncode == 0
    undo = ("runs", "undo", "r", "--refunds")
    assert command(at, *undo).returncode == -9
    again = command(0, *undo)
    assert again.returncode == 0, again.stdout + again.stderr
    third = command(0, *undo)
    assert third.returncode == 0
    assert "nothing is left that could be undone" in third.stdout + third.stderr
    listed = command(0, "runs", "list").stdout
    assert "undone" in listed
    simulated = tmp_path / "simulated" / "r.sqlite"
    from host.apis.stripe import load
    from host.simulator.simulator import Simulator
    from host.simulator.store import Store

    api = Simulator(load(), store=Store(str(simulated)))
    with Host(simulator=api) as host:
        made = host.run_source("return {#stripe.refunds.list{}.data, #stripe.coupons.list{}.data}").value
    api.close()
    assert made == [1, 0]


def test_what_only_refunds_give_back_is_left_and_said(tmp_path: Path) -> None:
    """Without --refunds a confirmed payment is named with that option, never told as if nothing were left."""

    def command(*arguments: str) -> str:
        given = [sys.executable, "-m", "host", *arguments, "--journal", "j.sqlite"]
        done = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    pay = (
        'new_payment_intent():amount(500):currency("usd"):payment_method("pm_card_visa"):confirm(true)'
        ':return_url("https://e.com"):create()'
    )
    command("run", "--simulate", "--run-id", "r", "-e", pay)
    for given in (("--dry-run",), ()):
        said = command("runs", "undo", "r", *given)
        assert "--refunds returns it" in said
        assert "nothing else can be undone of r" in said
        assert "nothing is left" not in said
    assert "by stripe.refunds.create" in command("runs", "undo", "r", "--refunds")
    assert "nothing is left that could be undone of r" in command("runs", "undo", "r", "--refunds")
