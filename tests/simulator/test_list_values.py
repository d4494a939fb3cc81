"""Values that a list's parameters cannot have are refused, by every list of the catalog and with the parameter's name.

https://docs.stripe.com/api/errors, and for the words of an enum github.com/stripe/stripe-python/issues/687.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from host.apis.catalog import Catalog, Operation, Schema
from host.simulator.list_filters import PAGING
from host.simulator.simulator import Simulator
from tests.simulator.catalog_walk import NOW, Walk, flat
from tests.simulator.conftest import Api

# Filters whose values are free text, or ids that may be of several kinds: a value that nothing has leaves nothing.
FREE = {
    "apple_pay_domains.list domain_name": "text of the merchant",
    "application_fees.list charge": "charges of connected accounts",
    "balance_transactions.list source": "an object of any of 17 kinds",
    "charges.list transfer_group": "text of the merchant",
    "entitlements.features.list lookup_key": "text of the merchant",
    "events.list type": "a name, or a pattern such as charge.*",
    "events.list types[0]": "a name, or a pattern such as charge.*",
    "identity.verification_sessions.list client_reference_id": "text of the merchant",
    "issuing.cardholders.list phone_number": "text of the merchant",
    "issuing.cards.list last4": "digits of a card",
    "payment_method_configurations.list application": "there are no applications here",
    "payouts.list destination": "a bank account or a card",
    "prices.list lookup_keys[0]": "text of the merchant",
    "product_catalog.trial_offers.list prices[0]": "there is no one price it is of",
    "products.list ids[0]": "ids that are looked for",
    "promotion_codes.list code": "text of the merchant",
    "transfers.list transfer_group": "text of the merchant",
    "v2.core.events.list object_id": "an object of any kind",
    "v2.core.events.list types[0]": "a name, or a pattern",
}


class Lists(Walk):
    """Asks the lists of a simulator."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(Api(Simulator(catalog, clock=lambda: float(NOW), seed=1)), catalog)

    def answering(self) -> Iterator[Operation]:
        """Lists that answer a request with the least they take."""
        for op in self.operations("list"):
            if self.ask(op.id)[0] == 200:
                yield op

    def asked(self, op: Operation, **query: Any) -> tuple[int, dict[str, Any]]:
        """(status, error) of a list with these values, whose names are as in a form, beside those it must have."""
        head = next(iter(query)).partition("[")[0]
        least = {name: value for name, value in flat(self.least(op)) if name.partition("[")[0] != head}
        status, answer = self.api.ask("GET", f"{self.path(op)}?{urlencode({**least, **query})}")
        return status, answer.get("error", {})

    def wrong(self, schema: Schema, name: str, required: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
        """Names of a parameter, and of all below it, each with a value that it cannot have."""
        full = self.catalog.resolve(schema)
        for choice in full.any_of:
            yield from self.wrong(choice, name)
        if full.type == "array":
            yield from self.wrong(full.items or Schema(type="string"), f"{name}[0]")
        for inner, below in full.properties.items():
            if not full.required or inner in full.required:  # what stands alone
                yield from self.wrong(below, f"{name}[{inner}]")
        if full.type in ("string", "boolean", "integer", "number"):
            yield name, "no such value"


@pytest.fixture(scope="module")
def lists(stripe: Catalog) -> Lists:
    """A simulator with an object of each kind that can be made."""
    return Lists(stripe)


def test_a_filter_refuses_a_value_that_nothing_can_have(lists: Lists) -> None:
    """A word that is none of the documented ones, the id of no object, a text for a number or a time: 400, by name."""
    passed, refused = set(), 0
    for op in lists.answering():
        for name, param in op.params.items():
            if param.location != "query" or name in PAGING:
                continue
            for full, value in lists.wrong(param.schema, name):
                status, error = lists.asked(op, **{full: value})
                if status == 200:
                    passed.add(f"{op.id} {full}")
                    continue
                assert (status, error["type"], error["param"]) == (400, "invalid_request_error", full), (op.id, error)
                assert error["message"].startswith(("Invalid ", "No such ")), (op.id, error)
                refused += 1
    assert sorted(passed) == sorted(FREE)
    assert refused > 300


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("payouts?status=foo", "Invalid status: must be one of pending, in_transit, paid, failed, or canceled"),
        ("invoices?collection_method=x", "Invalid collection_method: must be one of charge_automatically or send_"),
        ("balance_transactions?type=bogus", "Invalid type: must be one of adjustment, advance, advance_funding, "),
        ("transfers?destination=acct_nope", "No such destination: 'acct_nope'"),
        ("subscriptions?customer=nope", "No such customer: 'nope'"),
        ("issuing/transactions?card=ic_nope", "No such card: 'ic_nope'"),
        ("prices?recurring[interval]=century", "Invalid recurring[interval]: must be one of day, month, week, or year"),
    ],
)
def test_what_was_expected_is_named(api: Api, path: str, message: str) -> None:
    """The message has the values there are, or the id there is not."""
    status, error = api.error("GET", f"/v1/{path}")
    assert (status, error["param"]) == (400, path.partition("?")[2].partition("=")[0])
    assert error["message"].startswith(message)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"starting_after": "cus_of_another_kind"}, "starting_after"),
        ({"ending_before": "cus_of_another_kind"}, "ending_before"),
        ({"starting_after": "a", "ending_before": "b"}, None),
        ({"page": "nonsense"}, "page"),
    ],
)
def test_every_list_refuses_a_page_that_cannot_be(lists: Lists, query: dict[str, str], param: str | None) -> None:
    """Limits outside 1 to 100, cursors of other kinds, two cursors at once: 400, whichever list is asked."""
    asked = 0
    for op in lists.answering():
        if query.keys() <= op.params.keys() or (param == "page" and op.path.startswith("/v2/")):
            status, error = lists.asked(op, **query)
            assert (status, error.get("param")) == (400, param), (op.id, error)
            asked += 1
    assert asked >= (60 if "page" not in query else 3)


def test_the_history_of_a_deleted_customer_can_be_listed(api: Api, payer: str, price: str) -> None:
    """A deleted customer's subscriptions are listed: https://docs.stripe.com/api/subscriptions/list"""
    made = api.post("/v1/subscriptions", f"customer={payer}&items[0][price]={price}")["id"]
    api.delete(f"/v1/customers/{payer}")
    assert api.ids(f"/v1/subscriptions?customer={payer}&status=canceled") == [made]
    assert api.ids(f"/v1/subscriptions?customer={payer}") == []
    assert api.error("POST", "/v1/subscriptions", f"customer={payer}&items[0][price]={price}")[0] == 400
