"""What customers choose and type at the page of a checkout session, and sessions taken up again."""

from __future__ import annotations

import pytest

from tests.simulator.stripe.conftest import DAY
from tests.simulator.stripe.test_checkout import confirm, session, visit


def code(shop, text: str = "HALF", **fields) -> str:
    """A promotion code of half the price."""
    coupon = fields.pop("coupon", None) or shop.coupon(percent_off=50, duration="once")
    params = {"promotion": {"type": "coupon", "coupon": coupon}, "code": text, **fields}
    return str(shop.api.post("/v1/promotion_codes", params)["id"])


def items(shop, made: dict) -> list[dict]:
    found: list[dict] = shop.api.get(f"/v1/checkout/sessions/{made['id']}/line_items")["data"]
    return found


def refused(shop, made: dict, **fields) -> dict:
    """The refusal to complete a session."""
    path = f"/v1/payment_pages/{made['id']}/confirm"
    error: dict = shop.api.error("POST", path, {"payment_method": "pm_card_visa", **fields})[1]
    return error


def test_a_promotion_code_typed_on_the_page_is_taken_off(shop) -> None:
    """Half of 20.00, with 10 % of what is left on top, and shipping as it was; letters of either case.

    https://docs.stripe.com/payments/checkout/discounts
    """
    promotion = code(shop)
    rate = {"type": "fixed_amount", "display_name": "Post", "fixed_amount": {"amount": 500, "currency": "usd"}}
    line = {"price": shop.price(2000, ""), "quantity": 1, "tax_rates": [shop.rate(10, inclusive=False)]}
    options = {"shipping_options": [{"shipping_rate_data": rate}], "allow_promotion_codes": True}
    done = confirm(shop, session(shop, line_items=[line], **options), code="half")
    assert (done["amount_subtotal"], done["amount_total"]) == (2000, 1000 + 100 + 500)
    assert done["total_details"] == {"amount_discount": 1000, "amount_shipping": 500, "amount_tax": 100}
    assert done["discounts"] == [{"coupon": None, "promotion_code": promotion}]
    (item,) = items(shop, done)
    assert (item["amount_discount"], item["amount_tax"], item["amount_total"]) == (1000, 100, 1100)
    assert shop.api.get(f"/v1/payment_intents/{done['payment_intent']}")["amount"] == 1600
    assert shop.api.get(f"/v1/promotion_codes/{promotion}")["times_redeemed"] == 1


def test_a_subscription_keeps_the_discount_of_the_page(shop) -> None:
    """Its first invoice is half as much, and the next one is not."""
    promotion = code(shop)
    made = session(shop, shop.price(2000), mode="subscription", customer=shop.customer, allow_promotion_codes=True)
    done = confirm(shop, made, promotion_code=promotion)
    first = shop.api.get(f"/v1/invoices/{done['invoice']}")
    assert (first["total"], first["amount_paid"]) == (1000, 1000)
    shop.wait(31 * DAY)
    assert shop.now({"id": done["subscription"]})["latest_invoice"]["total"] == 2000


@pytest.mark.parametrize(
    ("fields", "typed"),
    [
        ({}, "OTHER"),
        ({"max_redemptions": 1}, "USED"),
        ({"restrictions": {"minimum_amount": 5000, "minimum_amount_currency": "usd"}}, "HALF"),
        ({"restrictions": {"first_time_transaction": True}}, "HALF"),
        ({"expires_at": 5}, "HALF"),
        ({"customer": "other"}, "HALF"),
    ],
)
def test_a_code_that_does_not_apply_is_refused(shop, fields, typed) -> None:
    """And the session stays open. https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes"""
    if "expires_at" in fields:
        fields = {"expires_at": shop.time + 5}
    if "customer" in fields:
        fields = {"customer": shop.payer()}
    code(shop, "USED" if typed == "USED" else "HALF", **fields)
    shop.subscribe(shop.price(100))  # no first transaction any more
    made = session(shop, shop.price(2000, ""), customer=shop.customer, allow_promotion_codes=True)
    if typed == "USED":
        confirm(shop, session(shop, shop.price(900, ""), allow_promotion_codes=True), code="USED")
    shop.wait(10)
    assert refused(shop, made, code=typed)["param"].startswith("code")
    assert shop.api.get(f"/v1/checkout/sessions/{made['id']}")["status"] == "open"
    plain = session(shop, shop.price(2000, ""))
    assert refused(shop, plain, code=typed)["param"] == "code"  # it asks for none


