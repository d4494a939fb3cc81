"""Invoices: lines, order, balance, credit notes, ways to be paid and closed."""

from __future__ import annotations

import pytest

from tests.simulator.stripe.conftest import DAY, amounts


def draft(shop, *sums: int, **fields) -> str:
    """A draft with items of these amounts."""
    invoice = shop.api.post("/v1/invoices", {"customer": shop.customer, **fields})["id"]
    for amount in sums:
        item = {"customer": shop.customer, "invoice": invoice, "amount": amount, "currency": "usd"}
        shop.api.post("/v1/invoiceitems", item)
    return str(invoice)


def finalized(shop, *sums: int, **fields) -> dict:
    found: dict = shop.api.post(f"/v1/invoices/{draft(shop, *sums, **fields)}/finalize")
    return found


def test_lines_stand_in_the_order_of_the_api(shop) -> None:
    """Pending items newest first, the subscription's newest first, then what was added to this invoice in order.

    https://docs.stripe.com/api/invoices/object#invoice_object-lines
    """
    for n in (1, 2, 3):
        shop.api.post("/v1/invoiceitems", {"customer": shop.customer, "amount": 100 * n, "currency": "usd"})
    once = [{"price": shop.price(amount, "")} for amount in (7, 8)]
    made = shop.subscribe(shop.price(1000), shop.price(2000), add_invoice_items=once)
    invoice = made["latest_invoice"]
    assert amounts(invoice) == [300, 200, 100, 2000, 1000, 7, 8]
    path = f"/v1/invoices/{invoice['id']}/lines"
    ids = [line["id"] for line in invoice["lines"]["data"]]
    assert api_ids(shop, path) == ids
    assert api_ids(shop, f"{path}?limit=2&starting_after={ids[1]}") == ids[2:4]
    assert api_ids(shop, f"{path}?limit=2&ending_before={ids[4]}") == ids[2:4]
    assert shop.api.get("/v1/invoiceitems", pending="true")["data"] == []


def api_ids(shop, path: str) -> list[str]:
    return [item["id"] for item in shop.api.get(path)["data"]]


def test_items_of_a_subscription_wait_for_its_invoices(shop) -> None:
    """An item of one subscription is on no other's invoice, nor on one by hand."""
    one = shop.subscribe(shop.price(1000))
    other = shop.subscribe(shop.price(2000))
    item = {"customer": shop.customer, "amount": 50, "currency": "usd", "subscription": one["id"]}
    made = shop.api.post("/v1/invoiceitems", item)
    assert made["parent"]["subscription_details"]["subscription"] == one["id"]
    by_hand = shop.api.post("/v1/invoices", {"customer": shop.customer, "pending_invoice_items_behavior": "include"})
    assert amounts(by_hand) == []
    shop.wait(31 * DAY)
    assert (amounts(shop.now(one)["latest_invoice"]), amounts(shop.now(other)["latest_invoice"])) == (
        [50, 1000],
        [2000],
    )


# https://docs.stripe.com/billing/customer/balance: (before, total, due, after); a balance below zero is a credit.
BALANCES = [
    (0, -1500, 0, -1500),
    (-1000, 1500, 500, 0),
    (-2000, 1500, 0, -500),
    (300, 1000, 1300, 0),
    (0, 40, 0, 40),  # below the least charge of 0.50: owed with the next one
    (-980, 1000, 0, 20),
    (200, -500, 0, -300),
    (-500, -500, 0, -1000),
    (0, 0, 0, 0),
]


@pytest.mark.parametrize(("before", "total", "due", "after"), BALANCES)
def test_the_customers_balance_pays_first(shop, before, total, due, after) -> None:
    """What is due, what is left on the balance, and voiding puts back what was taken."""
    if before:
        shop.api.post(f"/v1/customers/{shop.customer}", {"balance": before})
    assert shop.balance() == before
    made = finalized(shop, *([total] if total else []))
    assert (made["amount_due"], shop.balance()) == (due, after)
    assert (made["starting_balance"], made["ending_balance"]) == (before, after)
    assert made["status"] == ("open" if due else "paid")
    if due:
        shop.api.post(f"/v1/invoices/{made['id']}/void")
        assert shop.balance() == before


