"""Subscription schedules and quotes."""

from __future__ import annotations

import pytest

from tests.simulator.stripe.conftest import DAY, amounts

KEY = "/v1/subscription_schedules"


def phases(price: str, *quantities: int, months: int = 1) -> list[dict]:
    """A phase a quantity."""
    every = {"interval": "month", "interval_count": months}
    return [{"items": [{"price": price, "quantity": n}], "duration": every} for n in quantities]


def schedule(shop, **fields) -> dict:
    found: dict = shop.api.post(KEY, {"customer": shop.customer, "start_date": "now", **fields})
    return found


@pytest.mark.parametrize(("end", "status"), [("release", "active"), ("cancel", "canceled")])
def test_phases_follow_each_other(shop, end, status) -> None:
    """Each at its date, billed as it says; then the subscription goes on, or ends."""
    made = schedule(shop, phases=phases(shop.price(2000), 1, 3), end_behavior=end)
    assert made["status"] == "active"
    first, second = made["phases"]
    assert (first["start_date"], first["end_date"]) == (shop.time, second["start_date"])
    assert made["current_phase"] == {"start_date": first["start_date"], "end_date": first["end_date"]}
    subscription = {"id": made["subscription"]}
    assert shop.now(subscription)["schedule"] == made["id"]
    shop.wait(31 * DAY)
    assert shop.now(subscription)["items"]["data"][0]["quantity"] == 3
    assert shop.api.get(f"{KEY}/{made['id']}")["current_phase"]["start_date"] == second["start_date"]
    shop.wait(28 * DAY + 3600)
    after, ended = shop.now(subscription), shop.api.get(f"{KEY}/{made['id']}")
    assert after["status"] == status
    assert (ended["status"], ended["released_subscription"]) == (
        ("released", subscription["id"]) if end == "release" else ("completed", None)
    )
    totals = [invoice["total"] for invoice in shop.invoices()]
    assert totals == ([2000, 6000, 6000] if end == "release" else [2000, 6000])


def test_a_schedule_waits_for_its_start(shop) -> None:
    """Its subscription is made then."""
    made = schedule(shop, start_date=shop.time + DAY, phases=phases(shop.price(2000), 1))
    assert (made["status"], made["subscription"], made["current_phase"]) == ("not_started", None, None)
    shop.wait(DAY)
    assert shop.api.get(f"{KEY}/{made['id']}")["status"] == "active"
    assert [invoice["total"] for invoice in shop.invoices()] == [2000]


def test_of_a_subscription_there_is(shop) -> None:
    """One phase, its current period; released, it goes on by itself."""
    subscription = shop.subscribe(shop.price(2000), quantity=2)
    made = shop.api.post(KEY, {"from_subscription": subscription["id"]})
    (phase,) = made["phases"]
    item = subscription["items"]["data"][0]
    assert (phase["start_date"], phase["end_date"]) == (item["current_period_start"], item["current_period_end"])
    assert (phase["items"][0]["quantity"], made["customer"], shop.now(subscription)["schedule"]) == (
        2,
        shop.customer,
        made["id"],
    )
    assert shop.api.error("POST", KEY, {"from_subscription": subscription["id"]})[0] == 400
    path = f"/v1/subscriptions/{subscription['id']}"
    assert (
        "managed by the subscription schedule"
        in shop.api.error("POST", path, {"cancel_at_period_end": True})[1]["message"]
    )
    current = {
        "items": [{"price": item["price"]["id"], "quantity": 2}],
        "start_date": phase["start_date"],
        "end_date": phase["end_date"],
    }
    more = {"items": [{"price": item["price"]["id"], "quantity": 5}], "duration": {"interval": "month"}}
    changed = shop.api.post(f"{KEY}/{made['id']}", {"phases": [current, more]})
    assert len(changed["phases"]) == 2
    shop.wait(31 * DAY)
    assert shop.now(subscription)["latest_invoice"]["total"] == 10000
    released = shop.api.post(f"{KEY}/{made['id']}/release")
    assert (released["status"], released["released_subscription"], released["subscription"]) == (
        "released",
        subscription["id"],
        None,
    )
    assert shop.now(subscription)["schedule"] is None
    assert shop.api.error("POST", f"{KEY}/{made['id']}/release")[0] == 400