def test_quantities_are_adjusted_within_their_limits(shop) -> None:
    """Only of the items that say so. https://docs.stripe.com/payments/checkout/adjustable-quantity"""
    limits = {"enabled": True, "minimum": 2, "maximum": 5}
    lines = [
        {"price": shop.price(1000, ""), "quantity": 2, "adjustable_quantity": limits},
        {"price": shop.price(300, ""), "quantity": 1},
    ]
    made = session(shop, line_items=lines)
    first, second = items(shop, made)
    for id, quantity in ((first["id"], 6), (first["id"], 1), (second["id"], 2)):
        assert refused(shop, made, line_items=[{"id": id, "quantity": quantity}])["param"] == "line_items[0][quantity]"
    done = confirm(shop, made, line_items=[{"id": first["id"], "quantity": 4}])
    assert (done["amount_total"], [item["quantity"] for item in items(shop, done)]) == (4300, [4, 1])


def test_optional_items_are_offered_and_added(shop) -> None:
    """They are on the invoice once chosen, others are refused. https://docs.stripe.com/payments/checkout/optional-items"""
    extra = shop.price(700, "", name="Extra")
    made = session(shop, shop.price(1000), mode="subscription", customer=shop.customer,
                   optional_items=[{"price": extra, "quantity": 2}])  # fmt: skip
    assert made["optional_items"] == [{"adjustable_quantity": None, "price": extra, "quantity": 2}]
    assert made["amount_total"] == 1000
    assert refused(shop, made, optional_items=[{"price": shop.price(5, "")}])["param"] == "optional_items[0][price]"
    done = confirm(shop, made, optional_items=[{"price": extra}])
    assert done["amount_total"] == 2400
    invoice = shop.api.get(f"/v1/invoices/{done['invoice']}")
    assert sorted(line["amount"] for line in invoice["lines"]["data"]) == [1000, 1400]


def field(key: str, type: str = "text", **about) -> dict:
    return {"key": key, "label": {"type": "custom", "custom": key}, "type": type, type: about} if about else {
        "key": key, "label": {"type": "custom", "custom": key}, "type": type}  # fmt: skip


def test_custom_fields_are_filled_in(shop) -> None:
    """Those that are not optional must be. https://docs.stripe.com/payments/checkout/custom-fields"""
    sizes = {"options": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]}
    fields = [field("engraving", "text", maximum_length=5), field("size", "dropdown", **sizes),
              {**field("year", "numeric"), "optional": True}]  # fmt: skip
    made = session(shop, shop.price(1000, ""), custom_fields=fields)
    given = {"engraving": "Ada", "size": "l"}
    for wrong in ({"size": "l"}, {**given, "engraving": "Lovelace"}, {**given, "size": "xl"}, {**given, "year": "x"}):
        assert refused(shop, made, custom_fields=wrong)["param"].startswith("custom_fields[")
    assert refused(shop, made, custom_fields={**given, "other": "x"})["param"] == "custom_fields[other]"
    done = confirm(shop, made, custom_fields=given)
    assert [f[f["type"]]["value"] if f[f["type"]] else None for f in done["custom_fields"]][:2] == ["Ada", "l"]


def test_consent_phone_and_address_are_said(shop) -> None:
    """The session tells what the customer typed. https://docs.stripe.com/api/checkout/sessions/object"""
    asked = {"terms_of_service": "required", "promotions": "auto"}
    made = session(shop, shop.price(1000, ""), consent_collection=asked, phone_number_collection={"enabled": True},
                   shipping_address_collection={"allowed_countries": ["US"]})  # fmt: skip
    address = {"line1": "1 Main St", "city": "Springfield", "country": "US"}
    done = confirm(shop, made, phone="+15550100", consent={"promotions": "opt_in"},
                   shipping={"name": "Ada", "address": address})  # fmt: skip
    assert done["consent"] == {"promotions": "opt_in", "terms_of_service": "accepted"}
    assert done["customer_details"]["phone"] == "+15550100"
    shipped = done["collected_information"]["shipping_details"]
    assert (shipped["name"], {k: shipped["address"][k] for k in address}) == ("Ada", address)
    assert confirm(shop, session(shop, shop.price(1000, "")))["consent"] is None