def test_a_coupon_on_an_invoice_and_on_an_item(shop) -> None:
    """10 % of one item, then 5.00 of all."""
    ten, five = shop.coupon(percent_off=10), shop.coupon(amount_off=500, currency="usd")
    invoice = draft(shop, 1000, discounts=[{"coupon": five}])
    item = {"customer": shop.customer, "invoice": invoice, "amount": 10000, "currency": "usd"}
    shop.api.post("/v1/invoiceitems", {**item, "discounts": [{"coupon": ten}]})
    found = shop.api.get(f"/v1/invoices/{invoice}")
    assert (found["subtotal"], found["total"]) == (10000, 9500)
    assert sorted(entry["amount"] for entry in found["total_discount_amounts"]) == [500, 1000]


def test_items_and_lines_change_while_it_is_a_draft(shop) -> None:
    """Sums follow: update and delete of items, add, update and remove of lines."""
    invoice = draft(shop, 100, 200)
    path = f"/v1/invoices/{invoice}"
    price = shop.price(300, "")
    added = shop.api.post(
        f"{path}/add_lines", {"lines": [{"pricing": {"price": price}, "quantity": 2}, {"amount": 50}]}
    )
    assert (amounts(added), added["total"]) == ([100, 200, 600, 50], 950)
    ids = [line["id"] for line in added["lines"]["data"]]
    changed = shop.api.post(
        f"{path}/update_lines", {"lines": [{"id": ids[2], "quantity": 3}, {"id": ids[0], "amount": 10}]}
    )
    assert (amounts(changed), changed["total"]) == ([10, 200, 900, 50], 1160)
    assert [line["id"] for line in changed["lines"]["data"]] == ids
    removed = [{"id": ids[0], "behavior": "delete"}, {"id": ids[1], "behavior": "unassign"}]
    assert shop.api.post(f"{path}/remove_lines", {"lines": removed})["total"] == 950
    (left,) = shop.api.get("/v1/invoiceitems", pending="true")["data"]
    assert left["amount"] == 200
    one = shop.api.post(f"{path}/lines/{ids[3]}", {"amount": 60, "description": "Post"})
    assert (one["amount"], one["description"]) == (60, "Post")
    item = one["parent"]["invoice_item_details"]["invoice_item"]
    shop.api.post(f"/v1/invoiceitems/{item}", {"amount": 70})
    assert shop.api.get(path)["total"] == 970
    shop.api.delete(f"/v1/invoiceitems/{item}")
    assert shop.api.get(path)["total"] == 900
    shop.api.post(f"{path}/finalize")
    assert shop.api.error("POST", f"{path}/add_lines", {"lines": [{"amount": 1}]})[1]["code"] == "invoice_not_editable"


def test_a_subscriptions_line_keeps_its_metadata_unless_it_is_given(shop) -> None:
    """An update without metadata changes nothing, "" of a key removes that, and null clears it."""
    made = shop.subscribe(shop.price(1000))
    shop.wait(31 * DAY)
    invoice = shop.now(made)["latest_invoice"]
    assert invoice["status"] == "draft"
    path = f"/v1/invoices/{invoice['id']}/lines/{invoice['lines']['data'][0]['id']}"
    for sent, kept in (
        ({"metadata": {"a": "1", "b": "2"}}, {"a": "1", "b": "2"}),
        ({}, {"a": "1", "b": "2"}),
        ({"metadata": {"a": ""}}, {"b": "2"}),
        ({"metadata": None}, {}),
    ):
        assert shop.api.post(path, sent)["metadata"] == kept


def test_shipping_is_added(shop) -> None:
    """To the total, not the subtotal."""
    rate = {"shipping_rate_data": {"display_name": "Post", "fixed_amount": {"amount": 500, "currency": "usd"}}}
    made = finalized(shop, 1000, shipping_cost=rate)
    assert (made["subtotal"], made["amount_shipping"], made["total"], made["amount_due"]) == (1000, 500, 1500, 1500)


