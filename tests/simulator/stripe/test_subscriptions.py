"""What a subscription is refused, and what its discounts may be."""

from __future__ import annotations

import pytest

from tests.simulator.stripe.conftest import DAY, amounts


def refused(shop, **fields) -> dict:
    """The error of making a subscription."""
    items = fields.pop("items", None) or [{"price": shop.price(1000)}]
    status, error = shop.api.error("POST", "/v1/subscriptions", {"customer": shop.customer, "items": items, **fields})
    assert status == 400, error
    return dict(error)


def test_one_currency_a_customer(shop) -> None:
    """https://docs.stripe.com/billing/customer#currency: the first sets it; when nothing is in it, another may."""
    made = shop.subscribe(shop.price(1000))
    assert shop.api.get(f"/v1/customers/{shop.customer}")["currency"] == "usd"
    euros = [{"price": shop.price(1000, currency="eur")}]
    assert "cannot combine currencies" in refused(shop, items=euros)["message"]
    shop.api.delete(f"/v1/subscriptions/{made['id']}")
    assert shop.subscribe(items=euros)["currency"] == "eur"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"collection_method": "send_invoice"}, "days_until_due"),
        ({"days_until_due": 3}, "days_until_due"),
        ({"cancel_at": 1_800_000_000 + DAY, "cancel_at_period_end": True}, "cancel_at"),
        ({"cancel_at": 1_700_000_000}, "cancel_at"),
        ({"trial_period_days": 731}, "trial_period_days"),
        ({"trial_period_days": -1}, "trial_period_days"),
        ({"trial_end": 1_700_000_000}, "trial_end"),
        ({"trial_end": 1_900_000_000}, "trial_end"),
        ({"trial_end": 1_800_000_000 + DAY, "trial_period_days": 1}, "trial_end"),
        ({"billing_cycle_anchor": 1_700_000_000}, "billing_cycle_anchor"),
        ({"billing_cycle_anchor": 1_800_000_000 + 32 * DAY}, "billing_cycle_anchor"),
        ({"payment_behavior": "pending_if_incomplete"}, "payment_behavior"),
        ({"discounts": [{"coupon": "none"}]}, "discounts[0][coupon]"),
        ({"discounts": [{}]}, "discounts[0]"),
    ],
)
def test_what_does_not_go_together(shop, fields, param) -> None:
    """Named by its parameter; nothing is made."""
    shop.price(1000)
    before = len(shop.api.simulator.ledger())
    assert refused(shop, **fields)["param"] == param
    assert len(shop.api.simulator.ledger()) == before + 3  # the price, its plan and its product


def test_items_that_do_not_go_together(shop) -> None:
    """The same price twice, other intervals, prices of once, a quantity of a metered price."""
    price, once = shop.price(1000), shop.price(5, "")
    assert "same plan" in refused(shop, items=[{"price": price}, {"price": price}])["message"]
    assert "recurring.interval" in refused(shop, items=[{"price": price}, {"price": shop.price(9, "year")}])["message"]
    assert "type=one_time" in refused(shop, items=[{"price": once}])["message"]
    assert refused(shop, items=[{"price": price, "quantity": -1}])["param"].startswith("items[0][quantity]")
    made = shop.subscribe(price)
    path = f"/v1/subscriptions/{made['id']}"
    gone = {"items": [{"id": made["items"]["data"][0]["id"], "deleted": True}]}
    assert "at least one" in shop.api.error("POST", path, gone)[1]["message"]
    assert shop.now(made)["items"]["data"][0]["price"]["id"] == price


@pytest.mark.parametrize("name", ["billing_thresholds", "automatic_tax"])
def test_what_is_not_modelled_is_refused(shop, name) -> None:
    """Never answered as if it were."""
    value = {
        "billing_thresholds": {"amount_gte": 100},
        "automatic_tax": {"enabled": True},
    }[name]
    params = {"customer": shop.customer, "items": [{"price": shop.price(1000)}], name: value}
    status, error = shop.api.error("POST", "/v1/subscriptions", params)
    assert (status, error["code"]) == (501, "not_simulated")
    assert name in error["message"] or "automatic tax" in error["message"]


