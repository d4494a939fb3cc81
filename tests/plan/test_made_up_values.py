"""The made-up result of a function is of the type that the function says it returns, or the plan says that none is."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pydantic
import pytest

from host import Host
from host.plan.made_up_values import NotMadeUp, made_up_value
from host.plan.plan import Plan
from host.plan.planned_values import PlannedNames
from tests.durable.lab import Lab


class Size(enum.Enum):
    """Texts."""

    SMALL = "s"
    LARGE = "l"


class Level(enum.IntEnum):
    """Numbers, none of which is 0."""

    LOW = 1


@dataclasses.dataclass
class Line:
    """Fields of texts and numbers."""

    sku: str
    count: int


@dataclasses.dataclass
class Order:
    """Fields that are lists and classes, one of them its own."""

    id: str
    lines: list[Line]
    first: Line
    next: Order | None
    wait: datetime.timedelta
    note: str | None = None


@dataclasses.dataclass
class Endless:
    """What no finite value is of."""

    next: Endless


class Priced(msgspec.Struct, tag="priced", rename="camel"):
    """Scripts see other names than the program."""

    unit_price: int
    size: Size
    paid: bool


class Row(TypedDict):
    """A table with an id that is a number."""

    id: int
    name: str


class Pair(NamedTuple):
    """Fields that scripts see as a list."""

    left: str
    right: float


class Model(pydantic.BaseModel):
    """A pydantic model, with an alias."""

    id: str
    line_count: int = pydantic.Field(alias="lineCount")
    lines: list[Line]
    kind: Literal["a", "b"]


class Client(dict[str, Any]):
    """An object as an API's own client returns it."""


class Opaque:
    """What does not cross to Lua."""


TEXT = "planned_change_1"
LINE = {"sku": "planned_sku_1", "count": 0}
TYPES: list[tuple[Any, Any]] = [
    (type(None), None), (int, 0), (float, 0), (bool, True), (str, TEXT), (bytes, TEXT.encode()),
    (Any, {"id": TEXT}), (object, {"id": TEXT}), (dict, {"id": TEXT}), (dict[str, Any], {"id": TEXT}),
    (dict[str, object], {"id": TEXT}), (dict[str, str], {"id": TEXT}), (dict[str, int], {}), (dict[int, str], {}),
    (Mapping[str, int], {}), (Client, {"id": TEXT}),
    (list, []), (list[str], []), (list[Line], []), (set[int], []), (tuple[int, ...], []), (Sequence[Line], []),
    (tuple[str, int], [TEXT, 0]), (Pair, ["planned_left_1", 0]),
    (Annotated[list[int], msgspec.Meta(min_length=2)], [0, 0]),
    (str | None, TEXT), (None | int, 0), (list[str] | None, []), (int | str, 0), (Line | None, LINE),
    (Line | Model, LINE), (Opaque | None, None), (Opaque | str, TEXT), (Endless | None, None),
    (Literal["done", "failed"], "done"), (Literal[3, 4], 3), (Size, "s"), (Level, 1), (Size | None, "s"),
    (Annotated[int, msgspec.Meta(ge=5)], 5), (Annotated[int, msgspec.Meta(gt=5, multiple_of=4)], 8),
    (Annotated[int, msgspec.Meta(lt=-1)], -2),
    (datetime.datetime, "1970-01-01T00:00:00Z"), (datetime.date, "1970-01-01"), (datetime.time, "00:00:00"),
    (datetime.timedelta, 0), (decimal.Decimal, "0"), (uuid.UUID, "00000000-0000-0000-0000-000000000000"),
    (Awaitable[str], TEXT), (Line, LINE), (Row, {"id": 2_140_000_001, "name": "planned_name_1"}),
    (Order, {"id": TEXT, "lines": [], "first": LINE, "next": None, "wait": 0, "note": "planned_note_1"}),
    (Priced, {"type": "priced", "unitPrice": 0, "size": "s", "paid": True}),
    (Model, {"id": TEXT, "lineCount": 0, "lines": [], "kind": "a"}),
]  # fmt: skip
NONE: list[Any] = [
    Opaque, Callable[[], int], Endless, tuple[int, Opaque], Annotated[str, msgspec.Meta(pattern="^a$")],
    Opaque | Endless,
]  # fmt: skip


@pytest.mark.parametrize(("hint", "value"), TYPES, ids=str)
def test_the_made_up_value_is_of_the_declared_type(hint: Any, value: Any) -> None:
    """Texts and ids are planned ones, everything else is the least that the type allows."""
    assert made_up_value(hint, PlannedNames(), "change") == value


@pytest.mark.parametrize("hint", NONE, ids=str)
def test_a_type_of_which_nothing_can_be_made_up_is_an_error(hint: Any) -> None:
    """Rather than a value of another type."""
    with pytest.raises(NotMadeUp, match=r"\w"):
        made_up_value(hint, PlannedNames(), "change")


def planned(code: str, hint: Any) -> Plan:
    """The plan of a script that may call ``change``, a function whose result is annotated so."""

    def change() -> Any:
        raise AssertionError("it was called")

    change.__annotations__["return"] = hint
    with Host(simulate=True) as host:
        host.function(change, effect="write")
        return host.plan(code)


@pytest.mark.parametrize(("hint", "value"), TYPES, ids=str)
def test_the_plan_gives_the_script_the_value_of_the_annotation(hint: Any, value: Any) -> None:
    """In a plan, the call of a function of every type succeeds, and is a change."""
    plan = planned("local value = change()\nlog.info(type(value))", hint)
    assert plan.error is None
    assert [each.operation for each in plan.changes] == ["change"]
    empty = ["change: its result is planned as an empty table; what follows may differ"]
    assert [each.text for each in plan.unforeseen] == (empty if value in ([], {}) else [])


@pytest.mark.parametrize("hint", NONE, ids=str)
def test_a_result_that_cannot_be_made_up_is_the_script_s_error(hint: Any) -> None:
    """It names the function and its annotation; the script goes no further with a wrong value."""
    plan = planned("change()", hint)
    assert plan.error is not None
    assert "change: its return annotation" in plan.error.message
    assert "gives no result for a plan: " in plan.error.message


def test_planned_members_of_a_result_become_the_real_ones(lab: Lab) -> None:
    """What a script hands on from a planned dataclass is what the function returns when the plan is applied."""
    made: list[str] = []

    def change() -> Line:
        return Line("real", 2)

    def pair() -> tuple[str, int]:
        return "left", 2

    def keep(sku: str) -> Size:
        made.append(sku)
        return Size.LARGE

    with lab.host() as host:
        host.function(change, effect="write")
        host.function(pair, effect="write")
        host.function(keep, effect="write")
        plan = host.plan("local line = change()\nkeep(line.sku)\nkeep(pair()[1])")
        assert plan.error is None
        assert made == []
        result = host.apply(plan)
        assert result.error is None
    assert made == ["real", "left"]