def test_an_uncollectible_invoice_can_be_paid(shop) -> None:
    """An invoice that was written off is paid all the same when its customer pays.

    https://docs.stripe.com/invoicing/integration/workflow-transitions
    """
    made = finalized(shop, 1000)
    shop.api.post(f"/v1/invoices/{made['id']}/mark_uncollectible")
    assert shop.api.post(f"/v1/invoices/{made['id']}/pay")["status"] == "paid"


def test_paid_elsewhere(shop) -> None:
    """``paid_out_of_band``: paid, without a charge."""
    made = finalized(shop, 1000)
    paid = shop.api.post(f"/v1/invoices/{made['id']}/pay", {"paid_out_of_band": True})
    assert (paid["status"], paid["amount_remaining"]) == ("paid", 0)
    assert shop.api.get("/v1/charges")["data"] == []
    assert [p["status"] for p in shop.api.get("/v1/invoice_payments", invoice=made["id"])["data"]] == ["canceled"]


def test_an_invoices_intent_pays_it(shop) -> None:
    """One payment, one intent; confirming that is paying the invoice."""
    made = finalized(shop, 1000)
    (payment,) = shop.api.get("/v1/invoice_payments", invoice=made["id"])["data"]
    intent = payment["payment"]["payment_intent"]
    assert (payment["status"], payment["is_default"], payment["amount_requested"]) == ("open", True, 1000)
    shop.api.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method": "pm_card_visa"})
    assert shop.api.get(f"/v1/invoices/{made['id']}")["status"] == "paid"
    assert shop.api.get(f"/v1/invoice_payments/{payment['id']}")["amount_paid"] == 1000


def test_the_intent_of_an_incomplete_subscription_makes_it_active(shop) -> None:
    """Paying the intent of an incomplete subscription makes it active.

    https://docs.stripe.com/billing/subscriptions/build-subscriptions?ui=elements
    """
    made = shop.subscribe(shop.price(2000), payment_behavior="default_incomplete")
    assert (made["status"], made["latest_invoice"]["status"]) == ("incomplete", "open")
    (payment,) = shop.api.get("/v1/invoice_payments", invoice=made["latest_invoice"]["id"])["data"]
    intent = payment["payment"]["payment_intent"]
    shop.api.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method": "pm_card_visa"})
    assert (shop.now(made)["status"], shop.now(made)["latest_invoice"]["status"]) == ("active", "paid")


def test_another_intent_is_attached(shop) -> None:
    """It pays a part, and the invoice's own the rest."""
    made = finalized(shop, 1000)
    intent = shop.api.post("/v1/payment_intents", {"amount": 400, "currency": "usd", "customer": shop.customer})["id"]
    shop.api.post(f"/v1/invoices/{made['id']}/attach_payment", {"payment_intent": intent})
    shop.api.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method": "pm_card_visa"})
    part = shop.api.get(f"/v1/invoices/{made['id']}")
    assert (part["status"], part["amount_paid"], part["amount_remaining"]) == ("open", 400, 600)


def test_sending_needs_a_day_to_be_paid_by(shop) -> None:
    """``days_until_due`` or ``due_date``, and only for invoices that are sent."""
    for wrong in ({"collection_method": "send_invoice"}, {"days_until_due": 3}, {"due_date": shop.time + DAY}):
        assert shop.api.error("POST", "/v1/invoices", {"customer": shop.customer, **wrong})[0] == 400
    made = finalized(shop, 1000, collection_method="send_invoice", days_until_due=14)
    assert made["due_date"] == made["created"] + 14 * DAY
    assert shop.api.post(f"/v1/invoices/{made['id']}/send")["status"] == "open"
    assert shop.api.error("POST", f"/v1/invoices/{finalized(shop, 1000)['id']}/send")[0] == 400


def test_a_draft_with_auto_advance_is_finalized_and_paid(shop) -> None:
    """An hour after it was made."""
    invoice = draft(shop, 1000, auto_advance=True)
    shop.wait(3599)
    assert shop.api.get(f"/v1/invoices/{invoice}")["status"] == "draft"
    shop.wait(1)
    assert shop.api.get(f"/v1/invoices/{invoice}")["status"] == "paid"


