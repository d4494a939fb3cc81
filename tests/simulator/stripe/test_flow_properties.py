"""After each flow, for the platform and its accounts: references can be expanded, and the books add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from host.apis.catalog import Catalog, Schema
from host.simulator.stripe.books import OPENING
from tests.simulator.conftest import Api, Clock
from tests.simulator.stripe.test_flows import carry_out, flows

LISTS = {
    "account": "/v1/accounts",
    "application_fee": "/v1/application_fees",
    "balance_transaction": "/v1/balance_transactions",
    "charge": "/v1/charges",
    "customer": "/v1/customers",
    "dispute": "/v1/disputes",
    "payment_intent": "/v1/payment_intents",
    "payment_method": "/v1/payment_methods",
    "payout": "/v1/payouts",
    "radar.early_fraud_warning": "/v1/radar/early_fraud_warnings",
    "refund": "/v1/refunds",
    "setup_intent": "/v1/setup_intents",
    "topup": "/v1/topups",
    "transfer": "/v1/transfers",
}


def references(catalog: Catalog, schema: Schema, value: dict[str, Any], path: str = "") -> Iterator[str]:
    """The dotted paths of the ids in an object that can be expanded."""
    properties = catalog.resolve(schema).properties
    for name, item in value.items():
        inner = properties.get(name)
        if inner is None:
            continue
        if isinstance(item, str) and catalog.resolve(inner).expandable:
            yield path + name
        elif isinstance(item, dict) and "object" not in item:
            yield from references(catalog, inner, item, f"{path}{name}.")


@pytest.mark.parametrize(("page", "lines"), flows())
def test_what_an_object_refers_to_can_be_expanded(
    stripe: Catalog, api: Api, clock: Clock, page: str, lines: list[str]
) -> None:
    """Each id that may be expanded is replaced by the object of that id. https://docs.stripe.com/expand"""
    carry_out(api, clock, lines)
    accounts: list[dict[str, str]] = [{}, *({"Stripe_Account": id} for id in api.ids("/v1/accounts"))]
    for headers in accounts:
        for kind, path in LISTS.items():
            _, found = api.ask("GET", f"{path}?limit=100", **headers)
            for value in found["data"] if not (headers and kind == "account") else ():
                for place in references(stripe, stripe.schema(kind), value):
                    status, answer = api.ask("GET", f"{path}/{value['id']}?expand[]={place}", **headers)
                    assert status == 200, (kind, place, answer)
                    was, got = value, answer
                    for name in place.split("."):
                        was, got = was[name], got[name]
                    assert got["id"] == was, (kind, place)


def everything(api: Api, path: str, headers: dict[str, str]) -> list[Any]:
    """All objects of a list."""
    status, found = api.ask("GET", f"{path}?limit=100", **headers)
    assert (status, found["has_more"]) == (200, False)
    return list(found["data"])


def refunded(api: Api, headers: dict[str, str]) -> Counter[str]:
    """How much was refunded of each charge, without what came back."""
    sums: Counter[str] = Counter()
    for refund in everything(api, "/v1/refunds", headers):
        if refund["status"] in ("succeeded", "pending"):
            sums[refund["charge"]] += refund["amount"]
    return sums


@pytest.mark.parametrize(("page", "lines"), flows())
def test_the_books_add_up(api: Api, clock: Clock, page: str, lines: list[str]) -> None:
    """Balances are the sums of their transactions, and objects count what was taken back of them."""
    carry_out(api, clock, lines)
    accounts: list[dict[str, str]] = [{}, *({"Stripe_Account": id} for id in api.ids("/v1/accounts"))]
    for headers in accounts:
        sums = Counter({} if headers else OPENING)
        for entry in everything(api, "/v1/balance_transactions", headers):
            assert entry["net"] == entry["amount"] - entry["fee"]
            assert entry["fee"] == sum(detail["amount"] for detail in entry["fee_details"])
            sums[entry["currency"]] += entry["net"]
        _, balance = api.ask("GET", "/v1/balance", **headers)
        parts = [*balance["available"], *balance["pending"]]
        assert {name: sum(p["amount"] for p in parts if p["currency"] == name) for name in sums} == dict(sums)
        given_back = refunded(api, headers)
        for charge in everything(api, "/v1/charges", headers):
            if charge["captured"] or charge["amount_captured"]:
                assert charge["amount_refunded"] == given_back[charge["id"]] <= charge["amount_captured"]
        for transfer in everything(api, "/v1/transfers", headers):
            assert transfer["amount_reversed"] == sum(back["amount"] for back in transfer["reversals"]["data"])
        for fee in everything(api, "/v1/application_fees", headers):
            assert fee["amount_refunded"] == sum(back["amount"] for back in fee["refunds"]["data"]) <= fee["amount"]