def test_what_is_authorized_only_is_not_paid(shop) -> None:
    """With ``capture_method=manual`` a completed session is unpaid until its payment is captured.

    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """
    made = session(shop, shop.price(1000, ""), payment_intent_data={"capture_method": "manual"})
    done = confirm(shop, made)
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    shop.api.post(f"/v1/payment_intents/{done['payment_intent']}/capture", {})
    assert shop.api.get(f"/v1/checkout/sessions/{made['id']}")["payment_status"] == "paid"


def test_an_expired_session_is_taken_up_again(shop) -> None:
    """Within 30 days, at the address that it has then. https://docs.stripe.com/payments/checkout/abandoned-carts"""
    recovery = {"recovery": {"enabled": True, "allow_promotion_codes": True}}
    made = session(shop, shop.price(1000, ""), after_expiration=recovery)
    assert made["after_expiration"]["recovery"]["url"] is None
    gone = shop.api.post(f"/v1/checkout/sessions/{made['id']}/expire", {})["after_expiration"]["recovery"]
    assert gone["expires_at"] == shop.time + 30 * DAY
    status, headers, _ = visit(shop, gone["url"])
    assert status == 303
    again = shop.api.get("/v1/checkout/sessions", limit=1)["data"][0]
    assert headers["location"] == again["url"]
    assert (again["recovered_from"], again["amount_total"], again["allow_promotion_codes"]) == (made["id"], 1000, True)
    assert confirm(shop, again)["payment_status"] == "paid"
    shop.wait(31 * DAY)
    assert visit(shop, gone["url"])[0] == 404


def test_the_page_has_inputs_for_all_this(shop) -> None:
    """A form as a browser sends it."""
    code(shop)
    made = session(shop, shop.price(2000, ""), allow_promotion_codes=True, custom_fields=[field("name_on_it")],
                   phone_number_collection={"enabled": True})  # fmt: skip
    page = visit(shop, made["url"])[2]
    for name in ("code", "phone", "custom_name_on_it"):
        assert f'name="{name}"' in page
    typed = {"payment_method": "pm_card_visa", "code": "half", "custom_name_on_it": "Ada", "phone": "+1555"}
    assert visit(shop, made["url"], {**typed, "code": "NONE"})[0] == 400
    assert visit(shop, made["url"], typed)[0] == 303
    done = shop.api.get(f"/v1/checkout/sessions/{made['id']}")
    assert (done["amount_total"], done["custom_fields"][0]["text"]["value"]) == (1000, "Ada")


def opened(shop, link: dict) -> dict:
    """The session that a visit of a link opens."""
    assert visit(shop, link["url"])[0] == 303
    found: dict = shop.api.get("/v1/checkout/sessions", limit=1)["data"][0]
    return found


def test_what_a_link_asks_for_its_sessions_ask_for(shop) -> None:
    """Each of these members is on the session of a visit. https://docs.stripe.com/payment-links/customize"""
    asked = {
        "custom_fields": [field("engraving")],
        "shipping_address_collection": {"allowed_countries": ["US"]},
        "optional_items": [{"price": shop.price(700, ""), "quantity": 1}],
        "tax_id_collection": {"enabled": True},
        "name_collection": {"individual": {"enabled": True}},
        "allow_promotion_codes": True,
        "consent_collection": {"terms_of_service": "required"},
        "phone_number_collection": {"enabled": True},
    }
    lines = [{"price": shop.price(1000, ""), "quantity": 1}]
    link = shop.api.post("/v1/payment_links", {"line_items": lines, **asked})
    made = opened(shop, link)
    for name in asked:
        assert made[name] == link[name] or made[name].items() <= link[name].items(), name
        assert made[name], name


def test_quantities_of_a_link_are_changed(shop) -> None:
    """And customers may adjust them. https://docs.stripe.com/api/payment-link/update"""
    lines = [{"price": shop.price(1000, ""), "quantity": 1}, {"price": shop.price(50, ""), "quantity": 1}]
    link = shop.api.post("/v1/payment_links", {"line_items": lines})
    path = f"/v1/payment_links/{link['id']}"
    first = shop.api.get(f"{path}/line_items")["data"][0]["id"]
    change = {"id": first, "quantity": 3, "adjustable_quantity": {"enabled": True, "maximum": 4}}
    shop.api.post(path, {"line_items": [change]})
    found = shop.api.get(f"{path}/line_items")["data"]
    assert [(item["quantity"], item["amount_total"]) for item in found] == [(3, 3000), (1, 50)]
    made = opened(shop, link)
    assert made["amount_total"] == 3050
    mine = items(shop, made)[0]["id"]
    assert confirm(shop, made, line_items=[{"id": mine, "quantity": 4}])["amount_total"] == 4050
    assert shop.api.error("POST", path, {"line_items": [{"id": "li_none"}]})[1]["param"] == "line_items[0][id]"