# https://docs.stripe.com/invoicing/credit-notes, on an invoice of 12.00: 10.00 and 20 % tax.
NOTES = [
    # (parameters, total of the note, balance after)
    ({"amount": 1200, "credit_amount": 1200}, 1200, -1200),
    ({"amount": 500, "refund_amount": 300, "credit_amount": 200}, 500, -200),
    ({"amount": 100, "out_of_band_amount": 100}, 100, 0),
    (
        {"lines": [{"type": "invoice_line_item", "quantity": 1, "invoice_line_item": "LINE"}], "refund_amount": 1200},
        1200,
        0,
    ),
    (
        {"lines": [{"type": "invoice_line_item", "amount": 500, "invoice_line_item": "LINE"}], "refund_amount": 600},
        600,
        0,
    ),
    (
        {
            "lines": [{"type": "custom_line_item", "quantity": 2, "unit_amount": 50, "description": "x"}],
            "refund_amount": 100,
        },
        100,
        0,
    ),
]


@pytest.mark.parametrize(("params", "total", "balance"), NOTES)
def test_credit_notes_of_a_paid_invoice(shop, params, total, balance) -> None:
    """What is given back to the card, to the balance, or elsewhere; a preview says the same and does nothing."""
    made = finalized(shop, 1000, default_tax_rates=[shop.rate(20, inclusive=False)])
    shop.api.post(f"/v1/invoices/{made['id']}/pay")
    line = made["lines"]["data"][0]["id"]
    lines = [{n: line if v == "LINE" else v for n, v in entry.items()} for entry in params.get("lines", [])]
    asked = {**params, "invoice": made["id"], **({"lines": lines} if lines else {})}
    note = shop.api.post("/v1/credit_notes", asked)
    assert (note["total"], note["type"], note["status"], shop.balance()) == (total, "post_payment", "issued", balance)
    assert note["number"] == f"{made['number']}-CN-01"
    refunded = sum(charge["amount_refunded"] for charge in shop.api.get("/v1/charges")["data"])
    assert refunded == params.get("refund_amount", 0)
    assert shop.api.get(f"/v1/invoices/{made['id']}")["post_payment_credit_notes_amount"] == total
    assert api_ids(shop, f"/v1/credit_notes/{note['id']}/lines") == [item["id"] for item in note["lines"]["data"]]
    assert (
        shop.api.error("POST", "/v1/credit_notes", {"invoice": made["id"], "amount": 1201, "credit_amount": 1201})[0]
        == 400
    )


def test_credit_notes_of_an_open_invoice(shop) -> None:
    """Less is left to pay; voiding the note has it asked again; of all, the invoice is paid."""
    made = finalized(shop, 1000)
    note = shop.api.post("/v1/credit_notes", {"invoice": made["id"], "amount": 400})
    assert (note["type"], shop.api.get(f"/v1/invoices/{made['id']}")["amount_remaining"]) == ("pre_payment", 600)
    shop.api.post(f"/v1/credit_notes/{note['id']}/void")
    assert shop.api.get(f"/v1/invoices/{made['id']}")["amount_remaining"] == 1000
    shop.api.post("/v1/credit_notes", {"invoice": made["id"], "amount": 100})
    paid = shop.api.post(f"/v1/invoices/{made['id']}/pay")
    assert (paid["status"], paid["amount_paid"]) == ("paid", 900)
    assert shop.api.error("POST", "/v1/credit_notes", {"invoice": draft(shop, 5), "amount": 1})[0] == 400


def test_a_preview_of_what_is_pending(shop) -> None:
    """By customer; without anything pending there is none."""
    path = "/v1/invoices/create_preview"
    assert shop.api.error("POST", path, {"customer": shop.customer})[1]["code"] == "invoice_upcoming_none"
    shop.api.post("/v1/invoiceitems", {"customer": shop.customer, "amount": 300, "currency": "usd"})
    more = {
        "invoice_items": [{"amount": 200, "currency": "usd"}],
        "discounts": [{"coupon": shop.coupon(percent_off=10)}],
    }
    assert shop.api.post(path, {"customer": shop.customer, **more})["total"] == 450
    assert shop.api.get("/v1/invoiceitems", pending="true")["data"][0]["amount"] == 300