def test_another_currency_of_a_price(shop) -> None:
    """A price is charged in the currency asked for where ``currency_options`` has it, and refused where not.

    ``currency_options``: https://docs.stripe.com/products-prices/pricing-models#multicurrency
    """
    price = shop.price(1000, currency_options={"eur": {"unit_amount": 900}})
    made = shop.subscribe(price, quantity=2, currency="eur")
    assert (made["currency"], made["latest_invoice"]["total"], made["latest_invoice"]["currency"]) == (
        "eur",
        1800,
        "eur",
    )
    assert "only supports" in refused(shop, items=[{"price": price}], currency="gbp")["message"]
    options = shop.api.get(f"/v1/prices/{price}?expand[]=currency_options")["currency_options"]
    assert {currency: option["unit_amount"] for currency, option in options.items()} == {"usd": 1000, "eur": 900}


def test_a_coupon_in_other_currencies(shop) -> None:
    """Its amount in the subscription's currency, or a refusal."""
    plain = shop.coupon(amount_off=500, currency="eur")
    both = shop.coupon(amount_off=500, currency="eur", currency_options={"usd": {"amount_off": 600}})
    assert refused(shop, discounts=[{"coupon": plain}])["param"] == "discounts[0][coupon]"
    assert shop.subscribe(shop.price(1000), discounts=[{"coupon": both}])["latest_invoice"]["total"] == 400


def code(shop, **fields) -> str:
    """A promotion code of half price."""
    coupon = fields.pop("coupon", None) or shop.coupon(percent_off=50)
    return str(
        shop.api.post("/v1/promotion_codes", {"promotion": {"type": "coupon", "coupon": coupon}, **fields})["id"]
    )


def test_limits_of_promotion_codes(shop) -> None:
    """A code is refused below its least amount, beyond its redemptions and to customers it is not for.

    https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes
    """

    def use(promotion: str, amount: int = 1000, **fields) -> int:
        params = {"items": [{"price": shop.price(amount)}], "discounts": [{"promotion_code": promotion}], **fields}
        params.setdefault("customer", shop.payer())
        return int(shop.api.ask("POST", "/v1/subscriptions", params)[0])

    least = code(shop, restrictions={"minimum_amount": 1000, "minimum_amount_currency": "usd"})
    assert (use(least, 999), use(least, 1000)) == (400, 200)
    once = code(shop, max_redemptions=1)
    assert (use(once), use(once)) == (200, 400)
    assert shop.api.get(f"/v1/promotion_codes/{once}")["active"] is False
    mine = code(shop, customer=shop.customer)
    assert (use(mine), use(mine, customer=shop.customer)) == (400, 200)
    first, known = code(shop, restrictions={"first_time_transaction": True}), shop.payer()
    assert (use(first, customer=known), use(first, customer=known)) == (200, 400)
    off = code(shop, active=False)
    assert use(off) == 400
    soon = code(shop, expires_at=shop.time + 10)
    assert use(soon) == 200
    shop.wait(10)
    assert use(soon) == 400
    assert shop.api.get(f"/v1/promotion_codes/{soon}")["active"] is False
    of_one = code(shop, coupon=shop.coupon(percent_off=5, max_redemptions=1))
    assert (use(of_one), use(of_one)) == (200, 400)


def test_promotion_codes_that_cannot_be(shop) -> None:
    """A code is there once, of letters and digits, in the future, within its coupon's limits."""
    code(shop, code="SPRING")
    for wrong in (
        {"code": "spring"},
        {"code": "a b"},
        {"expires_at": shop.time - 1},
        {"max_redemptions": 0},
        {"restrictions": {"minimum_amount": 5}},
        {"promotion": {"type": "coupon", "coupon": "none"}},
    ):
        params = {"promotion": {"type": "coupon", "coupon": shop.coupon(percent_off=5)}, **wrong}
        assert shop.api.error("POST", "/v1/promotion_codes", params)[0] == 400, wrong


