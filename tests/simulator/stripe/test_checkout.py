"""Checkout sessions, payment links and portal sessions: sums, exclusions, and what completing them makes."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.simulator.stripe.conftest import DAY

DONE = "https://shop.example/done?id={CHECKOUT_SESSION_ID}"


def session(shop, *prices: str, quantity: int = 1, **fields) -> dict:
    """An open session."""
    items = {"line_items": [{"price": price, "quantity": quantity} for price in prices]} if prices else {}
    found: dict = shop.api.post("/v1/checkout/sessions", {"success_url": DONE, **items, **fields})
    return found


def confirm(shop, made: dict, card: str = "pm_card_visa", **fields) -> dict:
    """The session after its page was confirmed."""
    params = {"payment_method": card, **fields}
    found: dict = shop.api.post(f"/v1/payment_pages/{made['id']}/confirm", params)
    return found


def test_discounts_taxes_and_shipping_are_in_the_sums(shop) -> None:
    """40.00 less 25 %, with 10 % on top, and 5.00 of shipping."""
    option = {
        "shipping_rate_data": {
            "type": "fixed_amount",
            "display_name": "Post",
            "fixed_amount": {"amount": 500, "currency": "usd"},
        }
    }
    items = [{"price": shop.price(2000, ""), "quantity": 2, "tax_rates": [shop.rate(10, inclusive=False)]}]
    made = session(
        shop, line_items=items, discounts=[{"coupon": shop.coupon(percent_off=25)}], shipping_options=[option]
    )
    assert (made["amount_subtotal"], made["amount_total"]) == (4000, 3800)
    parts = {name: made["total_details"][f"amount_{name}"] for name in ("discount", "tax", "shipping")}
    assert parts == {"discount": 1000, "tax": 300, "shipping": 500}
    (item,) = shop.api.get(f"/v1/checkout/sessions/{made['id']}/line_items")["data"]
    assert (item["amount_subtotal"], item["amount_discount"], item["amount_tax"], item["amount_total"]) == (
        4000,
        1000,
        300,
        3300,
    )
    assert confirm(shop, made)["payment_status"] == "paid"
    assert [charge["amount"] for charge in shop.api.get("/v1/charges")["data"]] == [3800]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"mode": "payment", "line_items": "recurring"}, "line_items[0]"),
        ({"mode": "subscription", "line_items": "once"}, "line_items"),
        ({"mode": "payment"}, "line_items"),
        ({"mode": "setup", "line_items": "once", "currency": "usd"}, "line_items"),
        ({"mode": "setup"}, "currency"),
        ({"mode": "payment", "line_items": "once", "subscription_data": {"description": "x"}}, "subscription_data"),
        (
            {"mode": "subscription", "line_items": "recurring", "payment_intent_data": {"description": "x"}},
            "payment_intent_data",
        ),
        ({"mode": "subscription", "line_items": "recurring", "customer_creation": "always"}, "customer_creation"),
        ({"line_items": "once", "customer": "mine", "customer_email": "a@example.com"}, "customer"),
        ({"line_items": "once", "customer_update": {"name": "auto"}}, "customer_update"),
        ({"line_items": "once", "success_url": ""}, "success_url"),
        ({"line_items": "once", "ui_mode": "embedded_page"}, "success_url"),
        ({"line_items": "once", "return_url": "https://a.example"}, "return_url"),
        ({"line_items": "once", "expires_at": 1_800_000_000 + 60}, "expires_at"),
        ({"line_items": "once", "expires_at": 1_800_000_000 + 2 * DAY}, "expires_at"),
        ({"line_items": "once", "allow_promotion_codes": True, "discounts": [{"coupon": "half"}]}, "discounts"),
        ({"line_items": "few"}, None),
    ],
)
def test_what_a_mode_does_not_take(shop, fields, param) -> None:
    """https://docs.stripe.com/api/checkout/sessions/create, each named by its parameter."""
    prices = {"recurring": shop.price(1000), "once": shop.price(1000, ""), "few": shop.price(10, "")}
    shop.coupon(id="half", percent_off=50)
    asked = {"success_url": DONE, **fields}
    if "line_items" in asked:
        asked["line_items"] = [{"price": prices[asked["line_items"]], "quantity": 1}]
    if asked.get("customer"):
        asked["customer"] = shop.customer
    status, error = shop.api.error("POST", "/v1/checkout/sessions", {k: v for k, v in asked.items() if v != ""})
    assert (status, error.get("param")) == (400, param)


