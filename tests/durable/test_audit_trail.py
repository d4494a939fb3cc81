"""A run's log as a statement, and what takes it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host.apis.api import Api
from host.apis.stripe import load
from host.durable.audit_trail import TrailEntry, money
from host.durable.undo import reversals

APIS = {"stripe": Api(load(), "https://api.stripe.com")}


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2999, "usd", "29.99 USD"),
        (500, "jpy", "500 JPY"),
        (12345, "kwd", "12.345 KWD"),
        (-5, "eur", "-0.05 EUR"),
        (0, "usd", "0.00 USD"),
    ],
)
def test_minor_units_as_people_write_them(amount: int, currency: str, text: str) -> None:
    """Two digits, none, or three, by the currency."""
    assert money(amount, currency) == text


def done(operation: str, id: str, **answer: Any) -> TrailEntry:
    return TrailEntry(0, 1, f"stripe.{operation}", "done", id=id, answer={"id": id, **answer})


@pytest.mark.parametrize(
    ("entry", "tries"),
    [
        (done("customers.create", "c"), [("stripe.customers.delete", ("c",))]),
        (
            done("products.create", "p"),
            [("stripe.products.delete", ("p",)), ("stripe.products.update", ("p", {"active": False}))],
        ),
        (done("prices.create", "p"), [("stripe.prices.update", ("p", {"active": False}))]),
        (done("subscriptions.create", "s"), [("stripe.subscriptions.cancel", ("s",))]),
        (done("coupons.create", "c"), [("stripe.coupons.delete", ("c",))]),
        (
            done("customers.tax_ids.create", "t", customer="c"),
            [("stripe.customers.tax_ids.delete", ("c", "t"))],
        ),
        (
            done("payment_intents.create", "pi", status="requires_capture"),
            [("stripe.payment_intents.cancel", ("pi",))],
        ),
        (
            done("payment_intents.confirm", "pi", status="succeeded"),
            [("stripe.refunds.create", ({"payment_intent": "pi"},))],
        ),
        (done("customers.update", "c"), []),
        (done("refunds.create", "r"), []),
    ],
)
def test_each_thing_has_its_way_back_or_none(entry: TrailEntry, tries: list[Any]) -> None:
    """Delete, cancel, archive, refund; what has none says why. Every operation named exists."""
    (found,) = reversals([entry], APIS, refunds=True)
    assert list(found.tries) == tries
    assert bool(found.why) == (not tries)
    for name, _ in found.tries:
        assert APIS["stripe"].catalog.operation(name.removeprefix("stripe.")) is not None


def test_money_goes_back_only_when_asked() -> None:
    """Without --refunds a payment is only named."""
    paid = done("payment_intents.create", "pi", status="succeeded")
    (found,) = reversals([paid], APIS, refunds=False)
    assert found.tries == ()
    assert "--refunds" in found.why


def test_the_last_first_and_only_what_is_there() -> None:
    """In reverse order; not what was refused, nor what the run itself deleted."""
    entries = [
        done("products.create", "a"),
        done("customers.create", "b"),
        done("customers.delete", "b"),
        TrailEntry(0, 1, "stripe.prices.create", "rejected"),
        TrailEntry(0, 1, "stripe.prices.create", "in doubt"),
        done("prices.create", "c"),
    ]
    found = reversals(entries, APIS, refunds=False)
    assert [(each.entry.operation, each.entry.id) for each in found] == [
        ("stripe.prices.create", "c"),
        ("stripe.prices.create", ""),
        ("stripe.products.create", "a"),
    ]
    assert "unknown" in found[1].why


PETS = """
openapi: 3.0.0
info: {title: pets, version: "1"}
servers: [{url: "http://127.0.0.1:9"}]
paths:
  /pets:
    post:
      operationId: addOne
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
      responses: {"201": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}}
  /pets/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    delete: {operationId: dropIt, responses: {"204": {description: ok}}}
components: {schemas: {Pet: {type: object, properties: {id: {type: integer}, name: {type: string}}}}}
"""


def test_an_api_of_any_names_has_its_way_back_by_its_paths(tmp_path: Path) -> None:
    """What POST made in a collection DELETE takes away below it, whatever the operations are called."""
    from host import Host

    (tmp_path / "pets.yaml").write_text(PETS)
    with Host(simulate=True, apis={"pets": str(tmp_path / "pets.yaml")}) as host:
        apis = host.durable_runs.apis
        [made] = [id for id, method, _ in apis["pets"].catalog.routes() if method == "POST"]
        [drop] = [id for id, method, _ in apis["pets"].catalog.routes() if method == "DELETE"]
        entry = TrailEntry(0, 1, f"pets.{made}", "done", id="7", answer={"id": 7})
        [found] = reversals([entry], apis, refunds=False)
    assert found.tries == ((f"pets.{drop}", (7,)),)


def test_a_payment_is_one_thing() -> None:
    """Its last answer says what it is; given back whole by the run itself there is nothing left to do."""
    made = done("payment_intents.create", "pi", status="requires_confirmation", amount=500)
    paid = done("payment_intents.confirm", "pi", status="succeeded", amount=500, amount_received=500)
    back = done("refunds.create", "re", payment_intent="pi", amount=200, status="succeeded")
    rest = done("refunds.create", "re2", payment_intent="pi", amount=300, status="succeeded")
    [found] = reversals([made, paid, back], APIS, refunds=True)
    assert found.tries == (("stripe.refunds.create", ({"payment_intent": "pi"},)),)
    [named] = reversals([made, paid, back], APIS, refunds=False)
    assert named.needs_refund
    assert reversals([made, paid, back, rest], APIS, refunds=True) == []


def test_what_goes_with_a_thing_needs_no_undoing_of_its_own() -> None:
    """An update of what the run created goes with it; one of something else is named."""
    made, changed = done("customers.create", "c"), done("customers.update", "c")
    assert [each.entry for each in reversals([made, changed], APIS, refunds=False)] == [made]
    [found] = reversals([done("customers.update", "other")], APIS, refunds=False)
    assert "what was there before is not known" in found.why
