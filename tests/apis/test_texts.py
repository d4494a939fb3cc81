"""Texts where numbers are due: taken where they are an integer's plain digits, else the way out is told."""

from __future__ import annotations

from typing import Any

import pytest

from host.apis.catalog import Catalog
from host.apis.options import CallOptions
from host.apis.prepare import prepare
from host.apis.scalars import whole
from host.errors import InvalidCall
from tests.apis.documents import answers, small, takes

INTEGERS = {"0": 0, "7": 7, "2000": 2000, "-5": -5, str(2**63 - 1): 2**63 - 1, str(-(2**63)): -(2**63)}
OTHERS = (
    "", " ", " 2000", "2000 ", "2e3", "2000.0", "2.5", "0x10", "+5", "007", "-0", "--5", "2,000", "2_000", "2x",
    "nan", "inf", "٣", "²", "2\n", str(2**63), "9" * 400,
)  # fmt: skip


@pytest.mark.parametrize("text", [*INTEGERS, *OTHERS])
def test_only_plain_digits_are_an_integer(text: str) -> None:
    """The whole rule, as a table."""
    assert whole(text) == INTEGERS.get(text)


def sent(catalog: Catalog, id: str, arguments: dict[str, Any]) -> str:
    operation = catalog.operation(id)
    assert operation is not None
    request = prepare(catalog, operation, arguments, base_url=catalog.base_url)
    return (request.content or request.url.partition("?")[2].encode()).decode()


ITEMS: dict[str, Any] = {"customer": "c", "items": [{"price": "p"}]}
PLACES: list[tuple[str, dict[str, Any], str, str]] = [
    # operation, arguments, the path of the text among them, how 12 goes out
    ("products.list", {}, "limit", "limit=12"),
    ("subscriptions.create", ITEMS, "trial_period_days", "trial_period_days=12"),
    ("subscriptions.create", ITEMS, "items.0.quantity", "items[0][quantity]=12"),
    ("coupons.create", {"duration": "once"}, "percent_off", "percent_off=12"),
]


def put(arguments: Any, path: str, value: Any) -> Any:
    step, _, rest = path.partition(".")
    key: Any = int(step) if step.isdecimal() else step
    copy = list(arguments) if isinstance(arguments, list) else dict(arguments)
    copy[key] = put(copy[key], rest, value) if rest else value
    return copy


@pytest.mark.parametrize(("id", "arguments", "path", "out"), PLACES)
def test_digits_are_sent_as_the_integer_wherever_one_is_due(
    stripe: Catalog, id: str, arguments: dict[str, Any], path: str, out: str
) -> None:
    """In queries, bodies and nested tables."""
    assert out in sent(stripe, id, put(arguments, path, "12"))
    for bad in ("2x", "1e3", " 2"):
        with pytest.raises(InvalidCall, match="tonumber"):
            sent(stripe, id, put(arguments, path, bad))


def test_another_apis_json_has_the_number() -> None:
    """Not the text."""
    schema = {"type": "object", "properties": {"age": {"type": "integer"}, "weight": {"type": "number"}}}
    catalog = small({"/pets": {"post": {"requestBody": takes(schema), "responses": answers(schema)}}})
    assert sent(catalog, "pets.create", {"age": "3", "weight": "4"}) == '{"age":3,"weight":4}'
    with pytest.raises(InvalidCall, match="tonumber"):
        sent(catalog, "pets.create", {"weight": "4.5"})


@pytest.mark.parametrize("name", ["amount", "application_fee_amount"])
def test_an_amount_of_money_is_not_taken_from_text(stripe: Catalog, name: str) -> None:
    """A file has "20" for twenty dollars as well as "2000": the script says tonumber, and so which it is."""
    arguments = {"amount": 2000, "currency": "usd", name: "2000"}
    with pytest.raises(InvalidCall, match=f"{name}: expected an integer in minor units .*tonumber"):
        sent(stripe, "payment_intents.create", arguments)


def test_request_options_take_digits_too() -> None:
    """Of the command line, say."""
    assert CallOptions.parse({"retries": "3", "timeout": "20"}) == CallOptions(retries=3, timeout=20.0)


def test_booleans_of_a_file_are_to_be_compared(stripe: Catalog) -> None:
    """What "true" and "false" are is the file's to say."""
    with pytest.raises(InvalidCall, match='value == "true"'):
        sent(stripe, "products.create", {"name": "x", "active": "false"})


@pytest.mark.parametrize(
    ("id", "arguments", "said"),
    [
        ("subscriptions.create", {"customer": {"id": "cus_1", "object": "customer"}}, r"give its \.id"),
        ("products.create", {"name": {"data": [], "has_more": False}}, r"items are in its \.data"),
        (
            "subscriptions.create",
            {"customer": "c", "items": {"object": "list", "data": [], "has_more": False}},
            r"items are in its \.data",
        ),
    ],
)
def test_a_whole_object_or_page_in_place_of_an_id_is_named(
    stripe: Catalog, id: str, arguments: dict[str, Any], said: str
) -> None:
    """The next step is one word."""
    with pytest.raises(InvalidCall, match=said):
        sent(stripe, id, arguments)