def test_a_preview_of_a_new_subscription(shop) -> None:
    """What its first invoice would be."""
    details = {"items": [{"price": shop.price(1000), "quantity": 2}]}
    asked = {"customer": shop.customer, "subscription_details": details}
    preview = shop.api.post("/v1/invoices/create_preview", asked)
    made = shop.subscribe(items=details["items"])
    assert (preview["total"], amounts(preview)) == (made["latest_invoice"]["total"], amounts(made["latest_invoice"]))
    assert shop.api.ids("/v1/subscriptions") == [made["id"]]


def test_a_credit_note_gives_shipping_back(shop) -> None:
    """As a whole, by its rate, alone or with lines, and once.

    https://docs.stripe.com/api/credit_notes/create#create_credit_note-shipping_cost
    """
    fixed = {"display_name": "Post", "type": "fixed_amount", "fixed_amount": {"amount": 500, "currency": "usd"}}
    rate, other = (shop.api.post("/v1/shipping_rates", fixed)["id"] for _ in range(2))
    made = draft(shop, 1000, shipping_cost={"shipping_rate": rate})
    shop.api.post(f"/v1/invoices/{made}/finalize")
    paid = shop.api.post(f"/v1/invoices/{made}/pay")
    asked = {"invoice": made, "shipping_cost": {"shipping_rate": other}, "credit_amount": 500}
    assert shop.api.error("POST", "/v1/credit_notes", asked)[1]["param"] == "shipping_cost[shipping_rate]"
    asked["shipping_cost"] = {"shipping_rate": rate}
    line = {"type": "invoice_line_item", "invoice_line_item": paid["lines"]["data"][0]["id"], "amount": 300}
    query = f"invoice={made}&shipping_cost[shipping_rate]={rate}&credit_amount=800&" + "&".join(
        f"lines[0][{name}]={value}" for name, value in line.items()
    )
    assert shop.api.get(f"/v1/credit_notes/preview?{query}")["total"] == 800
    note = shop.api.post("/v1/credit_notes", asked)
    assert (note["total"], note["amount_shipping"], note["subtotal"]) == (500, 500, 0)
    assert note["shipping_cost"] == paid["shipping_cost"]
    assert shop.balance() == -500
    assert "already" in shop.api.error("POST", "/v1/credit_notes", asked)[1]["message"]


def test_texts_of_an_invoice_are_its_customers_unless_something_says_otherwise(shop) -> None:
    """Of the customer, of the subscription, and of the invoice itself.

    https://docs.stripe.com/api/customers/create#create_customer-invoice_settings
    """
    fields = [{"name": "PO", "value": "7"}]
    settings = {"footer": "Thank you", "custom_fields": fields}
    tax = {"rendering_options": {"amount_tax_display": "include_inclusive_tax"}}
    shop.api.post(f"/v1/customers/{shop.customer}", {"invoice_settings": {**settings, **tax}})
    manual = shop.api.get(f"/v1/invoices/{draft(shop)}")
    first = shop.subscribe(shop.price(1000))["latest_invoice"]
    for invoice in (manual, first):
        assert (invoice["footer"], invoice["custom_fields"]) == ("Thank you", fields)
        assert invoice["rendering"]["amount_tax_display"] == "include_inclusive_tax"
    own = shop.api.get(f"/v1/invoices/{draft(shop, footer='Mine')}")
    assert (own["footer"], own["custom_fields"]) == ("Mine", fields)


def pay_in_part(shop, invoice: str, amount: int) -> dict:
    """The invoice after another intent has paid ``amount`` of it."""
    methods = {"enabled": True, "allow_redirects": "never"}
    card = {"payment_method": "pm_card_visa", "confirm": True, "automatic_payment_methods": methods}
    intent = {"amount": amount, "currency": "usd", "customer": shop.customer, **card}
    made = shop.api.post("/v1/payment_intents", intent)["id"]
    found: dict = shop.api.post(f"/v1/invoices/{invoice}/attach_payment", {"payment_intent": made})
    return found


