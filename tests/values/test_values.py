"""Every row of docs/values.md: how values cross, to Lua and to Python, and how what cannot cross says so."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec
import pytest
from pydantic import BaseModel

from host import Host

ROOT = Path(__file__).parent.parent.parent


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Kind(enum.StrEnum):
    NEW = "new"


@dataclass
class Point:
    x: int
    y: float = 0.5
    tags: list[str] = field(default_factory=list)


class Struct(msgspec.Struct, rename="camel"):
    unit_price: int
    note: str | None = None


class Model(BaseModel):
    when: date
    points: list[int] = []


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True) as opened:
        yield opened


@pytest.fixture
def names() -> Iterator[Any]:
    return (f"f_{uuid4().hex}" for _ in iter(int, 1))


TO_LUA: list[tuple[str, Any, str]] = [
    ("None", None, "v == nil"),
    ("bool", True, "v == true"),
    ("int", -3, "v == -3"),
    ("int at 2^53", 2**53, "v == 2^53"),
    ("int beyond 2^53", 2**53 + 1, 'v == "9007199254740993"'),
    ("int far below", -(10**30), 'v == "-1" .. string.rep("0", 30)'),
    ("float", 0.1, "v == 0.1"),
    ("integral float", 2.0, "v == 2"),
    ("infinity", float("inf"), "v == math.huge"),
    ("NaN", float("nan"), "v ~= v"),
    ("str", "é\0x", 'v == "\\195\\169\\0x"'),
    ("bytes", b"\xff\x00", 'v == "\\255\\0"'),
    ("bytearray", bytearray(b"ab"), 'v == "ab"'),
    ("memoryview", memoryview(b"ab"), 'v == "ab"'),
    ("list", [1, "a"], '#v == 2 and v[2] == "a"'),
    ("list with None", [1, None, 3], "v[1] == 1 and v[2] == nil and v[3] == 3"),
    ("empty list", [], 'next(v) == nil and json.encode(v) == "[]"'),
    ("empty dict", {}, 'next(v) == nil and json.encode(v) == "{}"'),
    ("tuple", (1, (2,)), "v[2][1] == 2"),
    ("set", {3, 1, 2}, "v[1] == 1 and v[3] == 3"),
    ("frozenset", frozenset("ba"), 'v[1] == "a" and v[2] == "b"'),
    ("dict", {"a": {"b": 1}}, "v.a.b == 1"),
    ("dict with None", {"a": None}, "v.a == nil"),
    ("dict of integers", {1: "x", 7: "y"}, 'v[1] == "x" and v[7] == "y"'),
    ("mapping", MappingProxyType({"a": 1}), "v.a == 1"),
    ("datetime", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 'v == "2026-01-02T03:04:05Z"'),
    ("naive datetime", datetime(2026, 1, 2, 3, 4, 5), 'v == "2026-01-02T03:04:05"'),
    ("date", date(2026, 1, 2), 'v == "2026-01-02"'),
    ("time", time(3, 4), 'v == "03:04:00"'),
    ("timedelta", timedelta(minutes=1.5), "v == 90"),
    ("Decimal", Decimal("1.10"), 'v == "1.10"'),
    ("UUID", UUID(int=1), 'v == "00000000-0000-0000-0000-000000000001"'),
    ("Enum", Color.RED, 'v == "red"'),
    ("IntEnum", Level.HIGH, "v == 3"),
    ("StrEnum", Kind.NEW, 'v == "new"'),
    ("Enum as a key", {Color.RED: 1}, "v.red == 1"),
    ("dataclass", Point(1), "v.x == 1 and v.y == 0.5 and #v.tags == 0"),
    ("msgspec", Struct(5), "v.unitPrice == 5 and v.note == nil"),
    ("pydantic", Model(when=date(2026, 1, 2), points=[1]), 'v.when == "2026-01-02" and v.points[1] == 1'),
]


@pytest.mark.parametrize(("value", "holds"), [row[1:] for row in TO_LUA], ids=[row[0] for row in TO_LUA])
def test_to_lua(host: Host, value: Any, holds: str, names: Iterator[str]) -> None:
    """What a function returns, as the script sees it; and the same as a global."""
    name = next(names)
    host.function(lambda: value, name=name, inline=True)
    assert host.run_source(f"local v = {name}() return {holds}").raise_for_error().value is True
    assert host.run_source(f"return {holds}", globals={"v": value}).raise_for_error().value is True


FROM_LUA: list[tuple[str, Any, str, Any]] = [
    ("nil", Any, "nil", None),
    ("json.null", Any, "json.null", None),
    ("boolean", bool, "false", False),
    ("integral number", Any, "3.0", 3),
    ("number", Any, "0.1", 0.1),
    ("number for float", float, "3", 3.0),
    ("string", str, '"é"', "é"),
    ("string that is not UTF-8", Any, '"\\255"', b"\xff"),
    ("string for bytes", bytes, '"ab"', b"ab"),
    ("not UTF-8 for bytes", bytes, '"\\255"', b"\xff"),
    ("digits for int", int, '"2000"', 2000),
    ("digits beyond 2^53 for int", int, '"9007199254740993"', 2**53 + 1),
    ("list", Any, "{1, {2}}", [1, [2]]),
    ("table", Any, "{a = 1}", {"a": 1}),
    ("number keys", Any, '{[5] = "x"}', {"5": "x"}),
    ("number keys for int keys", dict[int, str], '{[5] = "x"}', {5: "x"}),
    ("empty table", Any, "{}", {}),
    ("empty table for list", list[int], "{}", []),
    ("empty tables inside", dict[str, list[dict[str, int]]], "{a = {}, b = {{}}}", {"a": [], "b": [{}]}),
    ("list for tuple", tuple[int, str], '{1, "a"}', (1, "a")),
    ("list for set", set[int], "{1, 2, 1}", {1, 2}),
    ("text for datetime", datetime, '"2026-01-02T03:04:05Z"', datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ("text for date", date, '"2026-01-02"', date(2026, 1, 2)),
    ("seconds for timedelta", timedelta, "1.5", timedelta(seconds=1.5)),
    ("text for Decimal", Decimal, '"1.10"', Decimal("1.10")),
    ("number for Decimal", Decimal, "1.1", Decimal("1.1")),
    ("text for UUID", UUID, '"00000000-0000-0000-0000-000000000001"', UUID(int=1)),
    ("value for Enum", Color, '"red"', Color.RED),
    ("number for IntEnum", Level, "3", Level.HIGH),
    ("Literal", Literal["a", "b"], '"a"', "a"),
    ("optional", int | None, "nil", None),
    ("table for dataclass", Point, '{x = 1, tags = {"a"}}', Point(1, 0.5, ["a"])),
    ("table for msgspec", Struct, "{unitPrice = 5}", Struct(5)),
    ("table for pydantic", Model, '{when = "2026-01-02"}', Model(when=date(2026, 1, 2))),
    ("mapping", Mapping[str, int], "{a = 1}", {"a": 1}),
]


@pytest.mark.parametrize(("hint", "lua", "expected"), [row[1:] for row in FROM_LUA], ids=[row[0] for row in FROM_LUA])
def test_to_python(host: Host, hint: Any, lua: str, expected: Any, names: Iterator[str]) -> None:
    """What a script gives, as the function gets it, with and without an annotation that asks for more."""
    got: list[Any] = []

    def take(value: Any) -> None:
        got.append(value)

    take.__annotations__["value"] = hint
    name = next(names)
    host.function(take, name=name, inline=True)
    host.run_source(f"{name}({lua})").raise_for_error()
    assert got == [expected]
    assert type(got[0]) is type(expected)


CANNOT_TO_LUA: list[tuple[Any, str]] = [
    (object(), "the value is an object, which cannot cross to Lua"),
    ({"rows": [{"f": print}]}, "rows[1].f is a builtin_function_or_method, which cannot cross to Lua"),
    ({"a": {None: 1}}, "a has a key that is a NoneType, which Lua cannot take"),
    ({True: 1}, "the value has a key that is a bool, which Lua cannot take"),
    ({(1, 2): 1}, "the value has a key that is a tuple, which Lua cannot take"),
    ({float("nan"): 1}, "the value has a key that is a float, which Lua cannot take"),
    ("\ud800", "lone surrogates"),
    (ValueError("x"), "the value is a ValueError, which cannot cross to Lua"),
    ((n for n in ()), "the value is a generator, which cannot cross to Lua"),
]


@pytest.mark.parametrize(("value", "words"), CANNOT_TO_LUA)
def test_what_cannot_cross_to_lua_is_named(host: Host, value: Any, words: str, names: Iterator[str]) -> None:
    """Function, path and type; as an error of the script's line."""
    name = next(names)
    host.function(lambda: value, name=name, inline=True)
    error = host.run_source(f"local x = {name}()").error
    assert error is not None
    assert words in error.message
    assert error.message.startswith(f"{name}: its result cannot cross to Lua")
    assert (error.kind, error.line) == ("function", 1)