def test_completing_a_payment(shop) -> None:
    """Its intent, with what the session said of it; no customer unless one is asked for."""
    data = {"description": "Order 7", "metadata": {"order": "7"}}
    made = session(shop, shop.price(1500, ""), quantity=2, payment_intent_data=data)
    assert (
        shop.api.error(
            "POST", f"/v1/payment_pages/{made['id']}/confirm", {"payment_method": "pm_card_visa", "expected_amount": 1}
        )[0]
        == 400
    )
    done = confirm(shop, made, expected_amount=3000, email="a@example.com")
    assert (done["status"], done["payment_status"], done["url"], done["customer"]) == ("complete", "paid", None, None)
    assert done["customer_details"]["email"] == "a@example.com"
    intent = shop.api.get(f"/v1/payment_intents/{done['payment_intent']}")
    assert (intent["amount"], intent["status"], intent["description"], intent["metadata"]) == (
        3000,
        "succeeded",
        "Order 7",
        {"order": "7"},
    )
    assert (
        shop.api.error("POST", f"/v1/payment_pages/{made['id']}/confirm", {"payment_method": "pm_card_visa"})[0] == 400
    )
    always = confirm(shop, session(shop, shop.price(1500, ""), customer_creation="always"), email="b@example.com")
    assert shop.api.get(f"/v1/customers/{always['customer']}")["email"] == "b@example.com"


def test_a_declined_card_leaves_the_session_open(shop) -> None:
    """402, and another card may be tried."""
    made = session(shop, shop.price(1500, ""))
    path = f"/v1/payment_pages/{made['id']}/confirm"
    status, error = shop.api.error("POST", path, {"payment_method": "pm_card_chargeDeclined"})
    assert (status, error["code"]) == (402, "card_declined")
    assert shop.api.get(f"/v1/checkout/sessions/{made['id']}")["status"] == "open"
    assert confirm(shop, made)["status"] == "complete"


def test_completing_a_subscription(shop) -> None:
    """A customer, a subscription with trial, discount and metadata, and its card for what comes."""
    once = shop.price(500, "")
    half = shop.coupon(percent_off=50, duration="forever")
    made = session(
        shop,
        shop.price(2000),
        once,
        mode="subscription",
        discounts=[{"coupon": half}],
        subscription_data={"metadata": {"a": "b"}},
        customer_email="a@example.com",
    )
    assert made["amount_total"] == 1250
    done = confirm(shop, made)
    subscription = shop.api.get(f"/v1/subscriptions/{done['subscription']}?expand[]=latest_invoice")
    assert (subscription["status"], subscription["metadata"], subscription["customer"]) == (
        "active",
        {"a": "b"},
        done["customer"],
    )
    assert (subscription["latest_invoice"]["total"], done["invoice"]) == (1250, subscription["latest_invoice"]["id"])
    assert shop.api.get(f"/v1/customers/{done['customer']}")["email"] == "a@example.com"
    shop.wait(32 * DAY)
    latest = shop.api.get(f"/v1/subscriptions/{done['subscription']}?expand[]=latest_invoice")["latest_invoice"]
    assert (latest["total"], latest["status"]) == (1000, "paid")
    trial = session(shop, shop.price(2000), mode="subscription", subscription_data={"trial_period_days": 7})
    assert trial["amount_total"] == 0
    done = confirm(shop, trial)
    assert (done["payment_status"], shop.api.get(f"/v1/subscriptions/{done['subscription']}")["status"]) == (
        "no_payment_required",
        "trialing",
    )