@pytest.mark.parametrize(("parts", "charges"), [([300], [700, 300]), ([300, 200], [500, 200, 300])])
def test_the_default_payment_asks_for_what_is_left(shop, parts, charges) -> None:
    """10.00 in parts: the invoice's own intent is for the rest.

    https://docs.stripe.com/api/invoice-payment/object#invoice_payment_object-is_default
    """
    made = draft(shop, 1000)
    shop.api.post(f"/v1/invoices/{made}/finalize")
    for part in parts:
        assert pay_in_part(shop, made, part)["status"] == "open"
    path = f"/v1/invoice_payments?invoice={made}"
    (own,) = [each for each in shop.api.get(path)["data"] if each["is_default"]]
    assert own["amount_requested"] == 1000 - sum(parts)
    paid = shop.api.post(f"/v1/invoices/{made}/pay")
    assert (paid["status"], paid["amount_paid"], paid["amount_overpaid"]) == ("paid", 1000, 0)
    assert [charge["amount"] for charge in shop.api.get("/v1/charges")["data"]] == charges
    assert all(each["amount_requested"] == each["amount_paid"] for each in shop.api.get(path)["data"])


def test_an_invoice_paid_by_others_needs_its_own_payment_no_more(shop) -> None:
    """All of it by attached intents: the default payment and its intent are canceled."""
    made = draft(shop, 1000)
    shop.api.post(f"/v1/invoices/{made}/finalize")
    assert [pay_in_part(shop, made, part)["status"] for part in (300, 700)] == ["open", "paid"]
    found = {each["is_default"]: each for each in shop.api.get(f"/v1/invoice_payments?invoice={made}")["data"]}
    assert (found[True]["status"], found[False]["status"]) == ("canceled", "paid")
    intent = found[True]["payment"]["payment_intent"]
    assert shop.api.get(f"/v1/payment_intents/{intent}")["status"] == "canceled"


def test_the_intent_of_an_invoice_is_not_changed_by_hand(shop) -> None:
    """Neither its amount nor that it is there; what it is paid with is.

    https://docs.stripe.com/api/invoice-payment/object#invoice_payment_object-is_default
    """
    made = draft(shop, 1000)
    shop.api.post(f"/v1/invoices/{made}/finalize")
    (payment,) = shop.api.get(f"/v1/invoice_payments?invoice={made}")["data"]
    path = f"/v1/payment_intents/{payment['payment']['payment_intent']}"
    for asked in ({"amount": 500}, {"customer": shop.payer()}, {"currency": "eur"}):
        assert "created by an invoice" in shop.api.error("POST", path, asked)[1]["message"]
    assert "created by an invoice" in shop.api.error("POST", f"{path}/cancel", {})[1]["message"]
    assert shop.api.post(path, {"metadata": {"a": "b"}})["status"] == "requires_payment_method"
    confirmed = {"payment_method": "pm_card_visa", "return_url": "https://shop.example"}
    shop.api.post(f"{path}/confirm", confirmed)
    assert shop.api.get(f"/v1/invoices/{made}")["status"] == "paid"


def test_what_is_paid_too_much_is_the_customers(shop) -> None:
    """12.00 for an invoice of 10.00 leave 2.00 in credit.

    https://docs.stripe.com/api/invoices/object#invoice_object-amount_overpaid
    """
    made = draft(shop, 1000)
    shop.api.post(f"/v1/invoices/{made}/finalize")
    paid = pay_in_part(shop, made, 1200)
    assert (paid["status"], paid["amount_paid"], paid["amount_overpaid"]) == ("paid", 1000, 200)
    assert shop.balance() == -200
    (moved,) = shop.api.get(f"/v1/customers/{shop.customer}/balance_transactions")["data"]
    assert (moved["type"], moved["invoice"], moved["amount"]) == ("invoice_overpaid", made, -200)
