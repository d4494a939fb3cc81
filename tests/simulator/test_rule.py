"""The rule of the simulator: what it says is given, computed or reviewed; what it does not model it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from host.apis.catalog import Catalog
from host.simulator.modelled import Model
from host.simulator.object_factory import ObjectFactory, Placeholders
from host.simulator.simulator import Simulator
from host.simulator.stripe import issuing_test_address, payment_pages
from host.simulator.stripe.behaviours import MODEL
from host.simulator.stripe.defaults import DEFAULTS
from tests.simulator.catalog_walk import NOW, Walk
from tests.simulator.conftest import Api

OTHER = Placeholders("made up", 7_777_777, -1, 1_700_000_000)


def walk(catalog: Catalog, placeholders: Placeholders | None = None, **options: Any) -> Walk:
    """A new simulator with fixed clock and seed, and what asks it."""
    simulator = Simulator(catalog, clock=lambda: float(NOW), seed=1, **options)
    if placeholders is not None:
        factory = ObjectFactory(catalog, DEFAULTS, placeholders, MODEL.includable)
        simulator.backend.factory.__dict__.update(factory.__dict__)
    return Walk(Api(simulator), catalog)


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Paths of the leaves in which two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one.keys() | other.keys():
            yield from differences(one.get(name), other.get(name), f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for n, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}[{n}]")
    elif one != other:
        yield path.removeprefix(".")


# Creates whose answers still hold a placeholder, each with the reason.
INVENTED: dict[str, str] = {}


def test_no_create_answers_with_something_that_nobody_gave_computed_or_reviewed(stripe) -> None:
    """Answers are the same whatever stands for what the simulator does not know: so nothing of it shows."""
    plain, other = walk(stripe), walk(stripe, OTHER)
    made, faults = 0, {}
    for op in plain.operations("create"):
        status, answer = plain.ask(op.id)
        other_status, other_answer = other.ask(op.id)
        found = sorted(differences(answer, other_answer))
        if (status != other_status or found) and op.id not in INVENTED:
            faults[op.id] = found
        made += status == 200
    assert faults == {}
    assert made >= 40


def test_what_is_not_modelled_is_refused_by_name_and_leaves_nothing(api) -> None:
    """What is not modelled is refused by name and leaves nothing."""
    status, error = api.error("POST", "/v1/climate/orders", "product=climsku_1&amount=100&currency=usd")
    assert (status, error["type"], error["code"]) == (501, "api_error", "not_simulated")
    assert "climate.orders.create" in error["message"]
    assert "amount_fees" in error["message"]
    assert api.simulator.ledger() == []
    assert api.headers["stripe-should-retry"] == "false"


def test_a_file_that_nothing_makes_is_refused(stripe) -> None:
    """An answer that is a file by the document is no stored object: what does not make it by rules of its own is
    refused, and does not give ``{}``."""
    files = [
        id for id, _, _ in stripe.routes()
        if (result := stripe.operation(id).result) is not None and result.format == "binary"
    ]  # fmt: skip
    assert sorted(files) == ["files.contents", "quotes.pdf"]
    plans = [plan for plan in Simulator(stripe).backend.routes.plans() if plan.operation.id in files]
    assert [MODEL.how(plan) for plan in plans] == ["behaviour"] * 2
    assert [MODEL._replace(behaviours={}).how(plan) for plan in plans] == ["refused"] * 2


def test_a_parameter_that_would_be_dropped_is_refused_with_its_place(api) -> None:
    """A parameter that would be dropped is refused with its place."""
    status, error = api.error("POST", "/v1/customers", "name=x&tax[validate_location]=immediately")
    assert (status, error["code"], error["param"]) == (501, "not_simulated", "tax[validate_location]")
    assert "customers.create" in error["message"]
    assert "invoice_settings" in error["message"]
    assert api.ids("/v1/customers") == []


def test_a_refusal_spends_no_idempotency_key(api) -> None:
    """The key of what is not modelled can be used for another request."""
    key = {"Idempotency_Key": "k1"}
    assert api.error("POST", "/v1/customers", "tax[validate_location]=immediately", **key)[0] == 501
    assert api.post("/v1/customers", "name=x", **key)["name"] == "x"


def test_a_lenient_simulator_answers_by_shape_and_tells_each_thing_once(make) -> None:
    """A lenient simulator answers by shape and names each thing once."""
    api = make(lenient=True)
    for _ in range(2):
        api.post("/v1/customers", "tax[validate_location]=immediately")
    api.post("/v1/climate/orders", "product=climsku_1&amount=100&currency=usd")
    told = [str(each) for each in api.simulator.not_modelled]
    assert told[0] == "customers.create: the parameter tax[validate_location]"
    assert told[1].startswith("climate.orders.create: amount_fees")
    assert len(told) == len(set(told)) == 3


PAGING = frozenset({"limit", "starting_after", "ending_before", "expand", "page"})
# Filters by which all objects that can be made here are alike, each with the reason.
ALIKE: dict[str, str] = {
    "apps.secrets.list scope": "there is one scope without a user, whom the other names",
    "billing.alerts.list alert_type": "there is one type",
    "product_catalog.trial_offers.list active": "all offers are active",
    "products.list type": "all products are services",
    "tax.locations.list type": "there is one type",
}


def test_every_filter_of_every_list_is_compared_handled_or_refused(stripe) -> None:
    """One of the values a filter may have leaves some object out: a filter passed over would leave none."""
    asked = walk(stripe)
    passed_over, compared, refused = [], 0, 0
    for op in asked.operations("list"):
        asked.object(asked.plan(op.id).kind)
        status, answer = asked.ask(op.id)
        for name, param in op.params.items() if status == 200 else ():
            if param.location != "query" or name in PAGING:
                continue
            candidates = _values(asked, param.schema, name)
            answers = [asked.ask(op.id, {**asked.least(op), name: value}) for value in candidates]
            assert {status for status, _ in answers} <= {200, 400, 501}, (op.id, name)
            refused += any(status == 501 for status, _ in answers)
            found = [len(page["data"]) for status, page in answers if status == 200]
            compared += bool(found)
            if found and answer["data"] and min(found) == len(answer["data"]):
                passed_over.append(f"{op.id} {name}")
    assert sorted(set(passed_over) - set(ALIKE)) == []
    assert compared >= 130
    assert refused < 40


def _values(asked: Walk, schema: Any, name: str) -> list[Any]:
    """Values of ``schema`` that not all objects have: all of few, else one that none made here has."""
    full = asked.catalog.resolve(schema)
    if full.any_of:
        choices = [asked.catalog.resolve(each) for each in full.any_of]
        return _values(asked, next((each for each in choices if each.properties), choices[0]), name)
    if full.properties:
        inner = next(iter(full.properties))
        return [{inner: value} for value in _values(asked, full.properties[inner], inner)]
    if full.type == "array":
        return [[value] for value in _values(asked, full.items, name)]
    if full.enum:
        return list(full.enum)[:12]
    if full.type == "boolean":
        return [True, False]
    if full.type in ("integer", "number"):
        return [4_000_000_000]
    kind = asked.simulator.backend.references.kind(name)
    if kind:
        return [asked.another(kind) or "nowhere"]
    return [{"currency": "xof", "email": "nobody@example.com", "country": "AX"}.get(name, "https://nowhere.example")]


def test_a_computed_list_refuses_a_filter_that_it_does_not_state(make) -> None:
    """A list of its own answers no parameter that its module says nothing of, whatever it does with it."""
    api = make()
    customer = api.post("/v1/customers", "source=tok_visa")["id"]
    path = f"/v1/customers/{customer}/sources"
    assert len(api.get(path, object="card", limit=3)["data"]) == 1
    rule = api.simulator._rule
    rule._model = rule._model._replace(effects={})
    status, error = api.error("GET", f"{path}?object=bank_account")
    assert (status, error["code"], error["param"]) == (501, "not_simulated", "object")
    assert len(api.get(path, limit=3)["data"]) == 1


BEYOND = {
    plan.operation.id for plan in (*payment_pages.PLANS, *issuing_test_address.PLANS)
}  # what the document does not have


@pytest.mark.parametrize("id", sorted({*MODEL.behaviours, *MODEL.effects, *MODEL.filters} - BEYOND))
def test_what_is_declared_is_an_operation_of_the_catalog(stripe, id: str) -> None:
    """A misspelt operation or parameter would declare nothing."""
    op = stripe.operation(id)
    assert op is not None
    model: Model = MODEL
    paths = {*model.effects.get(id, ()), *model.shown_at.get(id, {}), *model.filters.get(id, {})}
    assert [path for path in paths if path.partition(".")[0].partition("=")[0] not in op.params] == []