def test_completing_a_setup(shop) -> None:
    """The card is the customer's."""
    made = session(shop, mode="setup", currency="usd", customer=shop.customer)
    done = confirm(shop, made, "pm_card_mastercard")
    setup = shop.api.get(f"/v1/setup_intents/{done['setup_intent']}")
    assert (setup["status"], done["payment_status"]) == ("succeeded", "no_payment_required")
    assert setup["payment_method"] in shop.api.ids(f"/v1/customers/{shop.customer}/payment_methods")


def test_a_payment_with_an_invoice(shop) -> None:
    """``invoice_creation``: paid, with the session's lines."""
    made = session(shop, shop.price(1500, ""), quantity=2, invoice_creation={"enabled": True})
    done = confirm(shop, made, email="a@example.com")
    invoice = shop.api.get(f"/v1/invoices/{done['invoice']}")
    assert (invoice["status"], invoice["amount_paid"], done["payment_status"]) == ("paid", 3000, "paid")
    assert shop.api.get(f"/v1/payment_intents/{done['payment_intent']}")["amount"] == 3000


def test_a_coupon_is_used_up_by_completing(shop) -> None:
    """Not by opening a session."""
    coupon = shop.coupon(percent_off=50, max_redemptions=1)
    one, other = (session(shop, shop.price(2000, ""), discounts=[{"coupon": coupon}]) for _ in range(2))
    assert shop.api.get(f"/v1/coupons/{coupon}")["times_redeemed"] == 0
    assert confirm(shop, one)["amount_total"] == 1000
    assert shop.api.get(f"/v1/coupons/{coupon}")["times_redeemed"] == 1
    assert (
        shop.api.error("POST", f"/v1/payment_pages/{other['id']}/confirm", {"payment_method": "pm_card_visa"})[0] == 400
    )


def test_a_session_expires_by_the_clock(shop) -> None:
    """After a day, or when it says."""
    made = session(shop, shop.price(1500, ""))
    soon = session(shop, shop.price(1500, ""), expires_at=shop.time + 1800)
    shop.wait(1800)
    assert [shop.api.get(f"/v1/checkout/sessions/{one['id']}")["status"] for one in (made, soon)] == ["open", "expired"]
    shop.wait(DAY)
    assert shop.api.get(f"/v1/checkout/sessions/{made['id']}")["status"] == "expired"


def visit(shop, url: str, fields: dict | None = None) -> tuple[int, dict, str]:
    """What a browser gets at an address of the simulator."""
    path = "/" + url.split("/", 3)[3]
    method = "GET" if fields is None else "POST"
    status, headers, body = shop.api.simulator.handle(method, path, {}, urlencode(fields or {}).encode())
    assert headers["content-type"].startswith("text/html")
    return status, headers, body.decode()


def test_a_sessions_address_is_a_page_that_completes_it(shop) -> None:
    """Its form pays and leads back; a declined card says so and lets another be tried."""
    made = session(shop, shop.price(1500, "", name="<b>Shirt"), cancel_url="https://shop.example/back")
    status, _, page = visit(shop, made["url"])
    assert status == 200
    assert "&lt;b&gt;Shirt" in page
    assert "<b>Shirt" not in page
    status, _, page = visit(shop, made["url"], {"payment_method": "pm_card_chargeDeclined"})
    assert (status, "declined" in page) == (402, True)
    status, headers, _ = visit(shop, made["url"], {"payment_method": "pm_card_visa", "email": "a@example.com"})
    assert (status, headers["location"]) == (303, f"https://shop.example/done?id={made['id']}")
    assert shop.api.get(f"/v1/checkout/sessions/{made['id']}")["payment_status"] == "paid"
    assert visit(shop, made["url"], {"payment_method": "pm_card_visa"})[0] == 303
    assert visit(shop, "https://checkout.stripe.com/c/pay/cs_test_none")[0] == 404