def test_cancelling_ends_both(shop) -> None:
    """The schedule and its subscription."""
    made = schedule(shop, phases=phases(shop.price(2000), 1))
    assert shop.api.post(f"{KEY}/{made['id']}/cancel")["status"] == "canceled"
    assert shop.now({"id": made["subscription"]})["status"] == "canceled"


def test_a_phase_can_prorate(shop) -> None:
    """A phase that begins within a period gives back and asks, as an update would: 15.5 of 31 days."""
    price = shop.price(1000)
    half = shop.time + 31 * DAY // 2
    wanted = [
        {"items": [{"price": price, "quantity": 1}], "end_date": half},
        {"items": [{"price": price, "quantity": 3}], "duration": {"interval": "month"}},
    ]
    made = schedule(shop, phases=wanted)
    shop.wait(31 * DAY // 2)
    assert [item["amount"] for item in shop.api.get("/v1/invoiceitems", pending="true")["data"]] == [-500, 1500]
    shop.wait(31 * DAY - 31 * DAY // 2)
    assert amounts(shop.now({"id": made["subscription"]})["latest_invoice"]) == [-500, 1500, 3000]


@pytest.mark.parametrize(
    "wrong",
    [
        {"phases": []},
        {"phases": [{"items": [{"price": "price_none"}]}]},
        {"phases": [{"items": [{"price": "P"}]}, {"items": [{"price": "P"}]}]},
        {"phases": [{"items": [{"price": "P"}], "end_date": 1_700_000_000}]},
    ],
)
def test_what_is_no_schedule(shop, wrong) -> None:
    """No phases, no such price, a phase without an end before another, an end before the start."""
    price = shop.price(1000)
    for phase in wrong["phases"]:
        for item in phase["items"]:
            item["price"] = price if item["price"] == "P" else item["price"]
    assert shop.api.error("POST", KEY, {"customer": shop.customer, "start_date": "now", **wrong})[0] == 400


def quote(shop, *prices: str, **fields) -> dict:
    items = [{"price": price, "quantity": 2} for price in prices]
    found: dict = shop.api.post("/v1/quotes", {"customer": shop.customer, "line_items": items, **fields})
    return found


def test_an_accepted_quote_becomes_an_invoice(shop) -> None:
    """A draft of its items, discounts and taxes, to the same total."""
    made = quote(
        shop,
        shop.price(1000, ""),
        discounts=[{"coupon": shop.coupon(percent_off=10)}],
        default_tax_rates=[shop.rate(20, inclusive=False)],
    )
    assert (made["amount_subtotal"], made["amount_total"], made["status"]) == (2000, 2160, "draft")
    path = f"/v1/quotes/{made['id']}"
    assert shop.api.error("POST", f"{path}/accept")[0] == 400
    assert shop.api.post(f"{path}/finalize")["number"].startswith("QT-")
    done = shop.api.post(f"{path}/accept")
    invoice = shop.api.get(f"/v1/invoices/{done['invoice']}")
    assert (done["status"], invoice["status"], invoice["total"], invoice["billing_reason"]) == (
        "accepted",
        "draft",
        2160,
        "quote_accept",
    )
    assert invoice["parent"]["quote_details"]["quote"] == made["id"]
    assert len(shop.api.get(f"{path}/line_items")["data"]) == 1


def test_an_accepted_quote_becomes_a_subscription(shop) -> None:
    """Of what recurs, with the rest on its first invoice; later, if it says so."""
    made = quote(shop, shop.price(1000), shop.price(300, ""))
    assert (made["computed"]["upfront"]["amount_total"], made["computed"]["recurring"]["amount_total"]) == (2600, 2000)
    path = f"/v1/quotes/{made['id']}"
    shop.api.post(f"{path}/finalize")
    done = shop.api.post(f"{path}/accept")
    subscription = shop.now({"id": done["subscription"]})
    assert subscription["latest_invoice"]["total"] == 2600
    later = quote(shop, shop.price(1000), subscription_data={"effective_date": shop.time + DAY})
    shop.api.post(f"/v1/quotes/{later['id']}/finalize")
    done = shop.api.post(f"/v1/quotes/{later['id']}/accept")
    assert (done["subscription"], done["subscription_schedule"][:10]) == (None, "sub_sched_")


def test_a_quote_expires(shop) -> None:
    """Canceled, if nobody accepts it in time."""
    made = quote(shop, shop.price(1000), expires_at=shop.time + DAY)
    shop.wait(DAY)
    assert shop.api.get(f"/v1/quotes/{made['id']}")["status"] == "canceled"


def test_the_first_invoice_of_a_schedule_is_a_draft_for_an_hour(shop) -> None:
    """Nothing is charged when it is made, so it needs no payment method then."""
    made = schedule(shop, customer=shop.api.post("/v1/customers")["id"], phases=phases(shop.price(2000), 1))
    subscription = {"id": made["subscription"]}
    assert (shop.now(subscription)["status"], shop.now(subscription)["latest_invoice"]["status"]) == ("active", "draft")
    shop.wait(3600)
    assert (shop.now(subscription)["status"], shop.now(subscription)["latest_invoice"]["status"]) == (
        "past_due",
        "open",
    )


@pytest.mark.parametrize(
    ("params", "balance", "pending"),
    [({}, -1000, []), ({"prorate": False}, 0, []), ({"invoice_now": False}, 0, [-1000])],
)
def test_cancelling_a_schedule_gives_back_the_rest(shop, params, balance, pending) -> None:
    """By default at once; https://docs.stripe.com/api/subscription_schedules/cancel"""
    made = schedule(shop, phases=phases(shop.price(3100), 1))
    shop.wait(21 * DAY)
    shop.api.post(f"{KEY}/{made['id']}/cancel", params)
    assert shop.balance() == balance
    assert [item["amount"] for item in shop.api.get("/v1/invoiceitems", pending="true")["data"]] == pending


def _plan(shop) -> dict:
    """A month of 10.00, then a month of 20.00 with a coupon of half, then the end."""
    half = shop.coupon(percent_off=50, duration="forever")
    first = {"items": [{"price": shop.price(1000)}], "duration": {"interval": "month"}}
    then = {"items": [{"price": shop.price(2000)}], "duration": {"interval": "month"}, "discounts": [{"coupon": half}]}
    return {"phases": [first, then], "end_behavior": "cancel"}


def test_a_preview_goes_through_the_phases_that_begin_until_then(shop) -> None:
    """Of the schedule and of its subscription: the next month costs half of 20.00, and that is billed.

    https://docs.stripe.com/api/invoices/create_preview#create_create_preview-schedule
    """
    made = shop.api.post("/v1/subscription_schedules", {"customer": shop.customer, "start_date": "now", **_plan(shop)})
    ledger = shop.api.simulator.ledger()
    ways = ({"schedule": made["id"]}, {"subscription": made["subscription"]})
    before = [shop.api.post("/v1/invoices/create_preview", way) for way in ways]
    assert [preview["total"] for preview in before] == [1000, 1000]
    assert shop.api.simulator.ledger() == ledger
    shop.wait(32 * DAY)
    billed = shop.now({"id": made["subscription"]})["latest_invoice"]
    assert [line["amount"] for line in before[0]["lines"]["data"]] == amounts(billed) == [2000]
    assert billed["total"] == 1000
    error = shop.api.error("POST", "/v1/invoices/create_preview", {"schedule": made["id"]})
    assert error[1]["code"] == "invoice_upcoming_none"  # it is canceled after this month


def test_a_preview_of_a_schedule_that_is_not_made(shop) -> None:
    """Its first invoice; nothing is kept."""
    plan = _plan(shop)
    params = {"customer": shop.customer, "schedule_details": plan}
    ledger = shop.api.simulator.ledger()
    assert shop.api.post("/v1/invoices/create_preview", params)["total"] == 1000
    assert shop.api.simulator.ledger() == ledger


def test_a_preview_of_a_schedule_that_has_not_begun_and_of_one_that_changes(shop) -> None:
    """The first invoice of the former; what the latter asks for after the change."""
    start = shop.time + 5 * DAY
    params = {"customer": shop.customer, "start_date": start, **_plan(shop)}
    made = shop.api.post("/v1/subscription_schedules", params)
    preview = shop.api.post("/v1/invoices/create_preview", {"schedule": made["id"]})
    assert (preview["total"], preview["period_start"]) == (1000, start)
    shop.wait(6 * DAY)
    now = shop.api.get(f"/v1/subscription_schedules/{made['id']}")
    first = {"items": [{"price": now["phases"][0]["items"][0]["price"]}]}
    first |= {"start_date": now["phases"][0]["start_date"], "end_date": now["phases"][0]["end_date"]}
    other = {"items": [{"price": shop.price(700)}], "duration": {"interval": "month"}}
    asked = {"schedule": made["id"], "schedule_details": {"phases": [first, other]}}
    assert shop.api.post("/v1/invoices/create_preview", asked)["total"] == 700


def test_phases_have_discounts_of_items_and_items_of_once(shop) -> None:
    """10.00 less half and a fee of 7.00 at the start; then 20.00 and a fee of 3.00, once, and 20.00 after it.

    https://docs.stripe.com/api/subscription_schedules/create#create_subscription_schedule-phases
    """
    half = shop.coupon(percent_off=50, duration="forever")
    product = shop.api.post("/v1/products", {"name": "Fee"})["id"]

    def fee(amount: int) -> list[dict]:
        return [{"price_data": {"currency": "usd", "product": product, "unit_amount": amount}}]

    every = {"duration": {"interval": "month", "interval_count": 1}}
    first = {"items": [{"price": shop.price(1000), "discounts": [{"coupon": half}]}], "add_invoice_items": fee(700)}
    then = {"items": [{"price": shop.price(2000)}], "add_invoice_items": fee(300)}
    then["duration"] = {"interval": "month", "interval_count": 2}
    made = schedule(shop, phases=[{**first, **every}, then])
    assert made["phases"][0]["items"][0]["discounts"][0]["coupon"] == half
    assert shop.api.get(f"/v1/coupons/{half}")["times_redeemed"] == 1  # redeemed when the phase began
    for total in (1200, 2300, 2000):
        shop.wait(2 * 3600)
        assert shop.now({"id": made["subscription"]})["latest_invoice"]["total"] == total
        shop.wait(31 * DAY)


def test_a_phase_begins_a_period_where_it_says_so(shop) -> None:
    """``billing_cycle_anchor=phase_start``: 21.00 of 31.00 are given back on the 10th day, and 62.00 asked for.

    https://docs.stripe.com/billing/subscriptions/subscription-schedules
    """
    first = {"items": [{"price": shop.price(3100)}], "end_date": shop.time + 10 * DAY}
    then = {"items": [{"price": shop.price(6200)}], "billing_cycle_anchor": "phase_start"}
    made = schedule(shop, phases=[first, then])
    shop.wait(10 * DAY)
    now = shop.now({"id": made["subscription"]})
    assert (amounts(now["latest_invoice"]), now["billing_cycle_anchor"]) == ([-2100, 6200], shop.time)


def test_a_phase_says_whom_its_payments_are_for(shop) -> None:
    """The subscription gets the application fee, destination and ``on_behalf_of`` of its schedule's phase.

    https://docs.stripe.com/connect/subscriptions
    """
    account = shop.api.post("/v1/accounts", {"type": "express", "country": "US"})["id"]
    shared = {"application_fee_percent": 10, "transfer_data": {"destination": account}, "on_behalf_of": account}
    made = schedule(shop, phases=[{"items": [{"price": shop.price(1000)}], **shared}])
    now = shop.now({"id": made["subscription"]})
    assert (now["application_fee_percent"], now["on_behalf_of"]) == (10, account)
    assert now["transfer_data"]["destination"] == account


def test_a_quote_that_begins_later_keeps_its_taxes_and_items_of_once(shop) -> None:
    """10.00 a month and 5.00 once, with 20 % on top. https://docs.stripe.com/quotes/create"""
    lines = [{"price": shop.price(1000)}, {"price": shop.price(500, "")}]
    params = {"customer": shop.customer, "line_items": lines, "default_tax_rates": [shop.rate(20, inclusive=False)]}
    start = shop.time + 5 * DAY
    quote = shop.api.post("/v1/quotes", {**params, "subscription_data": {"effective_date": start}})["id"]
    shop.api.post(f"/v1/quotes/{quote}/finalize", {})
    plan = shop.api.post(f"/v1/quotes/{quote}/accept", {})["subscription_schedule"]
    shop.wait(5 * DAY + 2 * 3600)
    made = shop.api.get(f"/v1/subscription_schedules/{plan}")["subscription"]
    assert shop.now({"id": made})["latest_invoice"]["total"] == 1800


def test_discounts_of_a_quotes_items_are_kept(shop) -> None:
    """Half of the 10.00 a month only; 5.00 of once are asked in full. https://docs.stripe.com/quotes/create"""
    half = [{"coupon": shop.coupon(percent_off=50, duration="forever")}]
    for lines, total in (
        ([{"price": shop.price(1000), "discounts": half}, {"price": shop.price(500, "")}], 1000),
        ([{"price": shop.price(1000, ""), "discounts": half}], 500),
    ):
        quote = shop.api.post("/v1/quotes", {"customer": shop.customer, "line_items": lines})
        assert quote["amount_total"] == total
        shop.api.post(f"/v1/quotes/{quote['id']}/finalize", {})
        invoice = shop.api.post(f"/v1/quotes/{quote['id']}/accept", {})["invoice"]
        assert shop.api.get(f"/v1/invoices/{invoice}")["total"] == total


def test_a_quote_is_revised(shop) -> None:
    """A draft of the same, whose number counts up; only of a quote that was finalized. https://docs.stripe.com/quotes/revise"""
    lines = [{"price": shop.price(1000), "quantity": 2, "tax_rates": [shop.rate(20, inclusive=False)]}]
    params = {"customer": shop.customer, "line_items": lines, "header": "Offer", "metadata": {"a": "1"}}
    data = {"subscription_data": {"description": "Two", "trial_period_days": 5}}
    first = shop.api.post("/v1/quotes", {**params, **data})
    revise = {"from_quote": {"quote": first["id"], "is_revision": True}}
    assert shop.api.error("POST", "/v1/quotes", revise)[1]["param"] == "from_quote[is_revision]"
    dropped = shop.api.post("/v1/quotes", params)["id"]
    shop.api.post(f"/v1/quotes/{dropped}/cancel", {})
    never = {"from_quote": {"quote": dropped, "is_revision": True}}
    assert shop.api.error("POST", "/v1/quotes", never)[1]["param"] == "from_quote[is_revision]"
    number = shop.api.post(f"/v1/quotes/{first['id']}/finalize", {})["number"]
    copy = shop.api.post("/v1/quotes", {**revise, "header": "Better"})
    assert copy["from_quote"] == revise["from_quote"]
    same = ("amount_total", "customer", "metadata", "collection_method", "computed")
    assert {name: copy[name] for name in same} == {name: first[name] for name in same}
    assert (copy["status"], copy["header"], copy["subscription_data"]["trial_period_days"]) == ("draft", "Better", 5)
    assert shop.api.post(f"/v1/quotes/{copy['id']}/finalize", {})["number"] == number[:-1] + "2"


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_counts_of_intervals_are_within_reason(shop, count) -> None:
    """A phase or an interval that does not go forward would never be over."""
    every = {"interval": "month", "interval_count": count}
    phase = {"items": [{"price": shop.price()}], "duration": every}
    error = shop.api.error("POST", KEY, {"customer": shop.customer, "start_date": "now", "phases": [phase]})
    assert error[1]["param"] == "phases[0][duration][interval_count]"
    asked = {"customer": shop.customer, "items": [{"price": shop.price()}], "pending_invoice_item_interval": every}
    assert shop.api.error("POST", "/v1/subscriptions", asked)[0] == 400


@pytest.mark.parametrize("how", ["canceled", "customer deleted"])
def test_a_schedule_ends_with_its_subscription(shop, how: str) -> None:
    """It is canceled, and nothing of it comes later; no schedule that has ended is changed."""
    made = shop.subscribe(shop.price(1000))
    schedule = shop.api.post("/v1/subscription_schedules", {"from_subscription": made["id"]})
    path = f"/v1/subscription_schedules/{schedule['id']}"
    if how == "canceled":
        shop.api.delete(f"/v1/subscriptions/{made['id']}")
    else:
        shop.api.delete(f"/v1/customers/{shop.customer}")
    for _ in range(2):
        found = shop.api.get(path)
        assert (found["status"], found["canceled_at"], found["current_phase"]) == ("canceled", made["created"], None)
        shop.wait(40 * DAY)
    assert shop.api.error("POST", f"{path}/release")[0] == 400
    assert len(shop.api.get("/v1/events", type="subscription_schedule.canceled")["data"]) == 1


def test_a_schedule_that_cancels_at_its_end_is_completed(shop) -> None:
    """Its subscription is canceled by it, not it by its subscription."""
    phases = [{"items": [{"price": shop.price(1000)}], "duration": {"interval": "month"}}]
    fields = {"customer": shop.customer, "start_date": "now", "end_behavior": "cancel", "phases": phases}
    made = shop.api.post("/v1/subscription_schedules", fields)
    shop.wait(32 * DAY)
    found = shop.api.get(f"/v1/subscription_schedules/{made['id']}")
    assert (found["status"], found["canceled_at"]) == ("completed", None)
    assert shop.api.get("/v1/events", type="subscription_schedule.canceled")["data"] == []


@pytest.mark.parametrize(("behavior", "lines"), [("create_prorations", [1550, 3100]), ("none", [3100])])
def test_a_schedule_that_starts_in_the_past_backdates_its_subscription(shop, behavior, lines) -> None:
    """31.00 a month from 15 February, on 1 March: half of an imagined month of 28 days, and a month from today.

    https://docs.stripe.com/api/subscription_schedules/create#create_subscription_schedule-start_date and
    https://docs.stripe.com/billing/subscriptions/backdating
    """
    shop.wait(45 * DAY)
    start = shop.time - 14 * DAY
    wanted = [{**phase, "proration_behavior": behavior} for phase in phases(shop.price(3100), 1, months=3)]
    made = schedule(shop, start_date=start, phases=wanted)
    subscription = shop.now({"id": made["subscription"]})
    assert (made["status"], made["current_phase"]["start_date"], subscription["start_date"]) == ("active", start, start)
    assert made["current_phase"]["end_date"] == start + 89 * DAY  # 15 May
    assert amounts(subscription["latest_invoice"]) == lines
    assert subscription["latest_invoice"]["status"] == "draft"
    shop.wait(31 * DAY + 3600)
    assert [invoice["total"] for invoice in shop.invoices()] == [sum(lines), 3100]


@pytest.mark.parametrize(
    "change",
    [
        {"phases": {"duration": {"interval": "day", "interval_count": 5}}},
        {"phases": {"trial": True}},
        {"phases": {"billing_cycle_anchor": "phase_start"}},
    ],
    ids=["over", "trial", "anchor"],
)
def test_what_a_past_start_would_have_done_by_now_is_refused(shop, change) -> None:
    """Phases that are over, trials and anchors in the past bill by rules that are not modelled."""
    wanted = [{**phases(shop.price(), 1, months=3)[0], **change["phases"]}]
    asked = {"customer": shop.customer, "start_date": shop.time - 14 * DAY, "phases": wanted}
    status, error = shop.api.error("POST", KEY, asked)
    assert (status, error["param"]) == (501, "start_date")


@pytest.mark.parametrize(("end", "status"), [("renew", 400), ("none", 501)])
def test_ends_of_old_schedules_cannot_be_set(shop, end, status) -> None:
    """They are values of answers alone: https://docs.stripe.com/changelog/2019-10-17/updates-subscription-renewal-properties"""
    made = schedule(shop, phases=phases(shop.price(), 1))
    asked = {"customer": shop.customer, "start_date": "now", "phases": phases(shop.price(), 1), "end_behavior": end}
    for path, params in ((KEY, asked), (f"{KEY}/{made['id']}", {"end_behavior": end})):
        found, error = shop.api.error("POST", path, params)
        assert (found, error["param"]) == (status, "end_behavior")
