"""The one table of what takes an operation back, held against all that Stripe's catalog has."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from host.apis.api import Api
from host.apis.stripe import load
from host.durable.audit_trail import TrailEntry
from host.durable.inverses import INVERSES, TAKES_BACK, ways_back
from host.durable.undo import reversals

HOST = Path(__file__).parents[2] / "host"
CATALOG = load()
CREATIONS = sorted(id for id, _, _ in CATALOG.routes() if id.rpartition(".")[2] in INVERSES)
PARENTS = {str(place): f"parent_{place}" for place in range(1, 4)}


@pytest.mark.parametrize(
    ("operation", "ways"),
    [
        ("checkout.sessions.create", ["checkout.sessions.expire"]),
        ("credit_notes.create", ["credit_notes.void_credit_note"]),
        ("customers.create", ["customers.delete"]),
        ("invoices.create", ["invoices.delete", "invoices.void_invoice"]),
        ("payment_intents.create", ["payment_intents.cancel"]),
        ("payment_methods.attach", ["payment_methods.detach"]),
        ("payouts.create", ["payouts.cancel", "payouts.reverse"]),
        ("prices.create", ["prices.update"]),
        ("products.create", ["products.delete", "products.update"]),
        ("subscriptions.create", ["subscriptions.cancel"]),
        ("billing.meters.create", ["billing.meters.deactivate"]),
        ("charges.create", []),
    ],
)
def test_the_ways_back_of_the_operations_most_used(operation: str, ways: list[str]) -> None:
    """Most thorough first, each once, although a document may have two names for one operation."""
    assert [way.operation for way in ways_back(CATALOG, operation, "x", {})] == ways


@pytest.mark.parametrize("operation", CREATIONS)
def test_every_way_back_is_an_operation_with_its_path_filled(operation: str) -> None:
    """For each creation of the catalog: a way back exists there, takes all its path needs, and ends with the id."""
    for way in ways_back(CATALOG, operation, "the_id", {}, PARENTS):
        found = CATALOG.operation(way.operation)
        assert found is not None
        params = 0 if way.inverse.params is None else 1
        assert len(way.args) == len(found.path_params) + params
        assert way.args[len(found.path_params) - 1] == "the_id"
        assert f".{way.inverse.verb}" in (*TAKES_BACK, ".update")


@pytest.mark.parametrize("operation", CREATIONS)
def test_what_deletes_something_of_stripe_is_reached_from_its_creation(operation: str) -> None:
    """No creation whose resource can be deleted, cancelled or voided is left without a way back."""
    resource = operation.rpartition(".")[0]
    verbs = [each.verb for each in INVERSES[operation.rpartition(".")[2]] if each.params is None]
    found = [CATALOG.operation(f"{resource}.{verb}") for verb in verbs]
    if any(each is not None and each.path_params for each in found):
        assert ways_back(CATALOG, operation, "x", {}, PARENTS)


@pytest.mark.parametrize("operation", CREATIONS)
def test_a_run_is_undone_by_the_same_ways_and_a_place_to_look(operation: str) -> None:
    """Undoing a run takes them all but those that move money; where it looks is an operation there is."""
    apis = {"stripe": Api(CATALOG, "https://api.stripe.com")}
    entry = TrailEntry(0, 1, f"stripe.{operation}", "done", id="x", answer={"id": "x", "status": "pending"})
    for found in reversals([entry], apis, refunds=False):
        if found.needs_refund:
            continue
        ways = [way for way in ways_back(CATALOG, operation, "x", {"id": "x"}) if not way.inverse.moves_money]
        assert [name for name, _ in found.tries] == [f"stripe.{way.operation}" for way in ways]
        if found.look is not None:
            assert CATALOG.operation(found.look.operation.removeprefix("stripe.")) is not None
            assert found.look.field == ways[-1].inverse.field


def test_a_thing_below_another_needs_to_know_which() -> None:
    """The outer id is in the arguments, by name or place, or in the answer; else there is no way back."""
    operation, ways = "customers.tax_ids.create", [("customers.tax_ids.delete", ("c", "t"))]
    for answer, given in (({"customer": "c"}, {}), ({}, {"customer": "c"}), ({}, {"1": "c"})):
        assert [way[:2] for way in ways_back(CATALOG, operation, "t", answer, given)] == ways
    assert ways_back(CATALOG, operation, "t", {"customer": {"id": "c"}}) == []


def test_rules_of_undoing_stand_in_one_file() -> None:
    """No other file maps operations or verbs to what takes them back."""
    verbs = {each.verb for some in INVERSES.values() for each in some} - {"update", "expire", "delete", "cancel"}
    found = set()
    for path in (*HOST.glob("durable/*.py"), *HOST.glob("testing/*.py"), *HOST.glob("cli/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and text.rpartition(".")[2] in verbs:
                found.add(path.name)
    assert found == {"inverses.py"}
