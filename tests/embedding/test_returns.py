"""returns=Type: a script's value as what the program wants, or an error that says where it does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from host import Host, UsageError


@dataclass
class Line:
    sku: str
    count: int = 1


@dataclass
class Order:
    day: date
    lines: list[Line] = field(default_factory=list)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True) as opened:
        yield opened


@pytest.mark.parametrize(
    ("code", "kind", "value"),
    [
        ('{day = "2026-01-02", lines = {{sku = "a"}}}', Order, Order(date(2026, 1, 2), [Line("a")])),
        ('{day = "2026-01-02", lines = {}}', Order, Order(date(2026, 1, 2), [])),
        ("{1, 2}", tuple[int, int], (1, 2)),
        ("{}", list[Line], []),
        ("nil", int | None, None),
        ("3", float, 3.0),
        ("3", Any, 3),
    ],
)
def test_the_value_is_decoded(host: Host, code: str, kind: Any, value: Any) -> None:
    """By the table of docs/values.md, nested as it may be."""
    assert host.run_source(f"return {code}", returns=kind).raise_for_error().value == value


async def test_the_same_with_await(host: Host) -> None:
    """run_async and run_source_async take it too."""
    assert (await host.run_source_async("return {}", returns=list[int])).value == []
    assert (await host.run_async(host.compile("return (1)"), returns=float)).value == 1.0


def test_what_does_not_fit_is_an_error_of_the_result(host: Host) -> None:
    """The path is named; nothing is raised unless asked."""
    result = host.run_source('return {day = "2026-01-02", lines = {{sku = 5}}}', returns=Order)
    assert (result.value, result.ok) == (None, False)
    assert result.error is not None
    assert result.error.message == "the script's returned value.lines[1].sku: expected a string, got an integer"
    failed = host.run_source("error('first')", returns=Order)
    assert failed.error is not None
    assert failed.error.message == "first"


def test_a_type_no_value_can_become_is_refused(host: Host) -> None:
    """That is the program's mistake, not the script's."""
    from collections.abc import Callable

    with pytest.raises(UsageError, match="Lua functions do not cross"):
        host.run_source("return 1", returns=Callable[[], int])
