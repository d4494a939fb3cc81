"""What time does to subscriptions, on the ordinary clock and on test clocks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.simulator.stripe.conftest import DAY, amounts

HOUR = 3600


def test_a_period_renews_and_its_invoice_is_a_draft_for_an_hour(shop) -> None:
    """A period renews, and its invoice is a draft for an hour.

    https://docs.stripe.com/billing/invoices/subscription#subscription-lifecycle
    """
    made = shop.subscribe(shop.price(2000), quantity=2)
    shop.wait(31 * DAY)
    after = shop.now(made)
    assert after["latest_invoice"]["status"] == "draft"
    assert after["latest_invoice"]["billing_reason"] == "subscription_cycle"
    assert after["items"]["data"][0]["current_period_start"] == made["items"]["data"][0]["current_period_end"]
    shop.wait(HOUR)
    paid = shop.now(made)["latest_invoice"]
    assert (paid["status"], paid["amount_paid"], amounts(paid)) == ("paid", 4000, [4000])
    assert [invoice["total"] for invoice in shop.invoices()] == [4000, 4000]


def test_the_day_of_the_month_is_kept(shop, clock) -> None:
    """From 31 January: the last day of shorter months, and the 31st again. https://docs.stripe.com/billing/subscriptions/billing-cycle"""
    clock.now = datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp()
    made = shop.subscribe(shop.price(1000))
    days = []
    for _ in range(5):
        end = shop.now(made)["items"]["data"][0]["current_period_end"]
        days.append(datetime.fromtimestamp(end, UTC).strftime("%d %b"))
        clock.now = end
    assert days == ["28 Feb", "31 Mar", "30 Apr", "31 May", "30 Jun"]


@pytest.mark.parametrize(
    ("interval", "count", "periods"), [("day", 3, 120), ("week", 2, 27), ("month", 3, 4), ("year", 1, 1)]
)
def test_a_year_of_renewals(shop, interval, count, periods) -> None:
    """As many invoices as periods begin in 365 days, each paid once its hour has passed."""
    shop.subscribe(shop.price(1000, interval, recurring={"interval_count": count}))
    shop.wait(365 * DAY - HOUR)
    found = [invoice["status"] for invoice in shop.invoices()]
    assert len(found) == min(periods, 100)
    assert set(found) == {"paid"}


def test_a_trial_ends_and_is_billed(shop) -> None:
    """Nothing for the trial, the first period after it; on a month's anchor from its end."""
    made = shop.subscribe(shop.price(1000), trial_period_days=7)
    assert (made["status"], made["latest_invoice"]["total"]) == ("trialing", 0)
    shop.wait(7 * DAY + HOUR)
    after = shop.now(made)
    assert (after["status"], after["latest_invoice"]["total"], after["latest_invoice"]["status"]) == (
        "active",
        1000,
        "paid",
    )
    assert after["items"]["data"][0]["current_period_start"] == made["trial_end"]


