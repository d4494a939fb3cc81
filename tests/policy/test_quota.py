"""Quotas: calls are counted before sending, all or nothing, and given back where nothing happened."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from host.apis.prepare import CallOptions, prepare
from host.apis.stripe import load
from host.bridge.request import Reply
from host.calls.keys_in_doubt import Doubts
from host.errors import ApiError, LimitError, NetworkError
from host.http.message import Response
from host.policy.budget import Budget
from host.policy.daily_spending import DailyLedger
from host.policy.quota import Quota, Reservation, admit, readmit, release

CATALOG = load()


def ask(quota: Quota, id: str, key: str | None = None, **arguments: Any) -> Reservation:
    """What the pipeline does for one call of Stripe's operation ``id``."""
    return again(quota, id, (), key, **arguments)


def again(
    quota: Quota, id: str, counted: tuple[Reservation, ...], key: str | None = None, **arguments: Any
) -> Reservation:
    """The same for a request that was sent before, with these reservations."""
    operation = CATALOG.operation(id)
    assert operation is not None
    options = CallOptions(idempotency_key=key)
    request = prepare(CATALOG, operation, arguments, options, base_url="https://api.stripe.com")
    return quota.admit(f"stripe.{id}", operation.mutation, operation=operation, request=request, counted=counted)


def done(reservation: Reservation, **data: Any) -> None:
    reservation.quota.settle(reservation, Reply(Response(200, {}, json.dumps(data).encode())))


def spent(quota: Quota, unit: str) -> int:
    return quota.ledger.spent.get(unit, 0)  # type: ignore[attr-defined]


def test_calls_and_changes_are_bounded() -> None:
    """The call beyond the budget is refused, naming the budget, what is left and what was asked."""
    quota = Quota(Budget(max_calls=3, max_mutations=1), "the run")
    ask(quota, "products.list")
    ask(quota, "products.create", name="x")
    with pytest.raises(LimitError) as found:
        ask(quota, "products.create", name="y")
    assert found.value.message == (
        "the run has a budget of 1 mutations, of which 0 are left; stripe.products.create asks for 1"
    )
    assert (found.value.kind, found.value.outcome) == ("limit", "not_sent")
    ask(quota, "products.list")  # the refused one took nothing
    with pytest.raises(LimitError, match=r"3 calls, of which 0"):
        ask(quota, "products.list")


def test_what_was_not_sent_is_given_back_and_what_is_unknown_is_not() -> None:
    """Not sent: all of it; refused by the API: the money; unknown: nothing."""
    quota = Quota(Budget(max_calls=100, max_amount={"usd": 1000}), "the run")
    reservation = ask(quota, "charges.create", amount=600, currency="usd")
    quota.settle(reservation, Reply(error=NetworkError("refused", outcome="not_sent")))
    assert (spent(quota, "calls"), spent(quota, "usd")) == (0, 0)
    reservation = ask(quota, "charges.create", amount=600, currency="usd")
    quota.settle(reservation, Reply(Response(402, {}, b"{}")))
    assert (spent(quota, "calls"), spent(quota, "usd")) == (1, 0)
    for reply in (
        Reply(error=NetworkError("reset", outcome="unknown")),
        Reply(error=NetworkError("refused at last", outcome="not_sent", attempts=2)),
        Reply(Response(500, {}, b"{}")),
        Reply(Response(429, {}, b"{}", attempts=2, in_doubt=True)),
    ):
        quota.settle(ask(quota, "charges.create", amount=200, currency="usd"), reply)
    assert spent(quota, "usd") == 800


def test_the_same_request_again_is_counted_once() -> None:
    """A call in doubt that is repeated with its key costs nothing more, and of each quota that counted it only."""
    quota, other = (Quota(Budget(max_mutations=10, max_amount={"usd": 1000}), name) for name in ("a", "b"))
    reservation = ask(quota, "charges.create", key="k", amount=600, currency="usd")
    quota.settle(reservation, Reply(error=NetworkError("reset", outcome="unknown")))
    done(again(quota, "charges.create", (reservation,), key="k", amount=600, currency="usd"), id="ch_1")
    assert (spent(quota, "usd"), spent(quota, "mutations")) == (600, 1)
    again(other, "charges.create", (reservation,), key="k", amount=600, currency="usd")
    assert (spent(other, "usd"), spent(other, "mutations")) == (600, 1)


