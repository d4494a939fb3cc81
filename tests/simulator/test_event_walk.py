"""Every event that any operation makes: its type is one of the API's, its object and what is said of it are true."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from host.apis.catalog import Catalog
from host.simulator.stripe.triggers import TRIGGERS
from host.simulator.trigger import perform, steps_of
from tests.simulator.catalog_walk import Walk
from tests.simulator.conftest import Api
from tests.simulator.test_bodies import DIALECT, DOCUMENT, everything
from tests.simulator.test_rule import walk

# Where an event's object is another one than its name says, by the beginning of the name.
OBJECTS = {
    "account.application": {"application"},
    "account.external_account": {"bank_account", "card"},
    "charge.dispute": {"dispute"},
    "charge.refund": {"refund"},
    "customer.discount": {"discount"},
    "customer.source": {"bank_account", "card", "source"},
    "customer.subscription": {"subscription"},
    "customer.tax_id": {"tax_id"},
    "issuing_authorization": {"issuing.authorization"},
    "issuing_cardholder": {"issuing.cardholder"},
    "issuing_card": {"issuing.card"},
    "issuing_dispute": {"issuing.dispute"},
    "issuing_transaction": {"issuing.transaction"},
}


class Schemas:
    """The schemas of the document's resources, by what their ``object`` says."""

    def __init__(self) -> None:
        document = json.loads(gzip.decompress(DOCUMENT.read_bytes()))
        root = Resource.from_contents({**document, "$schema": DIALECT})
        registry: Any = Registry().with_resource("urn:document", root)
        self._validators = {
            kind: jsonschema.Draft202012Validator(
                {"$ref": f"urn:document#/components/schemas/{name}"}, registry=registry
            )
            for name, schema in document["components"]["schemas"].items()
            if not name.startswith(("deleted_", "param."))
            for kind in schema.get("properties", {}).get("object", {}).get("enum", ())
        }

    def fault(self, value: dict[str, Any]) -> str:
        """What is wrong with an object, or ""."""
        validator = self._validators.get(value["object"])
        if validator is None:
            return f"there is no resource {value['object']}"
        best = jsonschema.exceptions.best_match(validator.iter_errors(value))
        return "" if best is None else f"{'.'.join(map(str, best.absolute_path))}: {best.message[:200]}"


@pytest.fixture(scope="module")
def walked(stripe: Catalog) -> list[dict[str, Any]]:
    """The events of every operation, asked with the least and with all it takes, and of all that can be triggered."""
    asked = walk(stripe)
    for id in stripe.operation_ids():
        op = stripe.operation(id)
        assert op is not None
        for params in (asked.least(op), everything(asked, id)):
            asked.ask(id, params)
    for name in TRIGGERS:
        perform(asked.api.ask_as, steps_of(name))
    return events(asked)


def events(asked: Walk) -> list[dict[str, Any]]:
    """All there are, also those of connected accounts."""
    api: Api = asked.api
    accounts = [each["id"] for each in asked.simulator.store.each("account")]
    found = []
    for headers in ({}, *({"Stripe_Account": each} for each in accounts)):
        after = ""
        while True:
            status, page = api.ask("GET", f"/v1/events?limit=100{after}", **headers)
            assert status == 200, page
            found += page["data"]
            if not page["has_more"]:
                break
            after = f"&starting_after={page['data'][-1]['id']}"
    return found


def test_every_event_is_one_of_the_api_s_and_its_object_is_of_its_form(
    stripe: Catalog, walked: list[dict[str, Any]]
) -> None:
    """The type is in the API's list; the event and its object are valid against their schemas."""
    schemas, known = Schemas(), set(stripe.schema("event").properties["type"].enum)
    faults = {}
    for event in walked:
        shown = event["data"]["object"]
        if fault := schemas.fault(event) or schemas.fault(shown) or ("" if event["type"] in known else "unknown"):
            faults[event["type"]] = fault
    assert faults == {}
    assert len(Counter(event["type"] for event in walked)) > 100


def test_every_event_is_named_for_its_object(walked: list[dict[str, Any]]) -> None:
    """``customer.created`` is about a customer."""
    wrong = set()
    for event in walked:
        family = event["type"].rpartition(".")[0]
        kinds = next((kinds for start, kinds in OBJECTS.items() if family.startswith(start)), {family})
        if event["data"]["object"]["object"] not in kinds:
            wrong.add((event["type"], event["data"]["object"]["object"]))
    assert wrong == set()


def test_what_an_event_says_was_before_is_a_member_and_was_different(walked: list[dict[str, Any]]) -> None:
    """``previous_attributes`` are of events of updates only, and each is a member of the object or one that is gone."""
    told = Counter(event["type"] for event in walked if "previous_attributes" in event["data"])
    assert {name for name in told if not name.endswith("updated")} == set()
    faults = set()
    for event in walked:
        before = event["data"].get("previous_attributes")
        if before is None:
            continue
        shown = event["data"]["object"]
        faults |= {(event["type"], name) for name in before if name not in shown and before[name] is None}
        faults |= {(event["type"], name) for name in before if name in shown and before[name] == shown[name]}
        assert before, event["type"]
    assert faults == set()


def test_requests_and_accounts_are_reported(walked: list[dict[str, Any]]) -> None:
    """An event has an id of its own and the request's, and says which connected account it is about."""
    assert len({event["id"] for event in walked}) == len(walked)
    for event in walked:
        assert event["request"]["id"] is None or event["request"]["id"].startswith("req_")
        if event["type"].startswith(("account.updated", "capability.", "person.")):
            shown = event["data"]["object"]
            assert event["account"] == shown.get("account", shown["id"]), event["type"]