def test_a_plan_is_a_price_and_the_other_way_round(shop) -> None:
    """One thing in two words. https://docs.stripe.com/billing/migration/migrating-prices"""
    params = {"id": "gold", "amount": 1200, "currency": "usd", "interval": "month", "product": {"name": "Gold"}}
    plan = shop.api.post("/v1/plans", params)
    assert shop.api.get("/v1/prices/gold")["unit_amount"] == 1200
    assert shop.api.get("/v1/prices/gold")["product"] == plan["product"]
    assert shop.subscribe(items=[{"plan": "gold"}])["latest_invoice"]["total"] == 1200
    price = shop.price(1000, recurring={"trial_period_days": 3})
    assert shop.api.get(f"/v1/plans/{price}")["trial_period_days"] == 3
    assert shop.api.ids("/v1/plans") == [price, "gold"]
    shop.api.post("/v1/plans/gold", {"nickname": "Best"})
    assert shop.api.get("/v1/prices/gold")["nickname"] == "Best"
    shop.api.post("/v1/prices/gold", {"active": False})
    assert shop.api.get("/v1/plans/gold")["active"] is False
    assert shop.api.error("POST", "/v1/plans", params)[1]["code"] == "resource_already_exists"
    shop.api.delete("/v1/plans/gold")
    assert shop.api.error("GET", "/v1/prices/gold")[0] == 404


def test_a_lookup_key_is_of_one_price(shop) -> None:
    """It moves when that is asked for. https://docs.stripe.com/products-prices/manage-prices#lookup-keys"""
    first = shop.price(1000, lookup_key="standard")
    params = {"currency": "usd", "unit_amount": 5, "product_data": {"name": "x"}, "lookup_key": "standard"}
    assert shop.api.error("POST", "/v1/prices", params)[1]["param"] == "lookup_key"
    second = shop.price(3000, lookup_key="standard", transfer_lookup_key=True)
    assert shop.api.get(f"/v1/prices/{first}")["lookup_key"] is None
    assert shop.api.ids("/v1/prices?lookup_keys[]=standard") == [second]
    assert shop.api.error("POST", f"/v1/prices/{first}", {"lookup_key": "standard"})[0] == 400
    shop.api.post(f"/v1/prices/{first}", {"lookup_key": "standard", "transfer_lookup_key": True})
    assert shop.api.ids("/v1/prices?lookup_keys[]=standard") == [first]
    shop.api.post(f"/v1/prices/{first}", {"lookup_key": ""})
    shop.price(1, lookup_key="standard")


# https://docs.stripe.com/products-prices/pricing-models: (fields of the price, quantity, amount)
MODELS = [
    ({"unit_amount_decimal": "0.5"}, 3, 2),  # 1.5 is rounded up
    ({"unit_amount": 1000, "transform_quantity": {"divide_by": 5, "round": "up"}}, 11, 3000),
    ({"unit_amount": 1000, "transform_quantity": {"divide_by": 5, "round": "down"}}, 11, 2000),
    ({"tiers_mode": "graduated"}, 3, 3 * 700),
    ({"tiers_mode": "graduated"}, 15, 5 * 700 + 5 * 650 + 5 * 600),  # the page's example: 97.50
    ({"tiers_mode": "volume"}, 15, 15 * 600),
    ({"tiers_mode": "volume"}, 6, 6 * 650),
]


@pytest.mark.parametrize(("fields", "quantity", "amount"), MODELS)
def test_pricing_models(shop, fields, quantity, amount) -> None:
    """Packages, fractions of cents, and tiers in both ways."""
    if "tiers_mode" in fields:
        tiers = [
            {"up_to": 5, "unit_amount": 700},
            {"up_to": 10, "unit_amount": 650},
            {"up_to": "inf", "unit_amount": 600},
        ]
        fields = {**fields, "billing_scheme": "tiered", "tiers": tiers}
    price = shop.price(**fields)
    assert shop.subscribe(price, quantity=quantity)["latest_invoice"]["subtotal"] == amount


def meter(shop, formula: str, name: str) -> dict:
    """A meter of an event."""
    params = {"display_name": name, "event_name": name, "default_aggregation": {"formula": formula}}
    found: dict = shop.api.post("/v1/billing/meters", params)
    return found