def test_what_is_known_late_settles_what_was_taken_first() -> None:
    """Rejected in the end, the money of a change in doubt comes back; done, its object is known."""
    quota = Quota(Budget(max_amount={"usd": 1000}), "the run")
    doubts = Doubts()
    reservation = ask(quota, "payment_intents.create", key="k", amount=600, currency="usd")
    for key, reply, left in (
        (("o", "a"), Reply(error=ApiError("no", outcome="rejected")), 0),
        (("o", "b"), Reply(Response(200, {}, b'{"id": "pi_1", "object": "payment_intent"}')), 600),
    ):
        quota.ledger.spent["usd"] = 600  # type: ignore[attr-defined]
        doubts.note(key, 1, (reservation,))
        doubts.note(key, 1, (reservation,))  # twice is once
        doubts.settle(key, reply)
        doubts.settle(key, reply)
        assert (spent(quota, "usd"), doubts.by_key) == (left, {})
    ask(quota, "payment_intents.confirm", intent="pi_1")


def test_a_currency_without_a_budget_is_refused() -> None:
    """A budget in dollars is no leave to charge in euros."""
    quota = Quota(Budget(max_amount={"USD": 1000}), "the run")
    with pytest.raises(LimitError, match="no budget for eur"):
        ask(quota, "charges.create", amount=1, currency="eur")
    ask(quota, "charges.create", amount=1000, currency="usd")


def test_what_follows_a_counted_payment_costs_what_it_adds() -> None:
    """Confirming is free, raising costs the difference, a refund costs its amount again."""
    quota = Quota(Budget(max_amount={"usd": 10_000}), "the run")
    done(ask(quota, "payment_intents.create", amount=1000, currency="usd"), id="pi_1")
    done(ask(quota, "payment_intents.confirm", intent="pi_1"), id="pi_1", latest_charge="ch_1")
    assert spent(quota, "usd") == 1000
    done(ask(quota, "payment_intents.update", intent="pi_1", amount=1500), id="pi_1")
    assert spent(quota, "usd") == 1500
    done(ask(quota, "payment_intents.update", intent="pi_1", amount=700), id="pi_1")
    done(ask(quota, "payment_intents.update", intent="pi_1", amount=1500), id="pi_1")
    assert spent(quota, "usd") == 1500
    ask(quota, "payment_intents.update", intent="pi_1", description="no money")
    ask(quota, "refunds.create", charge="ch_1", amount=200)
    assert spent(quota, "usd") == 1700
    ask(quota, "refunds.create", payment_intent="pi_1")
    assert spent(quota, "usd") == 3200


@pytest.mark.parametrize(
    ("id", "arguments"),
    [
        ("payment_intents.confirm", {"intent": "pi_elsewhere"}),
        ("payment_intents.capture", {"intent": "pi_elsewhere", "amount_to_capture": 5}),
        ("refunds.create", {"charge": "ch_elsewhere", "amount": 5}),
        ("invoices.pay", {"invoice": "in_1"}),
        ("invoices.create", {"customer": "cus_1", "auto_advance": True}),
        ("subscriptions.create", {"customer": "cus_1", "items": [{"price": "price_1"}]}),
        ("checkout.sessions.create", {"mode": "payment"}),
        ("invoice_items.create", {"customer": "cus_1", "pricing": {"price": "price_1"}}),
        ("transfers.create", {"currency": "usd", "destination": "acct_1"}),
    ],
)
def test_what_nobody_can_tell_is_refused_unless_allowed(id: str, arguments: dict[str, Any]) -> None:
    """Under a budget of amounts what charges an unknown one is refused, or let through uncounted."""
    with pytest.raises(LimitError, match="not known before it is sent") as found:
        ask(Quota(Budget(max_amount={"usd": 1000}), "the run"), id, **arguments)
    assert "--allow-unbounded" in (found.value.hint or "")
    ask(Quota(Budget(max_amount={"usd": 1000}, allow_unbounded=True), "the run"), id, **arguments)
    ask(Quota(Budget(max_mutations=1), "the run"), id, **arguments)


@pytest.mark.parametrize(
    ("id", "arguments"),
    [
        ("invoices.create", {"customer": "cus_1"}),
        ("checkout.sessions.create", {"mode": "setup"}),
        ("products.create", {"name": "x"}),
        ("coupons.create", {"amount_off": 500, "currency": "eur"}),
        ("prices.create", {"unit_amount": 500, "currency": "eur"}),
    ],
)
def test_what_moves_no_money_is_let_through(id: str, arguments: dict[str, Any]) -> None:
    """Drafts, prices and coupons charge nobody."""
    ask(Quota(Budget(max_amount={"usd": 0}), "the run"), id, **arguments)