def test_a_payment_link_opens_sessions(shop) -> None:
    """Its items and address; each visit a session, until it has had enough."""
    price = shop.price(500, "")
    made = shop.api.post(
        "/v1/payment_links",
        {"line_items": [{"price": price, "quantity": 3}], "restrictions": {"completed_sessions": {"limit": 1}}},
    )
    (item,) = shop.api.get(f"/v1/payment_links/{made['id']}/line_items")["data"]
    assert (item["amount_total"], item["quantity"], made["currency"]) == (1500, 3, "usd")
    status, headers, _ = visit(shop, made["url"])
    assert status == 303
    (opened,) = shop.api.get("/v1/checkout/sessions", payment_link=made["id"])["data"]
    assert (opened["url"], opened["amount_total"]) == (headers["location"], 1500)
    visit(shop, opened["url"], {"payment_method": "pm_card_visa"})
    link = shop.api.get(f"/v1/payment_links/{made['id']}")
    assert (link["active"], link["restrictions"]["completed_sessions"]["count"]) == (False, 1)
    assert visit(shop, made["url"])[0] == 410
    assert shop.api.error("POST", "/v1/payment_links", {"line_items": []})[0] == 400


def test_a_portal_session_has_an_address_that_answers(shop) -> None:
    """The customer's subscriptions, which can be cancelled there."""
    subscription = shop.subscribe(shop.price(1000))
    made = shop.api.post(
        "/v1/billing_portal/sessions", {"customer": shop.customer, "return_url": "https://shop.example"}
    )
    status, _, page = visit(shop, made["url"])
    assert (status, subscription["id"] in page) == (200, True)
    visit(shop, made["url"], {"subscription": subscription["id"]})
    assert shop.now(subscription)["cancel_at_period_end"] is True
    again = shop.api.post("/v1/billing_portal/sessions", {"customer": shop.customer})
    assert again["configuration"] == made["configuration"]
    shop.wait(3601)
    assert visit(shop, made["url"])[0] == 404


def test_what_a_portal_offers(shop) -> None:
    """A configuration says; what it does not say is off."""
    path = "/v1/billing_portal/configurations"
    made = shop.api.post(path, {"features": {"invoice_history": {"enabled": True}}})
    assert {name: feature["enabled"] for name, feature in made["features"].items()} == {
        "customer_update": False,
        "invoice_history": True,
        "payment_method_update": False,
        "subscription_cancel": False,
        "subscription_pause": False,
        "subscription_update": False,
    }
    now = {"subscription_cancel": {"enabled": True, "mode": "immediately"}}
    changed = shop.api.post(f"{path}/{made['id']}", {"features": now})
    assert (changed["features"]["invoice_history"]["enabled"], changed["features"]["subscription_cancel"]["mode"]) == (
        True,
        "immediately",
    )
    subscription = shop.subscribe(shop.price(1000))
    opened = {"customer": shop.customer, "configuration": made["id"]}
    url = shop.api.post("/v1/billing_portal/sessions", opened)["url"]
    visit(shop, url, {"subscription": subscription["id"]})
    assert shop.now(subscription)["status"] == "canceled"


def test_on_a_port_the_address_is_the_servers_own(stripe, shop) -> None:
    """A session's, a link's and a portal's address lead to where they were made."""
    from urllib.request import urlopen

    from host.simulator.server import serve

    with serve(shop.api.simulator) as server:
        price = shop.price(1500, "")
        link = shop.api.post("/v1/payment_links", {"line_items": [{"price": price, "quantity": 1}]})["url"]
        portal = shop.api.post("/v1/billing_portal/sessions", {"customer": shop.customer})["url"]
        for url, said in ((session(shop, price)["url"], "Pay"), (link, "Pay"), (portal, "subscriptions")):
            assert url.startswith(server.url + "/")
            with urlopen(url) as answer:
                assert said in answer.read().decode()