@pytest.mark.parametrize(("formula", "billed"), [("sum", 120), ("count", 30), ("last", 70)])
def test_usage_is_billed_at_the_end_of_its_period(shop, formula, billed) -> None:
    """Events of 2, 3 and 7 at 0.10 each; what comes after the period is of the next.

    https://docs.stripe.com/billing/subscriptions/usage-based
    """
    made = meter(shop, formula, "calls")
    price = shop.price(10, recurring={"usage_type": "metered", "meter": made["id"]})
    subscription = shop.subscribe(price)
    assert (subscription["status"], subscription["latest_invoice"]["total"]) == ("active", 0)
    assert "quantity" not in subscription["items"]["data"][0]
    for value in (2, 3, 7):
        payload = {"stripe_customer_id": shop.customer, "value": str(value)}
        shop.api.post("/v1/billing/meter_events", {"event_name": "calls", "payload": payload})
        shop.wait(DAY)
    other = {"stripe_customer_id": shop.payer(), "value": "1000"}
    shop.api.post("/v1/billing/meter_events", {"event_name": "calls", "payload": other})
    shop.wait(28 * DAY)
    invoice = shop.now(subscription)["latest_invoice"]
    assert invoice["total"] == billed
    (line,) = invoice["lines"]["data"]
    assert line["quantity"] * 10 == billed
    assert line["period"]["end"] == shop.now(subscription)["items"]["data"][0]["current_period_start"]
    shop.wait(31 * DAY)
    assert shop.now(subscription)["latest_invoice"]["total"] == 0


def test_summaries_come_in_pages(shop) -> None:
    """``limit`` and both cursors hold for what is computed too, and a limit beyond 100 is refused."""
    made, start = meter(shop, "count", "calls"), shop.time // DAY * DAY
    payload = {"stripe_customer_id": shop.customer, "value": "1"}
    for _ in range(3):
        shop.api.post("/v1/billing/meter_events", {"event_name": "calls", "payload": payload})
        shop.wait(DAY)
    times = f"start_time={start}&end_time={start + 5 * DAY}&value_grouping_window=day"
    path = f"/v1/billing/meters/{made['id']}/event_summaries?customer={shop.customer}&{times}"
    whole = shop.api.get(path)
    ids = [each["id"] for each in whole["data"]]
    assert (len(ids), whole["has_more"]) == (3, False)
    first = shop.api.get(f"{path}&limit=1")
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (ids[:1], True)
    rest = shop.api.get(f"{path}&starting_after={ids[0]}")
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[1:], False)
    before = shop.api.get(f"{path}&limit=1&ending_before={ids[2]}")
    assert ([each["id"] for each in before["data"]], before["has_more"]) == (ids[1:2], True)
    assert shop.api.error("GET", f"{path}&limit=101")[0] == 400


def test_summaries_and_adjustments_of_events(shop) -> None:
    """What a meter counted, less an event that is canceled; an identifier counts once."""
    made, start = meter(shop, "sum", "calls"), shop.time // DAY * DAY
    event = {"event_name": "calls", "payload": {"stripe_customer_id": shop.customer, "value": "5"}}
    shop.api.post("/v1/billing/meter_events", {**event, "identifier": "one"})
    assert shop.api.error("POST", "/v1/billing/meter_events", {**event, "identifier": "one"})[0] == 400
    shop.api.post("/v1/billing/meter_events", event)
    times = f"start_time={start}&end_time={start + DAY}"
    path = f"/v1/billing/meters/{made['id']}/event_summaries?customer={shop.customer}&{times}"
    assert [found["aggregated_value"] for found in shop.api.get(path)["data"]] == [10]
    adjustment = {"event_name": "calls", "type": "cancel", "cancel": {"identifier": "one"}}
    shop.api.post("/v1/billing/meter_event_adjustments", adjustment)
    assert [found["aggregated_value"] for found in shop.api.get(path)["data"]] == [5]
    shop.api.post(f"/v1/billing/meters/{made['id']}/deactivate")
    assert shop.api.error("POST", "/v1/billing/meter_events", event)[0] == 400
    for wrong in (
        {"value": "x", "stripe_customer_id": shop.customer},
        {"value": "1"},
        {"value": "1", "stripe_customer_id": "cus_x"},
    ):
        shop.api.ask("POST", f"/v1/billing/meters/{made['id']}/reactivate")
        assert shop.api.error("POST", "/v1/billing/meter_events", {"event_name": "calls", "payload": wrong})[0] == 400


def test_what_pays_first_is_kept_as_the_default(shop) -> None:
    """``save_default_payment_method``: renewals are paid with it; without it they have nothing to be paid with."""
    for save, kept in (("on_subscription", True), ("off", False)):
        customer = shop.api.post("/v1/customers")["id"]
        made = shop.subscribe(
            shop.price(),
            customer=customer,
            payment_behavior="default_incomplete",
            payment_settings={"save_default_payment_method": save},
        )
        invoice = shop.api.get(f"/v1/invoices/{made['latest_invoice']['id']}?expand[]=payments")
        intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]
        paid = shop.api.post(
            f"/v1/payment_intents/{intent}/confirm", "payment_method=pm_card_visa&return_url=https://example.com"
        )
        assert paid["setup_future_usage"] == "off_session"
        assert shop.api.get(f"/v1/payment_methods/{paid['payment_method']}")["customer"] == customer
        now = shop.now(made)
        assert (now["status"], now["default_payment_method"]) == ("active", paid["payment_method"] if kept else None)
        shop.wait(31 * DAY + 7200)
        assert shop.now(made)["status"] == ("active" if kept else "past_due")