def test_a_budget_holds_across_threads() -> None:
    """Of 800 calls at once exactly the 100 that fit are let through."""
    quota, through = Quota(Budget(max_mutations=100), "the host"), []

    def work() -> None:
        for _ in range(100):
            with suppress(LimitError):
                through.append(quota.admit("stripe.products.create", True))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(through) == 100


def test_where_one_meter_refuses_the_others_get_theirs_back() -> None:
    """A call that the host's budget does not allow leaves the run's untouched; so does one never made."""
    run, host = Quota(Budget(max_calls=5), "the run"), Quota(Budget(max_calls=1), "the host")
    reservations = admit((run, host), "stripe.products.list", False)
    with pytest.raises(LimitError, match="the host"):
        admit((run, host), "stripe.products.list", False)
    assert spent(run, "calls") == 1
    release(reservations)
    assert (spent(run, "calls"), spent(host, "calls")) == (0, 0)


def test_a_days_budget_is_kept_by_key_and_day(tmp_path: Path) -> None:
    """Two hosts of one machine share a day's budget of a key; another key and the next day have their own."""
    days = ["2026-01-01"]
    path = tmp_path / "new" / "spending.sqlite"
    ledgers = [DailyLedger(path, today=lambda: days[0]) for _ in range(2)]
    quotas = [Quota(Budget(max_mutations=2), "today", ledger) for ledger in ledgers]
    reservation = quotas[0].admit("stripe.products.create", True, account="a")
    quotas[1].admit("stripe.products.create", True, account="a")
    with pytest.raises(LimitError, match="today has a budget of 2 mutations"):
        quotas[0].admit("stripe.products.create", True, account="a")
    quotas[0].admit("stripe.products.create", True, account="b")
    quotas[0].settle(reservation, Reply(error=NetworkError("refused", outcome="not_sent")))
    quotas[1].admit("stripe.products.create", True, account="a")
    days[0] = "2026-01-02"
    quotas[0].admit("stripe.products.create", True, account="a")
    for ledger in ledgers:
        ledger.close()
    with pytest.raises(LimitError, match="cannot be written"):
        quotas[0].admit("stripe.products.create", True, account="a")


@pytest.mark.parametrize(
    ("how", "left"),
    [
        ("not sent", {"calls": 0, "mutations": 0, "usd": 0}),
        ("released", {"calls": 0, "mutations": 0, "usd": 0}),
        ("rejected", {"calls": 1, "mutations": 1, "usd": 0}),
        ("unknown", {"calls": 1, "mutations": 1, "usd": 600}),
        ("made", {"calls": 1, "mutations": 1, "usd": 600}),
    ],
)
def test_what_is_given_back_after_midnight_belongs_to_the_day_before(
    tmp_path: Path, how: str, left: dict[str, int]
) -> None:
    """However a call ends on the next day, that day may spend its own ceiling and no more."""
    days = ["2026-01-01"]
    ledger = DailyLedger(tmp_path / "spending.sqlite", today=lambda: days[0])
    quota = Quota(Budget(max_calls=9, max_mutations=9, max_amount={"usd": 1000}), "today", ledger)
    reservation = ask(quota, "payment_intents.create", amount=600, currency="usd")
    days[0] = "2026-01-02"
    ask(quota, "payment_intents.create", amount=1000, currency="usd")
    replies = {
        "not sent": Reply(error=NetworkError("refused", outcome="not_sent")),
        "rejected": Reply(error=ApiError("declined", outcome="rejected")),
        "unknown": Reply(error=NetworkError("cut", outcome="unknown")),
        "made": Reply(Response(200, {}, b"{}")),
    }
    if how == "released":
        release([reservation])
    else:
        quota.settle(reservation, replies[how])
    with pytest.raises(LimitError, match="usd, of which 0 are left"):
        ask(quota, "payment_intents.create", amount=1, currency="usd")
    ledger.close()
    with sqlite3.connect(tmp_path / "spending.sqlite") as file:
        rows = file.execute("select day, unit, amount from spent").fetchall()
    file.close()
    assert {unit: amount for day, unit, amount in rows if day == "2026-01-01"} == left
    assert {unit: amount for day, unit, amount in rows if day == days[0]} == {"calls": 1, "mutations": 1, "usd": 1000}


