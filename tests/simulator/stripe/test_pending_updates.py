"""Updates that wait for their payment. https://docs.stripe.com/billing/subscriptions/pending-updates"""

from __future__ import annotations

import pytest

from tests.simulator.stripe.conftest import DAY, amounts

HOUR = 3600
HOW = {"payment_behavior": "pending_if_incomplete", "proration_behavior": "always_invoice"}


@pytest.fixture
def broke(shop):
    """A subscription of 10.00 whose customer cannot pay any more."""
    made = shop.subscribe(shop.price(1000))
    bad = "pm_card_chargeCustomerFail"
    card = shop.api.post(f"/v1/payment_methods/{bad}/attach", {"customer": shop.customer})["id"]
    shop.api.post(f"/v1/customers/{shop.customer}", {"invoice_settings": {"default_payment_method": card}})
    return made


def item_of(subscription: dict) -> dict:
    (item,) = subscription["items"]["data"]
    found: dict = item
    return found


def upgrade(shop, subscription: dict, amount: int = 5000) -> dict:
    """Another price at the beginning of the period."""
    items = [{"id": item_of(subscription)["id"], "price": shop.price(amount)}]
    found: dict = shop.change(subscription, items=items, **HOW)
    return found


def test_an_update_that_is_paid_is_made_at_once(shop) -> None:
    """An upgrade whose invoice is paid takes effect immediately and leaves no pending update."""
    made = shop.subscribe(shop.price(1000))
    after = upgrade(shop, made)
    assert (after["pending_update"], item_of(after)["price"]["unit_amount"]) == (None, 5000)
    assert after["latest_invoice"]["status"] == "paid"


def test_an_update_that_is_not_paid_waits(shop, broke) -> None:
    """The subscription is active and as it was; its latest invoice is open, and paid, the update is made."""
    held = upgrade(shop, broke)
    assert (held["status"], item_of(held)["price"]["unit_amount"]) == ("active", 1000)
    assert (held["latest_invoice"]["status"], amounts(held["latest_invoice"])) == ("open", [-1000, 5000])
    pending = held["pending_update"]
    assert (pending["expires_at"], pending["trial_end"]) == (shop.time + 23 * HOUR, None)
    (item,) = pending["subscription_items"]
    assert (item["id"], item["price"]["unit_amount"]) == (item_of(broke)["id"], 5000)
    assert shop.api.get(f"/v1/subscription_items/{item['id']}")["price"]["unit_amount"] == 1000
    shop.api.post(f"/v1/invoices/{held['latest_invoice']['id']}/pay", {"payment_method": "pm_card_visa"})
    after = shop.now(broke)
    assert (after["pending_update"], item_of(after)["price"]["unit_amount"], after["status"]) == (None, 5000, "active")
    assert shop.api.get(f"/v1/subscription_items/{item['id']}")["price"]["unit_amount"] == 5000
    events = [event["type"] for event in shop.api.get("/v1/events", limit=20)["data"]]
    assert "customer.subscription.pending_update_applied" in events


@pytest.mark.parametrize("how", ["time", "void"])
def test_an_update_nobody_pays_for_is_dropped(shop, broke, how) -> None:
    """After 23 hours, or when its invoice is voided; the subscription renews as if it had never been asked for."""
    held = upgrade(shop, broke)
    if how == "time":
        shop.wait(23 * HOUR)
    else:
        shop.api.post(f"/v1/invoices/{held['latest_invoice']['id']}/void", {})
    after = shop.now(broke)
    assert (after["pending_update"], after["latest_invoice"]["status"], after["status"]) == (None, "void", "active")
    assert item_of(after)["price"]["unit_amount"] == 1000
    events = [event["type"] for event in shop.api.get("/v1/events", limit=20)["data"]]
    assert "customer.subscription.pending_update_expired" in events


def test_a_trial_that_cannot_be_paid_goes_on(shop, broke) -> None:
    """``trial_end=now`` waits too, until the trial itself ends where that is sooner."""
    trial = shop.subscribe(shop.price(1000), trial_end=shop.time + 5 * HOUR)
    held = shop.change(trial, trial_end="now", payment_behavior="pending_if_incomplete")
    assert (held["status"], held["trial_end"]) == ("trialing", shop.time + 5 * HOUR)
    assert (held["pending_update"]["trial_end"], held["pending_update"]["expires_at"]) == (
        shop.time,
        shop.time + 5 * HOUR,
    )
    shop.api.post(f"/v1/invoices/{held['latest_invoice']['id']}/pay", {"paid_out_of_band": True})
    assert shop.now(trial)["status"] == "active"


