"""The ``param`` of an error is a parameter of the request, at its full path. https://docs.stripe.com/api/errors"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from host.apis.catalog import Catalog, Operation
from host.simulator.simulator import Simulator
from tests.simulator.catalog_walk import NOW, Walk, flat
from tests.simulator.conftest import Api
from tests.simulator.error_params import is_parameter, unusual

# Parameters of errors that their operation does not have, each with the reason.
ELSEWHERE = {
    "payment_intents.confirm currency": "the currency of the intent, which the chosen method does not support",
    "tokens.create exp_month": "card errors name the card's member alone: https://docs.stripe.com/error-codes",
    "tokens.create exp_year": "card errors name the card's member alone",
    "tokens.create number": "card errors name the card's member alone",
}

_LACKING = "says what the given parameters need"
# Errors whose parameter was not given, though none is said to be missing, each with the reason.
NOT_GIVEN = {
    "apps.secrets.create scope[user]": _LACKING,
    "apps.secrets.delete_where scope[user]": _LACKING,
    "apps.secrets.find scope[user]": _LACKING,
    "credit_notes.create credit_amount": "the sum of several parameters is wrong",
    "payment_intents.confirm currency": "the currency of the intent",
    "payment_intents.confirm payment_method": "the method that is described beside it",
    "payment_intents.update currency": "the currency of the intent",
    "plans.create tiers": _LACKING,
    "plans.create usage_type": _LACKING,
    "prices.create recurring[usage_type]": _LACKING,
    "prices.create tiers": _LACKING,
    "subscription_schedules.update phases[0][start_date]": _LACKING,
    "test_helpers.confirmation_tokens.create payment_method": _LACKING,
    "tokens.create exp_month": "is card[exp_month]",
    "tokens.create number": "is card[number]",
    "transfers.reversals.create amount": "nothing is left to be reversed",
}


def test_each_error_names_a_parameter_of_its_operation(stripe: Catalog) -> None:
    """Whatever value any parameter is given, at any depth, an error names a parameter that the operation has, and one
    that was given unless it is missing.
    """
    walk = Walk(Api(Simulator(stripe, clock=lambda: float(NOW), seed=1)), stripe)
    wrong: dict[str, str] = {}
    other: dict[str, str] = {}
    named = 0
    for op in walk.operations("create", "update", "delete", "act", "single", "compute"):
        for path, params in unusual(walk, op):
            status, answer = walk.ask(op.id, params)
            assert status in (200, 204, 400, 402, 403, 404, 501), (op.id, path, answer)
            error = answer.get("error") or {} if isinstance(answer, dict) and status >= 400 else {}
            if name := error.get("param"):
                named += 1
                place, why = f"{op.id} {name}", f"{path}: {error['message']}"
                if not is_parameter(stripe, op, name):
                    wrong.setdefault(place, why)
                if error.get("code") not in ("parameter_missing", "not_simulated") and not _given(op, name, params):
                    other.setdefault(place, why)
    assert {place: why for place, why in wrong.items() if place not in ELSEWHERE} == {}
    assert {place: why for place, why in other.items() if place not in NOT_GIVEN} == {}
    assert named > 5000


def _given(op: Operation, name: str, params: dict[str, Any]) -> bool:
    """Whether the request has the parameter, or something in it."""
    if name in op.path_params or name == "id":
        return True
    return any(f"{given}[".startswith(f"{name}[") for given, _ in flat(params))


_TIERED = {"billing_scheme": "tiered", "tiers_mode": "graduated"}
_LATER = {"interval": "month"}
_BROKEN = [{"up_to": 5, "unit_amount": 1}, {"up_to": 3, "unit_amount": 2}]
_PRICE = {"currency": "usd", "unit_amount": 100}


@pytest.mark.parametrize(
    ("path", "params", "param"),
    [
        ("prices", {**_TIERED, "currency": "usd", "product": "P", "tiers": _BROKEN}, "tiers[1][up_to]"),
        (
            "prices",
            {**_PRICE, "product": "P", "currency_options": {"eur": {"tiers": _BROKEN}}},
            "currency_options[eur][tiers][1][up_to]",
        ),
        ("products", {"name": "x", "default_price_data": {"currency": "usd"}}, "default_price_data[unit_amount]"),
        (
            "products",
            {"name": "x", "default_price_data": {**_PRICE, "currency_options": {"eur": {"tiers": _BROKEN}}}},
            "default_price_data[currency_options][eur][tiers][1][up_to]",
        ),
        (
            "products",
            {"name": "x", "default_price_data": {**_PRICE, "recurring": {"interval": "year", "interval_count": 9}}},
            "default_price_data[recurring][interval_count]",
        ),
        ("plans", {"currency": "usd", "product": "P", **_LATER, "amount": -1}, "amount"),
        ("plans", {"currency": "usd", "product": "P", **_LATER, "amount": 1, "interval_count": 99}, "interval_count"),
        (
            "checkout/sessions",
            {
                "mode": "payment",
                "success_url": "https://example.com",
                "line_items": [{"price_data": {"currency": "usd", "product": "P", "unit_amount": -5}, "quantity": 1}],
            },
            "line_items[0][price_data][unit_amount]",
        ),
    ],
)
def test_a_nested_parameter_has_its_whole_path(api: Api, path: str, params: dict[str, Any], param: str) -> None:
    """The same check of a price names the parameter wherever the price is described."""
    api.post("/v1/products", "id=P&name=x")
    status, error = api.error("POST", f"/v1/{path}", urlencode(list(flat(params))))
    assert (status, error["param"]) == (400, param), error


def test_work_of_another_operation_is_named_as_asked(api: Api, payer: str, price: str) -> None:
    """A plan is made as a price, an item by a change of its subscription, a phase as a subscription: the names are
    those of the request, in the message too.
    """
    made = api.post("/v1/subscriptions", f"customer={payer}&items[0][price]={price}")
    fields = f"subscription={made['id']}&price={price}"
    assert api.error("POST", "/v1/subscription_items", fields)[1]["param"] == "price"
    error = api.error("POST", "/v1/plans", "currency=usd&interval=month&product=P&amount=1&amount_decimal=1")[1]
    assert error["message"] == "No such product: 'P'"
    api.post("/v1/products", "id=P&name=x")
    error = api.error("POST", "/v1/plans", "currency=usd&interval=month&product=P&amount=1&amount_decimal=1")[1]
    assert error["message"] == "You may only specify one of these parameters: amount, amount_decimal."
    phase = f"customer={payer}&start_date=now&phases[0][items][0][price]={price}"
    error = api.error("POST", "/v1/subscription_schedules", f"{phase}&phases[0][on_behalf_of]=acct_x")[1]
    assert (error["message"], error["param"]) == ("No such account: 'acct_x'", "phases[0][on_behalf_of]")
    error = api.error("POST", "/v1/subscription_schedules", f"{phase}&default_settings[on_behalf_of]=acct_x")[1]
    assert error["param"] == "default_settings[on_behalf_of]"
