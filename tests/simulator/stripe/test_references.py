"""After each flow: whatever an object refers to can be expanded, in the platform's world and in its accounts'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from host.apis.catalog import Catalog, Schema
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
    worlds: list[dict[str, str]] = [{}, *({"Stripe_Account": id} for id in api.ids("/v1/accounts"))]
    for headers in worlds:
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