def test_another_update_takes_the_place_of_the_first(shop, broke) -> None:
    """The first invoice is void; items that come and go with an update are there when it is made."""
    first = upgrade(shop, broke)
    both = [{"price": shop.price(3000, name="Extra")}, {"id": item_of(broke)["id"], "deleted": True}]
    second = shop.change(broke, items=both, **HOW)
    assert shop.api.get(f"/v1/invoices/{first['latest_invoice']['id']}")["status"] == "void"
    invoice = shop.change(broke, items=[{"price": shop.price(700, name="More")}], **HOW)["latest_invoice"]
    assert amounts(invoice) == [700]
    path = f"/v1/subscription_items?subscription={broke['id']}"
    assert shop.api.ids(path) == [item_of(broke)["id"]]
    shop.api.post(f"/v1/invoices/{invoice['id']}/pay", {"paid_out_of_band": True})
    assert len(shop.now(broke)["items"]["data"]) == len(shop.api.ids(path)) == 2
    assert second["pending_update"]["subscription_items"][0]["price"]["unit_amount"] == 3000


def test_a_schedule_that_goes_on_drops_the_update(shop, broke) -> None:
    """And bills what its phase says."""
    schedule = shop.api.post("/v1/subscription_schedules", {"from_subscription": broke["id"]})
    now = schedule["phases"][0]
    first = {"items": [{"price": item_of(broke)["price"]["id"]}], "start_date": now["start_date"]}
    then = {"items": [{"price": shop.price(2000)}], "duration": {"interval": "month"}}
    phases = [{**first, "end_date": shop.time + 10 * HOUR}, then]
    shop.api.post(f"/v1/subscription_schedules/{schedule['id']}", {"phases": phases})
    held = upgrade(shop, broke)
    shop.wait(11 * HOUR)
    after = shop.now(broke)
    assert (after["pending_update"], item_of(after)["price"]["unit_amount"]) == (None, 2000)
    assert shop.api.get(f"/v1/invoices/{held['latest_invoice']['id']}")["status"] == "void"


@pytest.mark.parametrize(
    ("params", "named"),
    [({"metadata": {"a": "1"}}, "metadata"), ({"items": [{"metadata": {"a": "1"}}]}, "items[0][metadata]")],
)
def test_what_cannot_wait_is_refused(shop, broke, params, named) -> None:
    """Metadata, and subscriptions that are sent their invoices, are refused by name.

    https://docs.stripe.com/billing/subscriptions/pending-updates#supported-attributes-for-pending-updates
    """
    for item in params.get("items", []):
        item["price"] = shop.price()
    status, error = shop.api.error("POST", f"/v1/subscriptions/{broke['id']}", {**params, **HOW})
    assert (status, error["param"]) == (400, named)
    sent = shop.subscribe(shop.price(), collection_method="send_invoice", days_until_due=3)
    assert shop.api.error("POST", f"/v1/subscriptions/{sent['id']}", HOW)[1]["param"] == "payment_behavior"


def test_an_item_alone_waits_too(shop, broke) -> None:
    """``subscription_items.update`` and ``create``. https://docs.stripe.com/api/subscription_items/update"""
    item = item_of(broke)["id"]
    answer = shop.api.post(f"/v1/subscription_items/{item}", {"quantity": 3, **HOW})
    assert answer["quantity"] == 1
    new = shop.api.post("/v1/subscription_items", {"subscription": broke["id"], "price": shop.price(300), **HOW})
    assert new["price"]["unit_amount"] == 300
    shop.api.post(f"/v1/subscription_items/{item}", {"quantity": 3, **HOW})
    invoice = shop.now(broke)["latest_invoice"]
    shop.wait(HOUR)
    shop.api.post(f"/v1/invoices/{invoice['id']}/pay", {"paid_out_of_band": True})
    assert shop.api.get(f"/v1/subscription_items/{item}")["quantity"] == 3
    shop.wait(40 * DAY)
    assert shop.now(broke)["latest_invoice"]["total"] == 3000
