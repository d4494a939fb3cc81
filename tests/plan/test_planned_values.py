"""Values that stand for the API's: told from others, found in answers, exchanged for the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from host.plan.planned_values import PlannedNames, holds_planned, json_plain, member, planned_members, with_real_values


def test_no_two_names_are_the_same_whatever_they_are_of() -> None:
    """Each is known as planned, also in the middle of a text."""
    names = PlannedNames()
    kinds = ["customer", "customer", "tax.id", "Tax Id", "", "v2.core.event", "1", "planned_customer_1"]
    made = [names.new(kind) for kind in kinds]
    assert len(set(made)) == len(kinds)
    assert all(name.startswith("planned_") and holds_planned({"a": [f"for {name}!"]}) for name in made)
    assert dict(planned_members({str(n): name for n, name in enumerate(made)})) == {
        str(n): name for n, name in enumerate(made)
    }


def test_what_is_found_in_an_answer_is_where_it_says() -> None:
    """Also within a body that is JSON."""
    number = PlannedNames().number()
    value = {"id": "planned_a_1", "in": {"n": number}, "body": b'{"id":"planned_b_1"}', "is": "planned", "x": 5}
    found = dict(planned_members(value))
    assert found == {"id": "planned_a_1", "in.n": number, "body().id": "planned_b_1"}
    assert {path: member(value, path) for path in found} == found
    assert member({"in": 5}, "in.n.x") is None
    assert dict(planned_members("planned_a_1")) == {"": "planned_a_1"}


@pytest.mark.parametrize(
    ("planned", "real"),
    [
        ("planned_a_1", "a_x"),
        ("for planned_a_1, planned_a_10", "for a_x, a_y"),
        ({"n": [2_140_000_001, True, 1.5, None]}, {"n": [7, True, 1.5, None]}),
        ("no 2140000001 of 12140000001", "no 7 of 12140000001"),
        ("planned_b_1", "planned_b_1"),
    ],
)
def test_planned_values_are_exchanged_for_the_real_ones(planned: Any, real: Any) -> None:
    """Whole ones keep their type; one that is not known stays."""
    known = {"planned_a_1": "a_x", "planned_a_10": "a_y", 2_140_000_001: 7}
    assert with_real_values(planned, known) == real


def test_what_a_plan_holds_is_json() -> None:
    """Whatever a script gives."""
    given = {1: b"\xff", "f": 2.0, "inf": float("inf"), "t": (1, [None])}
    assert json_plain(given) == {"1": "\\xff", "f": 2, "inf": "inf", "t": [1, [None]]}


def test_planned_values_in_lists_are_found_by_their_place() -> None:
    """A pair, a list of tables: each value has a path, and the path leads to the real one."""
    made = {"data": [{"id": "planned_a_1"}, "planned_a_2"], "0": "planned_a_3"}
    found = dict(planned_members(made))
    assert found == {"data.0.id": "planned_a_1", "data.1": "planned_a_2", "0": "planned_a_3"}
    real = {"data": [{"id": "one"}, "two"], "0": "three"}
    assert [member(real, path) for path in found] == ["one", "two", "three"]
    assert dict(planned_members(["planned_a_1"])) == {"0": "planned_a_1"}
    assert [member(["one"], path) for path in ("0", "1", "x", "0.x")] == ["one", None, None, None]
