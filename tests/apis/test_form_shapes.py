"""A form written by a prepared encoder is the one that the general way writes, or is refused in the same words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.apis.catalog import Catalog, Operation
from host.apis.form_shapes import LONGEST_NAMES, MOST_SHAPES
from host.apis.plan import plan_of
from host.apis.prepare import prepare
from host.apis.stripe import load
from host.errors import InvalidCall
from host.http.message import Request

BASE = "https://api.stripe.com"
CATALOG = load()


def _forms() -> list[Operation]:
    """All operations of the catalog that have prepared encoders."""
    found = [CATALOG.operation(id) for id in CATALOG.operation_ids()]
    return [each for each in found if each is not None and plan_of(CATALOG, each).shapes is not None]


FORMS = _forms()
TEXTS = st.text(max_size=12) | st.sampled_from(["", "a b", "x&y=z", "100%", "é", "+", "[0]", "true", "2000", "usd"])
VALUES = (
    TEXTS
    | st.integers(-(2**53), 2**53)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.none()
    | st.dictionaries(TEXTS, TEXTS, max_size=4)
    | st.dictionaries(TEXTS, TEXTS | st.integers(), max_size=2)
    | st.lists(TEXTS, max_size=2)
)


@st.composite
def calls(draw: Callable[..., Any]) -> tuple[Operation, dict[str, Any]]:
    """An operation with some of its parameters, by either of their names, now and then one it has not."""
    operation: Operation = draw(st.sampled_from(FORMS))
    names = st.sampled_from([*operation.params, "metadata", "no_such_thing"])
    return operation, draw(st.dictionaries(names, VALUES, max_size=4))


def told(make: Callable[[], Request]) -> Request | str:
    try:
        return make()
    except InvalidCall as error:
        return f"{error.message} ({error.param})"


def generally(catalog: Catalog, operation: Operation, arguments: dict[str, Any]) -> Request | str:
    """What the general way makes of a call."""
    plan = plan_of(catalog, operation)
    shapes, plan.shapes = plan.shapes, None
    try:
        return told(lambda: prepare(catalog, operation, arguments, base_url=BASE, key="key_1"))
    finally:
        plan.shapes = shapes


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls())
def test_a_prepared_form_is_what_the_general_way_writes(call: tuple[Operation, dict[str, Any]]) -> None:
    """Byte for byte, with the same headers and URL, when the shape is learned and when it is known; so are refusals."""
    operation, arguments = call
    expected = generally(CATALOG, operation, arguments)
    for _ in range(2):
        assert told(lambda: prepare(CATALOG, operation, arguments, base_url=BASE, key="key_1")) == expected


def test_most_operations_of_the_catalog_have_a_prepared_form_for_their_texts() -> None:
    """An encoder that is never used would agree with anything."""
    used = 0
    for operation in FORMS:
        plan = plan_of(CATALOG, operation)
        names = [name for name, entry in plan.entries.items() if entry.is_text and name not in plan.required]
        arguments = dict.fromkeys((*plan.required, *names[:2]), "a text & more")
        assert plan.shapes is not None
        used += plan.shapes.body(arguments) is not None
    assert used > len(FORMS) / 2


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"name": "a b"}, b"name=a+b"),
        ({"name": "50% & ü"}, b"name=50%25+%26+%C3%BC"),
        ({"name": "x", "metadata": {"b": "2", "a": "1 1"}}, b"name=x&metadata[a]=1+1&metadata[b]=2"),
        ({"metadata": {"a%": "1"}, "name": "x"}, b"metadata[a%25]=1&name=x"),
        ({"name": "x", "active": True}, b"name=x&active=true"),
        ({"name": "x", "metadata": {}}, b"name=x"),
    ],
)
def test_forms_are_stripes(arguments: dict[str, Any], body: bytes) -> None:
    """Spaces as a plus, a map's names in brackets and in an order of their own, whatever order it came in."""
    operation = CATALOG.operation("products.create")
    assert operation is not None
    for _ in range(2):
        assert prepare(CATALOG, operation, arguments, base_url=BASE).content == body


def test_a_value_is_checked_each_time_not_only_when_its_shape_is_learned() -> None:
    """The second call of a shape is refused for a value the first one did not have."""
    operation = CATALOG.operation("prices.create")
    assert operation is not None
    good = {"currency": "usd", "unit_amount": 1000, "product": "prod_1"}
    assert b"unit_amount=1000" in prepare(CATALOG, operation, good, base_url=BASE).content
    with pytest.raises(InvalidCall, match="unit_amount"):
        prepare(CATALOG, operation, {**good, "unit_amount": 10.5}, base_url=BASE)
    with pytest.raises(InvalidCall, match="tax_behavior"):
        prepare(CATALOG, operation, {**good, "tax_behavior": "exclusiv"}, base_url=BASE)


def test_what_is_remembered_of_shapes_is_bounded() -> None:
    """A script that makes up names of metadata, or very long ones, does not fill the host's memory."""
    operation = CATALOG.operation("products.create")
    assert operation is not None
    shapes = plan_of(CATALOG, operation).shapes
    assert shapes is not None
    for n in range(3 * MOST_SHAPES):
        assert shapes.body({"name": "x", "metadata": {f"key {n}": "v"}}) == b"name=x&metadata[key+%d]=v" % n
        assert len(shapes._shapes) <= MOST_SHAPES
    long = "k" * (LONGEST_NAMES + 1)
    assert shapes.body({"name": "x", "metadata": {long: "v"}}) is not None
    assert all(long not in part for key in shapes._shapes for part in key if isinstance(part, tuple))