TIERS = [{"up_to": 5, "unit_amount": 700}, {"up_to": "inf", "unit_amount": 650}]


@pytest.mark.parametrize(
    ("fields", "quantity", "text"),
    [
        ({}, 2, "2 × Plan (at $10.00 / month)"),
        ({"amount": 1000, "currency": "jpy"}, 2, "2 × Plan (at ¥1000 / month)"),
        ({"amount": 1000, "currency": "kwd"}, 2, "2 × Plan (at KWD 1.000 / month)"),
        ({"unit_amount_decimal": "0.5"}, 2000, "2000 × Plan (at $0.005 / month)"),
        ({"unit_amount_decimal": "1000.5"}, 2, "2 × Plan (at $10.005 / month)"),
        ({"tiers": TIERS, "tiers_mode": "volume", "billing_scheme": "tiered"}, 5, "5 × Plan (at $7.00 / month)"),
        ({"tiers": TIERS, "tiers_mode": "volume", "billing_scheme": "tiered"}, 6, "6 × Plan (at $6.50 / month)"),
        ({"tiers": TIERS, "tiers_mode": "graduated", "billing_scheme": "tiered"}, 6, "6 × Plan"),
    ],
)
def test_a_line_says_what_one_costs(shop, fields, quantity, text) -> None:
    """In the currency's own decimals; of tiers the one that the quantity is in, and of several nothing."""
    made = shop.subscribe(shop.price(**fields), quantity=quantity)
    assert [line["description"] for line in made["latest_invoice"]["lines"]["data"]] == [text]


def test_what_is_of_an_archived_product_is_not_for_sale(shop) -> None:
    """https://docs.stripe.com/products-prices/manage-prices#archive-product: what was sold before goes on."""
    price = shop.price()
    made = shop.subscribe(price)
    shop.api.post(f"/v1/products/{made['items']['data'][0]['price']['product']}", "active=false")
    assert "product is not active" in refused(shop, items=[{"price": price}])["message"]
    asked = {
        "mode": "subscription",
        "success_url": "https://example.com",
        "line_items": [{"price": price, "quantity": 1}],
    }
    assert "product is not active" in shop.api.error("POST", "/v1/checkout/sessions", asked)[1]["message"]
    item = made["items"]["data"][0]["id"]
    assert shop.change(made, items=[{"id": item, "quantity": 2}])["items"]["data"][0]["quantity"] == 2
    shop.wait(31 * DAY + 7200)
    assert shop.now(made)["latest_invoice"]["total"] == 3000


def test_a_preview_for_a_customer_is_of_what_renews_next(shop) -> None:
    """https://docs.stripe.com/api/invoices/create_preview: "from among the customer's subscriptions"; not what ends."""
    preview = {"customer": shop.customer}
    assert shop.api.error("POST", "/v1/invoices/create_preview", preview)[0] == 404
    later, sooner, ending = (
        shop.subscribe(shop.price(amount, interval))
        for amount, interval in ((100, "year"), (700, "month"), (60, "day"))
    )
    shop.change(ending, cancel_at_period_end=True)
    found = shop.api.post("/v1/invoices/create_preview", preview)
    assert found["total"] == 700
    assert found["parent"]["subscription_details"]["subscription"] == sooner["id"]
    assert later["status"] == "active"


