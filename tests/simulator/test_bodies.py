"""Every operation of the API, asked with the least and with all it takes: bodies are what the document says."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

import host.apis.stripe
from tests.simulator.catalog_walk import Walk
from tests.simulator.test_rule import walk

DOCUMENT = Path(host.apis.stripe.__file__).with_name("stripe.openapi.json.gz")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Bodies:
    """The schemas of the document, by method and path."""

    def __init__(self) -> None:
        text = gzip.decompress(DOCUMENT.read_bytes()).decode()
        document = json.loads(text)
        root = Resource.from_contents({**document, "$schema": DIALECT})
        self._registry = Registry().with_resource("urn:document", root)
        self._operations = {
            (method.upper(), path): operation
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }

    def fault(self, method: str, path: str, body: Any) -> str:
        """What is wrong with a 200's body, or ""."""
        answers = self._operations[method, path]["responses"]
        content = answers.get("200", {}).get("content") or {}
        if "application/json" not in content:
            return ""
        schema = json.loads(json.dumps(content["application/json"]["schema"]).replace('"#/', '"urn:document#/'))
        validator = jsonschema.Draft202012Validator(schema, registry=self._registry)
        best = jsonschema.exceptions.best_match(validator.iter_errors(body))
        return "" if best is None else f"{'.'.join(map(str, best.absolute_path))}: {best.message[:200]}"


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    return Bodies()


def everything(asked: Walk, id: str) -> dict[str, Any]:
    """All parameters of an operation at once, but for cursors, which exclude each other; with what it needs as it needs
    it.
    """
    op = asked.catalog.operation(id)
    left_out = ("expand", "starting_after", "ending_before")
    params = {n: p for n, p in op.params.items() if p.location != "path" and n not in left_out}
    return {**{n: asked.example(p.schema, n, full=True) for n, p in params.items()}, **asked.least(op)}


@pytest.mark.parametrize("lenient", [False, True])
def test_every_body_is_valid_against_its_schema_and_no_request_is_an_inner_fault(stripe, bodies, lenient) -> None:
    """All operations with the least and with all parameters; in both modes what succeeds is of the right form."""
    asked = walk(stripe, lenient=lenient)
    faults, statuses = {}, Counter()
    for id in stripe.operation_ids():
        op = stripe.operation(id)
        for params in (asked.least(op), everything(asked, id)):
            status, answer = asked.ask(id, params)
            statuses[status] += 1
            fault = bodies.fault(op.method, op.path, answer) if status == 200 and answer.__class__ is not bytes else ""
            if status >= 500 and (answer["error"].get("code") != "not_simulated" or lenient):
                fault = answer["error"]["message"]
            if fault and id not in UNTRUE:
                faults[id] = fault
    assert faults == {}
    assert statuses[200] > (600 if lenient else 250)


# Operations whose answers do not fit in a lenient simulator, each with the reason.
UNTRUE: dict[str, str] = {
    "accounts.external_accounts.delete": "by shape alone it is the first kind of the union, and is gone as the other",
    "customers.payment_sources.delete": "the same",
}


def test_an_inner_fault_is_told_in_json_and_logged(api, monkeypatch, caplog) -> None:
    """A mistake of the simulator itself is a 500 of the API's form, and its place is in the log."""

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("inner")

    monkeypatch.setattr("host.simulator.effects.dropped", broken)
    status, error = api.error("POST", "/v1/customers", "tax[validate_location]=immediately")
    assert (status, error["type"]) == (500, "api_error")
    assert "customers.create" in error["message"]
    assert "inner" in caplog.text
    monkeypatch.undo()
    assert api.ids("/v1/customers") == []
