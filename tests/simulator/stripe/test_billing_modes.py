"""Classic and flexible billing, side by side. https://docs.stripe.com/billing/subscriptions/billing-mode/compare"""

from __future__ import annotations

import pytest

from tests.simulator.stripe.conftest import DAY, amounts
from tests.simulator.stripe.test_endings import HOUR, metered, use

MONTH = 31 * DAY
MODES = pytest.mark.parametrize("mode", ["classic", "flexible"])


def subscribe(shop, mode: str, *prices: str, **fields) -> dict:
    """A subscription in that mode."""
    found: dict = shop.subscribe(*prices, billing_mode={"type": mode}, **fields)
    return found


def item(subscription: dict) -> str:
    return str(subscription["items"]["data"][0]["id"])


@MODES
def test_what_is_given_back(shop, mode) -> None:
    """From 10.00 to 20.00 without prorations, and halfway on to 30.00.

    Classic billing gives back half of the price that is, flexible billing half of what was asked.
    """
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    made = subscribe(shop, mode, shop.price(1000, product=product))
    change = [{"id": item(made), "price": shop.price(2000, product=product)}]
    shop.change(made, items=change, proration_behavior="none")
    shop.wait(MONTH // 2)
    change[0]["price"] = shop.price(3000, product=product)
    after = shop.change(made, items=change, proration_behavior="always_invoice")
    assert amounts(after["latest_invoice"]) == ([-1000, 1500] if mode == "classic" else [-500, 1500])
    # The last debit is what is given back next: 15.00 for half a month, of which half is left.
    shop.wait(MONTH // 4)
    after = shop.change(made, items=[{"id": item(made), "quantity": 2}], proration_behavior="always_invoice")
    assert amounts(after["latest_invoice"]) == [-750, 1500]


@MODES
def test_lines_of_usage_to_come(shop, mode) -> None:
    """Classic billing begins with a line of nothing, flexible billing without; alone, without an invoice."""
    made = subscribe(shop, mode, metered(shop))
    assert (made["latest_invoice"] is None) == (mode == "flexible")
    both = subscribe(shop, mode, made["items"]["data"][0]["price"]["id"], shop.price(500))
    assert amounts(both["latest_invoice"]) == ([500, 0] if mode == "classic" else [500])
    use(shop, 3)
    shop.wait(MONTH)
    assert amounts(shop.now(both)["latest_invoice"]) == [500, 30]


@MODES
def test_usage_before_another_price(shop, mode) -> None:
    """The page's example: 1,000 calls at 0.10 for 100, then 500 at 0.15: 0.75 in all, or 1.00 and 0.75."""
    first = metered(shop)
    meter = shop.api.get(f"/v1/prices/{first}")["recurring"]["meter"]
    how = {"recurring": {"usage_type": "metered", "meter": meter}}
    old, new = (shop.price(0, unit_amount_decimal=each, **how) for each in ("0.1", "0.15"))
    made = subscribe(shop, mode, old)
    shop.wait(5 * DAY)
    use(shop, 1000)
    shop.wait(10 * DAY)
    shop.change(made, items=[{"id": item(made), "price": new}])
    shop.wait(5 * DAY)
    use(shop, 500)
    shop.wait(MONTH)
    invoice = shop.api.get("/v1/invoices", subscription=made["id"])["data"][0]
    assert amounts(invoice) == ([75] if mode == "classic" else [100, 75])


@pytest.mark.parametrize(("mode", "behavior", "left"), [("classic", "create_prorations", []), ("flexible", "none", []),
                                                        ("flexible", "create_prorations", [70])])  # fmt: skip
def test_usage_of_a_price_that_goes(shop, mode, behavior, left) -> None:
    """Flexible billing makes it an item of the next invoice."""
    made = subscribe(shop, mode, metered(shop), shop.price(500))
    use(shop, 7)
    shop.wait(DAY)
    shop.change(made, items=[{"id": item(made), "deleted": True}], proration_behavior=behavior)
    shop.wait(MONTH)
    assert amounts(shop.now(made)["latest_invoice"]) == [*left, 500]


def test_the_anchor_of_flexible_billing_is_reset_only_when_asked_for(shop) -> None:
    """After a free price, the rest of the period is asked for; another interval needs ``billing_cycle_anchor=now``."""
    product = shop.api.post("/v1/products", {"name": "Plan"})["id"]
    made = subscribe(shop, "flexible", shop.price(0, product=product))
    shop.wait(MONTH // 2)
    change = [{"id": item(made), "price": shop.price(1000, product=product)}]
    after = shop.change(made, items=change, proration_behavior="always_invoice")
    assert (amounts(after["latest_invoice"])[-1], after["billing_cycle_anchor"]) == (500, made["billing_cycle_anchor"])
    year = [{"id": item(made), "price": shop.price(12000, "year", product=product)}]
    path = f"/v1/subscriptions/{made['id']}"
    assert shop.api.error("POST", path, {"items": year})[0] == 501
    assert shop.change(made, items=year, billing_cycle_anchor={"type": "now"})["billing_cycle_anchor"] == shop.time
    two = {"items": [{"price": shop.price(5, "week")}, {"price": shop.price(5)}], "customer": shop.customer}
    assert shop.api.error("POST", "/v1/subscriptions", {**two, "billing_mode": {"type": "flexible"}})[0] == 501


@MODES
def test_trials(shop, mode) -> None:
    """How they are called, which of two is named, and what an end within one does to it."""
    made = subscribe(shop, mode, shop.price(1000), trial_period_days=2)
    text = "Trial period for Plan" if mode == "classic" else "Free trial for 1 × Plan"
    assert made["latest_invoice"]["lines"]["data"][0]["description"] == text
    began = shop.time
    shop.wait(5 * DAY)
    end = shop.time + 9 * DAY
    again = shop.change(made, trial_end=end, proration_behavior="none")
    assert again["trial_start"] == (began if mode == "classic" else shop.time)
    stop = shop.time + 3 * DAY
    assert shop.change(made, cancel_at=stop)["trial_end"] == (stop if mode == "classic" else end)


@MODES
def test_pending_items_of_an_anchor_that_is_set_to_now(shop, mode) -> None:
    """With ``always_invoice`` only flexible billing takes them along."""
    made = subscribe(shop, mode, shop.price(3100))
    shop.api.post("/v1/invoiceitems", {"customer": shop.customer, "amount": 5, "currency": "usd"})
    shop.wait(10 * DAY)
    after = shop.change(made, billing_cycle_anchor={"type": "now"}, proration_behavior="always_invoice")
    expected = [-2100, 3100] if mode == "classic" else [-2100, 5, 3100]
    assert amounts(after["latest_invoice"]) == expected


def test_schedules_and_quotes_make_subscriptions_of_their_mode(shop) -> None:
    """Whichever of the two made them, they say flexible. https://docs.stripe.com/billing/subscriptions/billing-mode"""
    mode, price = {"billing_mode": {"type": "flexible"}}, shop.price(1000)
    plan = {"customer": shop.customer, "start_date": "now", "phases": [{"items": [{"price": price}]}], **mode}
    made = shop.api.post("/v1/subscription_schedules", plan)
    assert made["billing_mode"]["type"] == "flexible"
    assert shop.now({"id": made["subscription"]})["billing_mode"]["type"] == "flexible"
    lines = {"line_items": [{"price": price}], "customer": shop.customer, "subscription_data": mode}
    quote = shop.api.post("/v1/quotes", lines)["id"]
    shop.api.post(f"/v1/quotes/{quote}/finalize", {})
    accepted = shop.api.post(f"/v1/quotes/{quote}/accept", {})
    assert shop.now({"id": accepted["subscription"]})["billing_mode"]["type"] == "flexible"
    copy = shop.api.post("/v1/subscription_schedules", {"from_subscription": accepted["subscription"]})
    assert copy["billing_mode"]["type"] == "flexible"


def test_a_subscription_is_migrated_once(shop) -> None:
    """From now on it is flexible, and cannot be so twice. https://docs.stripe.com/api/subscriptions/migrate"""
    made = shop.subscribe(shop.price())
    shop.wait(HOUR)
    path = f"/v1/subscriptions/{made['id']}/migrate"
    mode = shop.api.post(path, {"billing_mode": {"type": "flexible"}})["billing_mode"]
    assert (mode["type"], mode["updated_at"]) == ("flexible", shop.time)
    assert shop.api.error("POST", path, {"billing_mode": {"type": "flexible"}})[0] == 400