def test_a_line_item_says_how_many(api) -> None:
    """Of a metered price nobody knows yet; of any other it is asked for, by name."""
    price = api.post("/v1/prices", "currency=usd&unit_amount=500&product_data[name]=x")["id"]
    form = f"mode=payment&success_url=https://x.example&line_items[0][price]={price}"
    status, error = api.error("POST", "/v1/checkout/sessions", form)
    assert (status, error["param"]) == (400, "line_items[0][quantity]")
    assert api.post("/v1/checkout/sessions", f"{form}&line_items[0][quantity]=1")["amount_total"] == 500


def test_a_debited_subscription_is_paid_when_its_debit_is(shop, clock) -> None:
    """https://docs.stripe.com/payments/checkout/fulfill-orders: the session is complete and unpaid meanwhile."""
    once = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "x"}, "recurring": {"interval": "month"}}
    for method, status, told in (
        ("pm_usBankAccount_success", "paid", "checkout.session.async_payment_succeeded"),
        ("pm_usBankAccount_noAccount", "unpaid", "checkout.session.async_payment_failed"),
    ):
        asked = {
            "mode": "subscription",
            "success_url": "https://example.com",
            "line_items": [{"price_data": once, "quantity": 1}],
        }
        made = shop.api.post("/v1/checkout/sessions", asked)
        page = f"/v1/payment_pages/{made['id']}/confirm"
        done = shop.api.post(page, {"payment_method": method, "email": "jenny@example.com"})
        assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
        clock.now += 10
        assert shop.api.get(f"/v1/checkout/sessions/{made['id']}")["payment_status"] == status
        assert told in [event["type"] for event in shop.api.get("/v1/events")["data"]]


@pytest.mark.parametrize("mode", ["payment", "subscription"])
def test_prices_described_in_place_are_sold_though_they_are_not_for_sale(shop, mode) -> None:
    """``price_data`` makes an inactive price: a session, a quote and a schedule sell it, nobody else does."""
    recurring = {"recurring": {"interval": "month"}} if mode == "subscription" else {}
    product = shop.api.post("/v1/products", "name=x")["id"]
    item = {"price_data": {"currency": "usd", "unit_amount": 500, "product": product, **recurring}, "quantity": 1}
    asked = {"mode": mode, "success_url": "https://example.com", "line_items": [item]}
    session = shop.api.post("/v1/checkout/sessions", asked)
    page = f"/v1/payment_pages/{session['id']}/confirm"
    done = shop.api.post(page, {"payment_method": "pm_card_visa", "email": "jenny@example.com"})
    assert (done["status"], done["payment_status"]) == ("complete", "paid")
    quote = shop.api.post("/v1/quotes", {"customer": shop.customer, "line_items": [item]})["id"]
    shop.api.post(f"/v1/quotes/{quote}/finalize")
    assert shop.api.post(f"/v1/quotes/{quote}/accept")["status"] == "accepted"
    if mode == "payment":
        return
    month = {"interval": "month", "interval_count": 1}
    phases = [{"items": [item], "duration": month}] * 2
    schedule = {"customer": shop.customer, "start_date": "now", "phases": phases}
    made = shop.api.post("/v1/subscription_schedules", schedule)
    shop.wait(32 * DAY)
    subscription = shop.api.get(f"/v1/subscriptions/{made['subscription']}")
    price = subscription["items"]["data"][0]["price"]["id"]
    assert price == made["phases"][1]["items"][0]["price"]
    refused = shop.api.error("POST", "/v1/subscriptions", {"customer": shop.customer, "items": [{"price": price}]})
    assert "inactive" in refused[1]["message"]