def test_a_link_says_whom_its_payments_are_for(shop) -> None:
    """Fees and destinations reach the payment and the subscription. https://docs.stripe.com/connect/payment-links"""
    account = shop.api.post("/v1/accounts", {"type": "express", "country": "US"})["id"]
    lines = [{"price": shop.price(1000, ""), "quantity": 1}]
    shared = {"application_fee_amount": 100, "transfer_data": {"destination": account}}
    link = shop.api.post("/v1/payment_links", {"line_items": lines, **shared})
    done = confirm(shop, opened(shop, link))
    intent = shop.api.get(f"/v1/payment_intents/{done['payment_intent']}")
    assert (intent["application_fee_amount"], intent["transfer_data"]["destination"]) == (100, account)
    monthly = {"line_items": [{"price": shop.price(1000), "quantity": 1}], "application_fee_percent": 10}
    link = shop.api.post("/v1/payment_links", {**monthly, "transfer_data": {"destination": account}})
    done = confirm(shop, opened(shop, link), email="a@example.com")
    made = shop.api.get(f"/v1/subscriptions/{done['subscription']}")
    assert (made["application_fee_percent"], made["transfer_data"]["destination"]) == (10, account)


def test_who_must_authenticate_at_the_page_begins_a_subscription(shop) -> None:
    """The customer is there to do it; a declined card begins none."""
    made = session(shop, shop.price(1000), mode="subscription", customer=shop.customer)
    assert refused(shop, {**made}, payment_method="pm_card_chargeDeclined")["code"] == "card_declined"
    assert shop.api.get("/v1/subscriptions", status="all")["data"] == []
    done = confirm(shop, made, "pm_card_authenticationRequired")
    assert (done["status"], done["payment_status"]) == ("complete", "paid")
    begun = shop.api.get(f"/v1/subscriptions/{done['subscription']}")
    assert begun["status"] == "active"
    assert begun["default_payment_method"]


def test_a_guest_whose_card_is_kept_becomes_a_customer(shop) -> None:
    """Others stay guests. https://docs.stripe.com/payments/checkout/save-during-payment"""
    data = {"setup_future_usage": "off_session"}
    done = confirm(shop, session(shop, shop.price(1000, ""), payment_intent_data=data), email="a@example.com")
    method = shop.api.get(f"/v1/payment_intents/{done['payment_intent']}")["payment_method"]
    assert shop.api.get(f"/v1/payment_methods/{method}")["customer"] == done["customer"] is not None
    assert confirm(shop, session(shop, shop.price(1000, "")))["customer"] is None


def test_a_coupon_must_be_for_something_in_the_order(shop) -> None:
    """When the session is made and when its code is typed; and guests have no first order.

    https://docs.stripe.com/payments/checkout/discounts
    """
    mine, other = (shop.api.post("/v1/products", {"name": name})["id"] for name in "AB")
    coupon = shop.coupon(percent_off=50, applies_to={"products": [other]})
    lines = [{"price": shop.price(1000, "", product=mine), "quantity": 1}]
    params = {"success_url": "https://shop.example", "line_items": lines}
    error = shop.api.error("POST", "/v1/checkout/sessions", {**params, "discounts": [{"coupon": coupon}]})
    assert error[1]["param"] == "discounts[0]"
    code(shop, "THEIRS", coupon=coupon)
    code(shop, "FIRST", restrictions={"first_time_transaction": True})
    made = session(shop, line_items=lines, allow_promotion_codes=True)
    for typed in ("THEIRS", "FIRST"):
        assert refused(shop, made, code=typed)["param"] == "code"
    known = session(shop, line_items=lines, allow_promotion_codes=True, customer=shop.customer)
    assert confirm(shop, known, code="FIRST")["amount_total"] == 500


