"""Members that are only there when expanded: each row of the table is asked of a real object."""

from __future__ import annotations

from typing import Any

import pytest

from host.simulator.stripe.behaviours import MODEL
from tests.simulator.test_rule import walk

ROWS = [(kind, member) for kind, members in sorted(MODEL.includable.items()) for member in sorted(members)]
# Kinds of which the walk makes no object, each with the reason.
NONE_MADE: dict[str, str] = {
    "apps.secret": "has no address of its own: the tests of secrets expand what is in one",
    "item": "has no address of its own: the tests of checkout expand what is in one",
}


def take(value: dict[str, Any], member: str) -> bool:
    """Whether a dotted member is there; it is taken out."""
    *path, last = member.split(".")
    for name in path:
        value = value[name]
    return value.pop(last, NONE_MADE) is not NONE_MADE


@pytest.mark.parametrize(("kind", "member"), ROWS)
def test_a_member_is_there_when_it_is_expanded_and_not_else(stripe, kind: str, member: str) -> None:
    """A member is there only when it is expanded."""
    if kind in NONE_MADE:
        pytest.skip(NONE_MADE[kind])
    asked = walk(stripe)
    retrieve = next(op for op in asked.operations("retrieve") if asked.plan(op.id).kind == kind)
    assert asked.object(kind), kind
    status, plain = asked.ask(retrieve.id, {})
    assert (status, take(plain, member)) == (200, False)
    status, expanded = asked.ask(retrieve.id, {"expand": [member]})
    assert (status, take(expanded, member)) == (200, True), expanded
    assert expanded == plain
    if any(asked.plan(op.id).kind == kind and not op.path.count("{") for op in asked.operations("list")):
        lists = next(op for op in asked.operations("list") if asked.plan(op.id).kind == kind and "{" not in op.path)
        status, page = asked.ask(lists.id, {**asked.least(lists), "expand": [f"data.{member}"]})
        assert status == 200
        assert all(take(item, member) for item in page["data"])


def test_stored_members_are_left_out_wherever_their_object_stands(api) -> None:
    """A price with tiers shows them nowhere, not in a subscription's item either, until somebody asks."""
    product = api.post("/v1/products", "name=Plan")["id"]
    tiers = "billing_scheme=tiered&tiers_mode=graduated&tiers[0][up_to]=inf&tiers[0][unit_amount]=5"
    price = api.post("/v1/prices", f"product={product}&currency=usd&recurring[interval]=month&{tiers}")
    assert "tiers" not in price
    path = f"/v1/prices/{price['id']}"
    assert "tiers" not in api.get(path)
    assert api.get(path, **{"expand[]": "tiers"})["tiers"][0]["unit_amount"] == 5
    assert "tiers" not in api.get("/v1/prices")["data"][0]
    product = api.get(f"/v1/products/{product}")
    made = api.post(f"/v1/products/{product['id']}", f"default_price={price['id']}&expand[]=default_price.tiers")
    assert made["default_price"]["tiers"][0]["unit_amount"] == 5


def test_expanding_goes_four_levels_and_names_what_cannot_be_expanded(api) -> None:
    """Expanding goes four levels and names what cannot be expanded."""
    assert api.error("GET", "/v1/customers?expand[]=email")[0] == 400
    customer = api.post("/v1/customers")["id"]
    status, error = api.error("GET", f"/v1/customers/{customer}?expand[]=nowhere")
    assert (status, "nowhere" in error["message"]) == (400, True)
    assert api.error("GET", f"/v1/customers/{customer}?expand[]=a.b.c.d.e")[0] == 400


def test_expanding_in_lists_counts_data_as_a_level(api, payer) -> None:
    """Three levels below ``data`` are the deepest: https://docs.stripe.com/api/expanding_objects has this example."""
    api.post("/v1/payment_intents", f"amount=500&currency=usd&customer={payer}")
    deepest = "data.payment_intent.customer.default_source"
    assert api.ask("GET", f"/v1/charges?expand[]={deepest}")[0] == 200
    status, error = api.error("GET", f"/v1/charges?expand[]={deepest}.customer")
    assert (status, error["code"]) == (400, "property_expansion_max_depth")
    assert error["message"].endswith(f"4 levels of a property. Property: {deepest}.customer")