@pytest.mark.parametrize(
    ("behavior", "status"), [("create_invoice", "past_due"), ("cancel", "canceled"), ("pause", "paused")]
)
def test_a_trial_without_a_payment_method_ends_as_told(shop, behavior, status) -> None:
    """A trial without a payment method ends as its settings say.

    https://docs.stripe.com/billing/subscriptions/trials#create-free-trials-without-payment
    """
    customer = shop.api.post("/v1/customers")["id"]
    made = shop.subscribe(
        shop.price(1000),
        customer=customer,
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    assert made["pending_setup_intent"].startswith("seti_")
    shop.wait(8 * DAY)
    assert shop.now(made)["status"] == status
    if status == "paused":
        shop.change(made, default_payment_method="pm_card_visa")
        resumed = shop.api.post(f"/v1/subscriptions/{made['id']}/resume", {"billing_cycle_anchor": {"type": "now"}})
        assert (resumed["status"], resumed["billing_cycle_anchor"]) == ("active", shop.time)


@pytest.mark.parametrize(("behavior", "status"), [("cancel", "canceled"), ("pause", "paused")])
def test_a_trial_that_is_ended_now_without_a_payment_method(shop, behavior, status) -> None:
    """As it would end by itself."""
    settings = {"end_behavior": {"missing_payment_method": behavior}}
    customer = shop.api.post("/v1/customers")["id"]
    made = shop.subscribe(shop.price(1000), customer=customer, trial_period_days=7, trial_settings=settings)
    assert shop.change(made, trial_end="now")["status"] == shop.now(made)["status"] == status


def test_trial_end_now_bills_at_once(shop) -> None:
    """A period begins now."""
    made = shop.subscribe(shop.price(1000), trial_period_days=7)
    shop.wait(DAY)
    after = shop.change(made, trial_end="now")
    assert (after["status"], after["latest_invoice"]["total"], after["latest_invoice"]["status"]) == (
        "active",
        1000,
        "paid",
    )
    assert after["items"]["data"][0]["current_period_start"] == shop.time
    assert after["trial_end"] == shop.time


def test_a_failed_renewal_is_past_due_tried_again_and_unpaid(shop) -> None:
    """Attempts an hour after the renewal and 3, 5 and 7 days after each other; then the subscription is unpaid."""
    made = shop.subscribe(shop.price(1000))
    shop.change(made, default_payment_method="pm_card_chargeCustomerFail")
    shop.wait(31 * DAY + HOUR)
    seen = []
    for days in (3, 5, 7, 0):
        now = shop.now(made)
        seen.append((now["status"], now["latest_invoice"]["attempt_count"]))
        shop.wait(days * DAY)
    assert seen == [("past_due", 1), ("past_due", 2), ("past_due", 3), ("unpaid", 4)]
    assert shop.now(made)["latest_invoice"]["next_payment_attempt"] is None
    shop.wait(31 * DAY)
    assert shop.now(made)["latest_invoice"]["auto_advance"] is False  # drafts, as long as it is unpaid
    invoice = shop.now(made)["latest_invoice"]["id"]
    shop.api.post(f"/v1/invoices/{invoice}/pay", {"payment_method": "pm_card_visa"})
    assert shop.now(made)["status"] == "active"


def test_a_card_that_works_again_ends_past_due(shop) -> None:
    """The next attempt pays, by whatever card is then the subscription's."""
    made = shop.subscribe(shop.price(1000))
    shop.change(made, default_payment_method="pm_card_chargeCustomerFail")
    shop.wait(31 * DAY + HOUR)
    assert shop.now(made)["status"] == "past_due"
    shop.change(made, default_payment_method="pm_card_visa")
    shop.wait(3 * DAY)
    assert (shop.now(made)["status"], shop.now(made)["latest_invoice"]["status"]) == ("active", "paid")


def test_an_incomplete_subscription_expires_after_23_hours(shop) -> None:
    """https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses; its invoice is void."""
    made = shop.subscribe(shop.price(1000), payment_behavior="default_incomplete")
    shop.wait(23 * HOUR - 1)
    assert shop.now(made)["status"] == "incomplete"
    shop.wait(1)
    assert (shop.now(made)["status"], shop.now(made)["latest_invoice"]["status"]) == ("incomplete_expired", "void")
    shop.api.delete(f"/v1/customers/{shop.customer}")
    assert shop.api.get(f"/v1/subscriptions/{made['id']}")["status"] == "incomplete_expired"  # it is a terminal status


def test_cancelling_at_the_end_of_the_period(shop) -> None:
    """Active until then, and no invoice after it."""
    made = shop.subscribe(shop.price(1000))
    ending = shop.change(made, cancel_at_period_end=True)
    assert ending["cancel_at"] == made["items"]["data"][0]["current_period_end"]
    shop.wait(31 * DAY - 1)
    assert shop.now(made)["status"] == "active"
    shop.wait(1)
    after = shop.now(made)
    assert (after["status"], after["ended_at"], len(shop.invoices())) == ("canceled", shop.time, 1)


@pytest.mark.parametrize(
    ("behavior", "status"), [("keep_as_draft", "draft"), ("void", "void"), ("mark_uncollectible", "uncollectible")]
)
def test_collection_is_paused_and_resumes(shop, behavior, status) -> None:
    """https://docs.stripe.com/billing/subscriptions/pause-payment: the subscription stays active."""
    made = shop.subscribe(shop.price(1000))
    shop.change(made, pause_collection={"behavior": behavior, "resumes_at": shop.time + 40 * DAY})
    shop.wait(32 * DAY)
    assert (shop.now(made)["status"], shop.now(made)["latest_invoice"]["status"]) == ("active", status)
    shop.wait(28 * DAY)
    assert shop.now(made)["pause_collection"] is None
    assert shop.now(made)["latest_invoice"]["status"] == "paid"


def test_an_invoice_that_is_sent_and_not_paid_in_time_is_past_due(shop) -> None:
    """``days_until_due`` after each invoice; the first is a draft for an hour, too."""
    made = shop.subscribe(shop.price(1000), collection_method="send_invoice", days_until_due=10)
    assert (made["status"], made["latest_invoice"]["due_date"]) == ("active", shop.time + 10 * DAY)
    assert made["latest_invoice"]["status"] == "draft"
    shop.wait(3600)
    assert shop.now(made)["latest_invoice"]["status"] == "open"
    shop.wait(10 * DAY)
    assert shop.now(made)["status"] == "past_due"
    shop.api.post(f"/v1/invoices/{made['latest_invoice']['id']}/pay", {"paid_out_of_band": True})
    assert shop.now(made)["status"] == "active"


def test_an_anchor_makes_the_first_period_a_part(shop) -> None:
    """10 of the 31 days before the anchor: a part of 31.00 is 10.00; without prorations nothing."""
    anchor = shop.time + 10 * DAY
    made = shop.subscribe(shop.price(3100), billing_cycle_anchor=anchor)
    assert (made["latest_invoice"]["total"], made["items"]["data"][0]["current_period_end"]) == (1000, anchor)
    free = shop.subscribe(shop.price(3100), billing_cycle_anchor=anchor, proration_behavior="none")
    assert free["latest_invoice"] is None
    shop.wait(10 * DAY + HOUR)
    assert [shop.now(one)["latest_invoice"]["total"] for one in (made, free)] == [3100, 3100]


def test_an_anchor_by_the_day_of_the_month(shop) -> None:
    """``billing_cycle_anchor_config``: the 1st, at the time of day it was made."""
    made = shop.subscribe(shop.price(3100), billing_cycle_anchor_config={"day_of_month": 1})
    end = datetime.fromtimestamp(made["items"]["data"][0]["current_period_end"], UTC)
    assert (end.day, end.month, end.hour) == (1, 2, 8)
    assert made["latest_invoice"]["total"] == 1700  # 17 of the 31 days from 1 January to 1 February


def clocked(shop) -> tuple[str, str, int]:
    """A test clock at a time of its own, and a customer on it."""
    at = 1_700_000_000
    clock = shop.api.post("/v1/test_helpers/test_clocks", {"frozen_time": at})["id"]
    return clock, shop.payer(test_clock=clock), at


def test_a_test_clock_has_a_time_of_its_own(shop) -> None:
    """What is on it is made at its time, and waits for it alone."""
    clock, customer, at = clocked(shop)
    made = shop.subscribe(shop.price(1000), customer=customer)
    assert (made["created"], made["start_date"], made["test_clock"]) == (at, at, clock)
    assert made["latest_invoice"]["created"] == at
    shop.wait(20 * DAY)
    assert len(shop.invoices(customer)) == 1
    path = f"/v1/test_helpers/test_clocks/{clock}"
    shop.api.post(f"{path}/advance", {"frozen_time": at + 31 * DAY})
    after = shop.api.post(f"{path}/advance", {"frozen_time": at + 62 * DAY})
    assert (after["frozen_time"], after["status"]) == (at + 62 * DAY, "ready")
    found = shop.invoices(customer)
    assert [(invoice["created"] - at) // DAY for invoice in found] == [0, 30, 61]  # 14 November to 14 December, January
    assert [invoice["status_transitions"]["paid_at"] - invoice["created"] for invoice in found] == [0, HOUR, HOUR]


def test_steps_of_a_clock_come_to_the_same_as_one(shop) -> None:
    """However it is advanced, the same happens at the same times."""
    seen = []
    for steps in ((60, 30), (30, 31, 29), (1,) * 90):
        clock, customer, at = clocked(shop)
        shop.subscribe(shop.price(1000), customer=customer, trial_period_days=10)
        for days in steps:
            at += days * DAY
            shop.api.post(f"/v1/test_helpers/test_clocks/{clock}/advance", {"frozen_time": at})
        facts = ("created", "total", "status", "amount_paid", "billing_reason")
        seen.append([tuple(invoice[fact] for fact in facts) for invoice in shop.invoices(customer)])
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 4


def test_a_deleted_clock_takes_its_objects_along(shop) -> None:
    """Customers, subscriptions and invoices on it are gone; those of others stay."""
    clock, customer, _ = clocked(shop)
    made = shop.subscribe(shop.price(1000), customer=customer)
    other = shop.subscribe(shop.price(1000))
    assert shop.api.delete(f"/v1/test_helpers/test_clocks/{clock}")["deleted"] is True
    assert shop.api.get(f"/v1/customers/{customer}")["deleted"] is True
    assert shop.api.error("GET", f"/v1/subscriptions/{made['id']}")[0] == 404
    assert shop.api.get(f"/v1/subscriptions/{other['id']}")["status"] == "active"
    assert shop.api.ids("/v1/invoices") == [other["latest_invoice"]["id"]]


def test_the_simulator_is_told_to_let_time_pass(shop) -> None:
    """``Simulator.advance``: what is due in that time happens, at its own times."""
    made = shop.subscribe(shop.price(1000))
    shop.api.simulator.advance(62 * DAY)
    assert [invoice["status"] for invoice in shop.invoices()] == ["paid", "paid", "paid"]
    assert shop.invoices()[1]["created"] == made["start_date"] + 31 * DAY
    assert shop.api.post("/v1/products", {"name": "x"})["created"] == made["start_date"] + 62 * DAY
    for wrong in (-1, "1", float("nan"), True, 1e12):
        with pytest.raises(Exception, match="seconds"):
            shop.api.simulator.advance(wrong)


def test_what_is_due_survives_a_restart(make, tmp_path, clock) -> None:
    """A store that is opened again goes on where it was."""
    from host.simulator.store import Store
    from tests.simulator.stripe.conftest import Shop

    path = tmp_path / "state.db"
    shop = Shop(make(store=Store(path)), clock)
    made = shop.subscribe(shop.price(1000))
    shop.api.simulator.close()
    clock.now += 32 * DAY
    again = make(store=Store(path))
    assert len(again.get("/v1/invoices", customer=shop.customer)["data"]) == 2
    assert again.get(f"/v1/subscriptions/{made['id']}")["status"] == "active"