def test_what_the_sums_are_made_of_is_expanded(shop) -> None:
    """20.00 and 10.00 less half, with 10 % on top of the first. https://docs.stripe.com/expand#includable-properties"""
    rate, half = shop.rate(10, inclusive=False), shop.coupon(percent_off=50)
    lines = [{"price": shop.price(amount, ""), "quantity": 1} for amount in (2000, 1000)]
    lines[0]["tax_rates"] = [rate]
    made = session(shop, line_items=lines, discounts=[{"coupon": half}])
    assert "breakdown" not in made["total_details"]
    expand = "expand[]=total_details.breakdown&expand[]=line_items.data.discounts&expand[]=line_items.data.taxes"
    found = shop.api.get(f"/v1/checkout/sessions/{made['id']}?{expand}")
    breakdown = found["total_details"]["breakdown"]
    assert [(entry["amount"], entry["discount"]["source"]["coupon"]) for entry in breakdown["discounts"]] == [
        (1500, half)
    ]
    assert [(entry["amount"], entry["taxable_amount"], entry["rate"]["id"]) for entry in breakdown["taxes"]] == [
        (100, 1000, rate)
    ]
    first, second = found["line_items"]["data"]
    assert [entry["amount"] for entry in first["discounts"] + second["discounts"]] == [1000, 500]
    assert ([entry["amount"] for entry in first["taxes"]], second["taxes"]) == ([100], [])
    quote = {"customer": shop.customer, "line_items": lines, "discounts": [{"coupon": half}]}
    made = shop.api.post("/v1/quotes", {**quote, "expand": ["total_details.breakdown"]})
    assert made["total_details"]["breakdown"]["discounts"][0]["amount"] == 1500


def donation(shop, **limits) -> list[dict]:
    """A line item whose price its customer sets."""
    product = shop.api.post("/v1/products", {"name": "Gift"})["id"]
    params = {"currency": "usd", "product": product, "custom_unit_amount": {"enabled": True, **limits}}
    return [{"price": shop.api.post("/v1/prices", params)["id"], "quantity": 1}]


def test_customers_set_a_price(shop) -> None:
    """Within its limits; the preset is asked for until they do. https://docs.stripe.com/payments/checkout/pay-what-you-want"""
    limits = {"preset": 2000, "minimum": 1000, "maximum": 5000}
    made = session(shop, line_items=donation(shop, **limits))
    assert made["amount_total"] == 2000
    for wrong in (999, 5001):
        assert refused(shop, made, unit_amount=wrong)["param"] == "unit_amount"
    done = confirm(shop, made, unit_amount=3300)
    assert (done["amount_total"], items(shop, done)[0]["amount_total"]) == (3300, 3300)
    assert shop.api.get(f"/v1/payment_intents/{done['payment_intent']}")["amount"] == 3300
    assert confirm(shop, session(shop, line_items=donation(shop, **limits)))["amount_total"] == 2000


def test_a_price_without_a_preset_must_be_said(shop) -> None:
    """At least what can be charged; at the page, too, and by a link."""
    made = session(shop, line_items=donation(shop))
    assert made["amount_total"] == 0
    assert refused(shop, made)["param"] == "unit_amount"
    assert refused(shop, made, unit_amount=49)["param"] == "unit_amount"
    link = shop.api.post("/v1/payment_links", {"line_items": donation(shop)})
    again = opened(shop, link)
    assert 'name="unit_amount"' in visit(shop, again["url"])[2]
    assert visit(shop, again["url"], {"payment_method": "pm_card_visa", "unit_amount": "700"})[0] == 303
    assert shop.api.get(f"/v1/checkout/sessions/{again['id']}")["amount_total"] == 700
    plain = session(shop, shop.price(1000, ""))
    assert refused(shop, plain, unit_amount=5)["param"] == "unit_amount"


def test_what_a_price_that_customers_set_does_not_go_with(shop) -> None:
    """Other items, codes and invoices are refused. https://docs.stripe.com/payments/checkout/pay-what-you-want"""
    lines, more = donation(shop), {"price": shop.price(100, ""), "quantity": 1}
    for fields, param in (
        ({"line_items": [{**lines[0], "quantity": 2}]}, "line_items[0][price]"),
        ({"line_items": [more, *lines]}, "line_items[1][price]"),
        ({"line_items": lines, "allow_promotion_codes": True}, "allow_promotion_codes"),
        ({"line_items": lines, "invoice_creation": {"enabled": True}}, "invoice_creation[enabled]"),
    ):
        asked = {"success_url": "https://shop.example", **fields}
        assert shop.api.error("POST", "/v1/checkout/sessions", asked)[1]["param"] == param
    quote = {"customer": shop.customer, "line_items": lines}
    assert shop.api.error("POST", "/v1/quotes", quote)[0] == 501