def test_a_value_that_contains_itself_is_refused(host: Host) -> None:
    """A cycle ends as an error, not as an endless walk."""
    loop: list[Any] = []
    loop.append(loop)
    error = host.run_source("return 1", globals={"loop": loop}).error
    assert error is not None
    assert "nested more than" in error.message


CANNOT_TO_PYTHON: list[tuple[str, str]] = [
    ("print", "a function cannot be sent"),
    ("coroutine.create(print)", "a thread cannot be sent"),
    ("new_product()", "a builder cannot be sent; pass its id"),
    ("{a = {1, print}}", "a[2]: a function cannot be sent"),
    ("0/0", "is not a number that can be sent"),
    ("1/0", "is not a number that can be sent"),
    ("2^60", "beyond 2^53"),
    ("{1, nil, 3}", "holes"),
    ("{1, a = 2}", "neither a list nor a map"),
    ("{[{}] = 1}", "keys are strings"),
    ("(function() local t = {} t.t = t return t end)()", "contains itself"),
]


@pytest.mark.parametrize(("lua", "words"), CANNOT_TO_PYTHON)
def test_what_cannot_cross_to_python_is_named(host: Host, lua: str, words: str, names: Iterator[str]) -> None:
    """The function is not called; the error says where in the argument and why."""
    called: list[Any] = []
    name = next(names)
    host.function(called.append, name=name)
    error = host.run_source(f"{name}({lua})").error
    assert error is not None
    assert words in error.message
    assert (error.kind, error.line, called) == ("invalid", 1, [])


def test_the_page_has_a_row_for_every_test() -> None:
    """docs/values.md and this file are one table."""
    text = (ROOT / "docs" / "values.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}
    expected = {row[0] for row in TO_LUA} | {row[0] for row in FROM_LUA}
    assert expected - rows == set()