def test_a_call_admitted_again_on_the_next_day_moves_to_it(tmp_path: Path) -> None:
    """A call that was never sent on its day is taken from there, and counted once on the day that sends it."""
    days = ["2026-01-01"]
    ledger = DailyLedger(tmp_path / "spending.sqlite", today=lambda: days[0])
    quota = Quota(Budget(max_mutations=1), "today", ledger)
    reservation = quota.admit("stripe.products.create", True)
    days[0] = "2026-01-02"
    (now,) = readmit([reservation], "stripe.products.create")
    assert (reservation.day, now.day) == ("2026-01-01", "2026-01-02")
    with pytest.raises(LimitError, match="of which 0 are left"):
        quota.admit("stripe.products.create", True)
    days[0] = "2026-01-01"
    quota.admit("stripe.products.create", True)
    ledger.close()


def test_an_error_of_the_api_before_anything_was_sent_counts_nothing() -> None:
    """What the host itself refused, in the queue or at the breaker, is given back."""
    quota = Quota(Budget(max_mutations=1), "the run")
    quota.settle(ask(quota, "products.create", name="x"), Reply(error=ApiError("no", outcome="not_sent")))
    ask(quota, "products.create", name="x")


def replayed(quota: Quota, id: str, **arguments: Any) -> Reservation:
    """What the pipeline does for a call of a resumed run that was let through before the run broke off."""
    operation = CATALOG.operation(id)
    assert operation is not None
    request = prepare(CATALOG, operation, arguments, CallOptions(), base_url="https://api.stripe.com")
    return quota.admit(f"stripe.{id}", operation.mutation, operation=operation, request=request, replayed=True)


def test_a_replayed_call_is_counted_whatever_is_left() -> None:
    """What a run did before it broke off counts as it did then: it is not refused, but the next call is."""
    quota = Quota(Budget(max_mutations=1), "the run")
    replayed(quota, "products.create", name="a")
    replayed(quota, "products.create", name="b")
    assert spent(quota, "mutations") == 2
    with pytest.raises(LimitError, match="of which 0 are left"):
        ask(quota, "products.create", name="c")


def test_a_replayed_call_that_was_never_sent_is_asked_for_again() -> None:
    """It takes what it would take now, once; where that is too much it is refused and takes nothing."""
    quota = Quota(Budget(max_amount={"usd": 1000}), "the run")
    before = replayed(quota, "charges.create", amount=600, currency="usd")
    (now,) = readmit([before], "stripe.charges.create")
    assert (now.day, spent(quota, "usd")) == ("", 600)
    other = replayed(quota, "charges.create", amount=600, currency="usd")
    assert spent(quota, "usd") == 1200
    with pytest.raises(LimitError, match=r"stripe\.charges\.create"):
        readmit([other], "stripe.charges.create")
    assert spent(quota, "usd") == 600


def test_a_change_that_budgets_no_longer_allow_is_refused_when_it_is_sent() -> None:
    """A change of unknown amount was let through before; replayed it passes, sent now it is refused."""
    quota = Quota(Budget(max_amount={"usd": 1000}), "the run")
    before = replayed(quota, "subscriptions.create", customer="cus_1", items=[{"price": "price_1"}])
    assert before.refused is not None
    with pytest.raises(LimitError) as caught:
        readmit([before], "stripe.subscriptions.create")
    assert caught.value is before.refused


def test_of_several_quotas_all_or_none_admit_a_call_again() -> None:
    """The second one refuses: the first gets back what it took, and what neither was asked for yet is free again."""
    wide, narrow, last = (Quota(Budget(max_amount={"usd": most}), "x") for most in (5000, 500, 5000))
    before = [replayed(quota, "charges.create", amount=600, currency="usd") for quota in (wide, narrow, last)]
    with pytest.raises(LimitError):
        readmit(before, "stripe.charges.create")
    assert [spent(quota, "usd") for quota in (wide, narrow, last)] == [0, 0, 0]


def test_a_budget_of_money_refuses_a_request_past_the_catalog() -> None:
    """What ``stripe.request`` moves is not known, so a budget of amounts lets none of its changes through."""
    quota = Quota(Budget(max_amount={"usd": 1000}), "the run")
    with pytest.raises(LimitError):
        quota.admit("stripe.request", True, raw=True)
    assert quota.admit("stripe.request", False, raw=True).amounts == {"calls": 1}
    assert spent(quota, "usd") == 0
