"""What is said of an amount with a fraction: the way to the rounded figure, and never to a hundred times the money."""

from __future__ import annotations

import math
import re

import pytest

from host.apis.amounts import THREE_DECIMALS, ZERO_DECIMALS, is_money
from host.apis.catalog import Catalog, Operation, Schema
from host.apis.prepare import check_value, prepare
from host.errors import InvalidCall

FRACTIONS = (19.99 * 100, 15.75, 500.5, 29.99, 3.07, 1.005 * 100, 8.7 * 100, -15.75, 123456.789)


def message(stripe: Catalog, id: str, arguments: dict[str, object]) -> str:
    operation = stripe.operation(id)
    assert operation is not None
    with pytest.raises(InvalidCall) as caught:
        prepare(stripe, operation, arguments, base_url=stripe.base_url)
    return caught.value.message


def integers(catalog: Catalog, schema: Schema, path: tuple[str, ...], depth: int = 0) -> list[tuple[str, ...]]:
    """Paths of the integers below a parameter."""
    shape = catalog.resolve(schema)
    found = [path] if shape.type == "integer" else []
    if depth < 4:
        for name, each in shape.properties.items():
            found += integers(catalog, each, (*path, name), depth + 1)
    return found


def amounts(catalog: Catalog) -> list[tuple[Operation, tuple[str, ...]]]:
    """Every amount that any operation takes."""
    found = []
    for id in catalog.operation_ids():
        operation = catalog.operation(id)
        assert operation is not None
        for name, param in operation.params.items():
            paths = integers(catalog, param.schema, (name,))
            found += [(operation, path) for path in paths if is_money(path[-1])]
    return found


@pytest.mark.parametrize("currency", ["usd", "JPY", "kwd", None])
def test_no_amount_of_any_operation_is_told_a_multiple(stripe: Catalog, currency: str | None) -> None:
    """The walk over all amounts: the rounded figure is told, ten, a hundred or a thousand times it never is."""
    places = amounts(stripe)
    assert len(places) > 100
    for operation, path in places:
        for value in FRACTIONS:
            given: object = value
            for step in reversed(path[1:]):
                given = {step: given} if currency is None else {step: given, "currency": currency}
            try:
                check_value(stripe, operation, path[0], given, currency)
            except InvalidCall as error:
                said = error.message
                if "currency" in said:  # no currency stands beside this one
                    continue
            else:
                pytest.fail(f"{operation.id} takes {value} for {path}")
            advice = said.partition("got ")[2].partition("; ")[2]
            figures = {int(text) for text in re.findall(r"-?\d+(?![.\d])", advice)}
            assert math.floor(value + 0.5) in figures, said
            if value != 29.99:  # the example's own
                assert not {round(value * times) for times in (10, 100, 1000)} & figures - {1000, 2999}, said


def test_the_currency_beside_the_amount_is_looked_at(stripe: Catalog) -> None:
    """At the top and in a nested table; given to a builder before the amount it counts too."""
    said = message(stripe, "payment_intents.create", {"amount": 500.5, "currency": "JPY"})
    assert "jpy has no decimals" in said
    assert "rounds it to 501" in said
    nested = {"currency": "usd", "unit_amount": 5, "currency_options": {"kwd": {"unit_amount": 1.5}}}
    assert "unit_amount" in message(stripe, "prices.create", nested)
    session = {"mode": "payment", "line_items": [{"price_data": {"currency": "krw", "unit_amount": 1.5}}]}
    assert "krw has no decimals" in message(stripe, "checkout.sessions.create", session)
    operation = stripe.operation("prices.create")
    assert operation is not None
    with pytest.raises(InvalidCall, match="bhd has three decimals"):
        check_value(stripe, operation, "unit_amount", 1.5, "bhd")


def test_what_a_product_of_floats_missed_by_a_hair_leads_to_the_whole_number(stripe: Catalog) -> None:
    """19.99 * 100 is 1998.9999999999998."""
    said = message(stripe, "payment_intents.create", {"amount": 19.99 * 100, "currency": "usd"})
    assert "rounds it to 1999" in said
    assert "29.99" not in said


def test_fractions_of_what_is_no_money_say_nothing_of_cents(stripe: Catalog) -> None:
    """A quantity has no minor units."""
    said = message(stripe, "subscriptions.create", {"customer": "c", "items": [{"price": "p", "quantity": 1.5}]})
    assert said.endswith("items[1].quantity: expected an integer, got 1.5; math.floor(x + 0.5) rounds it to 2")


def test_the_lists_of_currencies_do_not_overlap() -> None:
    """Each currency has one number of decimals."""
    assert not ZERO_DECIMALS & THREE_DECIMALS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("amount", True),
        ("unit_amount", True),
        ("amount_to_capture", True),
        ("application_fee_amount", True),
        ("unitAmount", True),
        ("balance", True),
        ("quantity", False),
        ("limit", False),
        ("interval_count", False),
    ],
)
def test_amounts_are_known_by_their_names(name: str, expected: bool) -> None:
    """In either way of writing names."""
    assert is_money(name) is expected
