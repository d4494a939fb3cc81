"""A Python class as a Lua builder: its fields are methods, create() makes an instance and uses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from pydantic import BaseModel

from host import Host, UsageError


@pytest.fixture
def host() -> Iterator[Host]:
    with Host(simulate=True) as opened:
        yield opened


@dataclass
class Item:
    sku: str
    count: int = 1


def test_a_builders_own_methods_stay_its_own(host: Host) -> None:
    """A field called as one of them is given by set or params, and takes the method's place for nobody."""

    @host.builder
    @dataclass
    class Parcel:
        name: str
        copy: bool = False
        set: str = ""

        def create(self) -> dict[str, Any]:
            return {"id": f"{self.name} {self.copy} {self.set}"}

    code = """local first = new_parcel():name("a"):params{copy = true}:set("set", "x")
    local second = first:copy():set("name", "b")
    return {first:create(), second:create()}"""
    assert host.run_source(code).raise_for_error().value == ["a True x", "b True x"]


def failure(host: Host, code: str) -> Any:
    error = host.run_source(code).error
    assert error is not None
    return error


def test_a_dataclass_is_built_and_created(host: Host) -> None:
    """Chained methods, maps, lists one at a time; create() gives the id and sets data."""
    made = []

    @host.builder
    @dataclass
    class PurchaseOrder:
        customer: str
        items: list[Item] = field(default_factory=list)
        notes: dict[str, str] = field(default_factory=dict)
        rush: bool = False

        async def create(self) -> dict[str, Any]:
            made.append(self)
            return {"id": f"po_{len(made)}", "total": sum(item.count for item in self.items)}

    code = """local order = new_purchase_order():customer("c_1"):rush(true):notes("gift", "yes")
      :add_item{sku = "a"}:add_item{sku = "b", count = 2}
    local id = order:create()
    return {id, order.id, order.data.total, tostring(order)}"""
    found = host.run_source(code).raise_for_error().value
    assert found[:3] == ["po_1", "po_1", 3]
    assert "purchase_order po_1" in found[3]
    assert made == [PurchaseOrder("c_1", [Item("a"), Item("b", 2)], {"gift": "yes"}, True)]


def test_models_of_msgspec_and_pydantic(host: Host) -> None:
    """Both are checked by their own rules; what create gives is the id."""

    class Payment(msgspec.Struct):
        amount: Decimal
        method: Literal["card", "cash"]

    class Visit(BaseModel):
        name: str
        guests: int = 1

    def pay(payment: Payment) -> str:
        assert isinstance(payment, Payment)
        return f"paid {payment.amount} by {payment.method}"

    host.builder(Payment, create=pay)
    host.builder(Visit, name="stay", create=lambda visit: visit.guests)
    code = """local paid = new_payment():amount("1.10"):method("card"):create()
    return {paid, new_stay():name("x"):guests(3):create()}"""
    assert host.run_source(code).raise_for_error().value == ["paid 1.10 by card", 3]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('new_thing():nmae("x")', 'thing has no parameter "nmae"; did you mean "name"?'),
        ('new_thing():size("big")', "thing: size: expected an integer"),
        ('new_thing():kind("c")', "thing: kind: expected one of"),
        ("new_thing():size(1):create()", "thing: name is missing"),
        ("new_thng()", 'did you mean "new_thing"?'),
    ],
)
def test_mistakes_are_found_at_their_line(host: Host, code: str, message: str) -> None:
    """Names, types, values and what is missing, before any Python of the program's runs."""

    @host.builder
    class Thing(msgspec.Struct):
        name: str
        size: int = 0
        kind: Literal["a", "b"] = "a"

        def create(self) -> None:
            raise AssertionError("must not be called")

    error = failure(host, f"local x = 1\n{code}")
    assert message in f"{error.message} {error.hint}"
    assert error.line == 2


def test_an_error_in_create_is_the_scripts(host: Host) -> None:
    """What create raises has kind "function", and its type; the builder can try again."""
    tries = []

    @host.builder
    @dataclass
    class Fragile:
        name: str

        def create(self) -> str:
            tries.append(self.name)
            if len(tries) == 1:
                raise OSError("full")
            return "ok"

    code = """local b = new_fragile():name("x")
    local ok, err = pcall(b.create, b)
    return {ok, err.kind, err.type, err.line, b:create()}"""
    assert host.run_source(code).raise_for_error().value == [False, "function", "OSError", 2, "ok"]
    assert tries == ["x", "x"]


def test_classes_that_cannot_be_builders(host: Host) -> None:
    """No way to create, a name that is taken, a class that is no model."""

    @dataclass
    class Plain:
        name: str

    class Product(msgspec.Struct):
        name: str

        def create(self) -> None: ...

    with pytest.raises(UsageError, match="Plain has no method create"):
        host.builder(Plain)
    with pytest.raises(UsageError, match="'new_product' means something else"):
        host.builder(Product)
    host.builder(Plain, create=lambda plain: None)
    with pytest.raises(UsageError, match="there is a builder new_plain already"):
        host.builder(Plain, create=lambda plain: None)
    with pytest.raises(UsageError, match="cannot be a builder"):
        host.builder(object, name="thing", create=lambda thing: None)