def test_whole_objects_and_lists_may_be_expanded_and_stay_what_they_are(api, payer, price) -> None:
    """Many clients expand ``items.data.price``, which never is an id; texts and maps cannot be expanded."""
    made = api.post("/v1/subscriptions", f"customer={payer}&items[0][price]={price}")
    address = f"/v1/subscriptions/{made['id']}"
    for path in ("items", "items.data", "items.data.price", "latest_invoice.lines", "discounts.source.coupon"):
        assert api.get(f"{address}?expand[]={path}")["items"] == made["items"]
    for path in ("metadata", "id", "automatic_tax", "customer.email", "latest_invoice.lines.data.pricing", "data"):
        status, error = api.error("GET", f"{address}?expand[]={path}")
        assert (status, error["message"]) == (400, f"This property cannot be expanded ({path}).")
    hint = api.error("GET", "/v1/subscriptions?expand[]=customer")[1]["message"]
    assert hint.endswith("You may want to try expanding 'data.customer' instead.")


def test_a_list_inside_an_object_has_its_first_ten(api, payer) -> None:
    """The others are at its address: https://docs.stripe.com/api/invoices/invoice_lines"""
    for number in range(13):
        api.post("/v1/invoiceitems", f"customer={payer}&amount=100&currency=usd&description=item {number}")
    invoice = api.post("/v1/invoices", f"customer={payer}&pending_invoice_items_behavior=include")
    assert invoice["total"] == 1300
    for each in (invoice, api.get(f"/v1/invoices/{invoice['id']}"), api.get("/v1/invoices")["data"][0]):
        assert (len(each["lines"]["data"]), each["lines"]["has_more"]) == (10, True)
        assert each["lines"]["data"][0]["description"] == "item 12"
    every = api.get(invoice["lines"]["url"], limit=100)
    assert (len(every["data"]), every["has_more"]) == (13, False)


def test_every_id_that_can_be_expanded_is_the_object_it_names_or_refused(stripe) -> None:
    """An id is never left where its object was asked for, at the top of what is retrieved."""
    asked, expanded = walk(stripe), 0
    for op in asked.operations("retrieve"):
        plan = asked.plan(op.id)
        status, answer = asked.ask(op.id) if not op.path.startswith("/v2/") else (0, {})
        if status != 200 or plan.shape is None:
            continue
        for name, schema in stripe.resolve(plan.shape).properties.items():
            if stripe.resolve(schema).expandable and isinstance(answer.get(name), str):
                status, whole = asked.ask(op.id, {"expand": [name]})
                assert (status == 200 and whole[name]["id"] == answer[name]) or status == 501, (op.id, name)
                expanded += status == 200
    assert expanded >= 8


def test_what_a_connected_account_got_is_expanded(api) -> None:
    """https://docs.stripe.com/api/transfers/object#transfer_object-destination_payment: it is in that account."""
    account = api.post("/v1/accounts", "type=custom&country=US&capabilities[transfers][requested]=true")["id"]
    made = api.post("/v1/transfers", f"amount=500&currency=usd&destination={account}&expand[]=destination_payment")
    assert (made["destination_payment"]["object"], made["destination_payment"]["amount"]) == ("charge", 500)


def test_the_order_of_what_is_expanded_is_of_no_matter(api) -> None:
    """What stands in another account is found also where that account was expanded before."""
    account = api.post("/v1/accounts", "type=custom&country=US")["id"]
    form = f"amount=500&currency=usd&destination={account}&expand[]=destination&expand[]=destination_payment"
    made = api.post("/v1/transfers", form)
    assert (made["destination"]["id"], made["destination_payment"]["object"]) == (account, "charge")


def test_the_bank_account_of_a_payout_can_be_expanded(api) -> None:
    """The platform's own, and one of a connected account: https://docs.stripe.com/api/payouts/object."""
    bank = "external_account[object]=bank_account&external_account[country]=US&external_account[currency]=usd"
    numbers = "external_account[account_number]=000123456789&external_account[routing_number]=110000000"
    account = api.post("/v1/accounts", f"type=custom&country=US&{bank}&{numbers}")["id"]
    api.post("/v1/transfers", f"amount=500&currency=usd&destination={account}")
    for headers in ({}, {"Stripe_Account": account}):
        paid = api.post("/v1/payouts", "amount=100&currency=usd&expand[]=destination", **headers)["destination"]
        assert (paid["object"], paid["last4"]) == ("bank_account", "6789")