@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ({}, [3100]),
        ({"trial_end": 7}, [0]),
        ({"billing_cycle_anchor": 17}, [1700]),  # 17 of 31 days
        ({"billing_cycle_anchor": 17, "proration_behavior": "none"}, [3100]),
        ({"cancel_at": 10}, [1000]),
    ],
)
def test_a_preview_of_a_subscription_is_the_invoice_of_making_it(shop, details, lines) -> None:
    """Whatever its details say; days from now here.

    https://docs.stripe.com/api/invoices/create_preview#create_create_preview-subscription_details
    """
    price = shop.price(3100)
    said = {n: shop.time + v * DAY if isinstance(v, int) else v for n, v in details.items()}
    asked = {"items": [{"price": price}], **said}
    if anchor := said.get("billing_cycle_anchor"):
        asked["billing_cycle_anchor"] = {"type": "timestamp", "timestamp": anchor}
    params = {"customer": shop.customer, "subscription_details": asked}
    preview = shop.api.post("/v1/invoices/create_preview", params)
    made = shop.subscribe(price, **said)
    billed = made["latest_invoice"]
    if billed is None:
        shop.wait(17 * DAY)
        billed = shop.now(made)["latest_invoice"]
    assert amounts(preview) == amounts(billed) == lines
    same = ("total", "billing_reason", "period_start", "period_end", "subtotal")
    assert {name: preview[name] for name in same} == {name: billed[name] for name in same}


def test_pending_items_are_billed_more_often_than_it_renews(shop) -> None:
    """A year that bills what waits each month; where nothing waits there is no invoice.

    https://docs.stripe.com/api/subscriptions/create#create_subscription-pending_invoice_item_interval
    """
    monthly = {"pending_invoice_item_interval": {"interval": "month"}}
    made = shop.subscribe(shop.price(12000, "year"), **monthly)
    assert made["pending_invoice_item_interval"] == {"interval": "month", "interval_count": 1}
    assert made["next_pending_invoice_item_invoice"] == shop.time + 31 * DAY
    shop.wait(31 * DAY)
    assert len(shop.invoices()) == 1
    change = [{"id": made["items"]["data"][0]["id"], "quantity": 2}]
    shop.change(made, items=change)  # 334 of 365 days of 120.00 more
    shop.wait(28 * DAY + 7200)
    invoice = shop.now(made)["latest_invoice"]
    assert (amounts(invoice), invoice["amount_paid"]) == ([-10981, 21962], 10981)
    assert invoice["billing_reason"] == "automatic_pending_invoice_item_invoice"
    off = shop.change(made, pending_invoice_item_interval=None)
    assert (off["pending_invoice_item_interval"], off["next_pending_invoice_item_invoice"]) == (None, None)
    path = f"/v1/subscriptions/{made['id']}"
    yearly = {"pending_invoice_item_interval": {"interval": "year"}}
    assert shop.api.error("POST", path, yearly)[1]["param"] == "pending_invoice_item_interval"


NOBODY = "acct_000000000000"


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("subscriptions", {"transfer_data": {"destination": NOBODY}}, "transfer_data[destination]"),
        ("subscriptions", {"on_behalf_of": NOBODY}, "on_behalf_of"),
        ("subscriptions", {"default_source": "card_none"}, "default_source"),
        (
            "subscriptions",
            {"invoice_settings": {"account_tax_ids": ["txi_none"]}},
            "invoice_settings[account_tax_ids][0]",
        ),
        ("invoices", {"on_behalf_of": NOBODY}, "on_behalf_of"),
        ("invoices", {"account_tax_ids": ["txi_none"]}, "account_tax_ids[0]"),
        ("payment_links", {"on_behalf_of": NOBODY}, "on_behalf_of"),
        ("subscription_schedules", {"on_behalf_of": NOBODY}, "phases[0][on_behalf_of]"),
        (
            "checkout/sessions",
            {"payment_intent_data": {"transfer_data": {"destination": NOBODY}}},
            "payment_intent_data[transfer_data][destination]",
        ),
    ],
)
def test_who_is_not_there_has_no_part(shop, path, fields, param) -> None:
    """Accounts, tax ids and sources are looked for when they are named. https://docs.stripe.com/connect/subscriptions"""
    lines = [{"price": shop.price(1000, ""), "quantity": 1}]
    needs = {
        "subscriptions": {"customer": shop.customer, "items": [{"price": shop.price()}]},
        "invoices": {"customer": shop.customer},
        "payment_links": {"line_items": lines},
        "checkout/sessions": {"line_items": lines, "success_url": "https://shop.example"},
    }
    phases = [{"items": [{"price": shop.price()}], **fields}]
    asked = {**needs.get(path, {}), **fields}
    if path == "subscription_schedules":
        asked = {"customer": shop.customer, "start_date": "now", "phases": phases}
    status, error = shop.api.error("POST", f"/v1/{path}", asked)
    assert (status, error["param"]) == (400, param)
