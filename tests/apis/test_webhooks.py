"""What a document says of the requests its API makes: ``webhooks``, ``callbacks``, their names, types and checks."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from host import Host
from host.apis.conformance import check_conforms
from host.apis.documented_events import documented
from host.apis.openapi import compile
from host.apis.reference import api_lines
from host.apis.stubs import stub_files
from host.apis.validation_error import ValidationError

TEXT, INTEGER = {"type": "string"}, {"type": "integer"}
PET = {
    "type": "object",
    "required": ["type", "data"],
    "properties": {
        "type": {"const": "pet.adopted"},
        "data": {
            "type": "object",
            "required": ["id", "age"],
            "properties": {"id": TEXT, "age": {"type": "integer", "minimum": 0}, "owner": {"type": ["string", "null"]}},
        },
    },
}
PATHS = {"/pets": {"post": {"operationId": "pets.create", "responses": {"200": {"description": "x"}}}}}


def request(schema: dict[str, Any]) -> dict[str, Any]:
    """A path item that sends JSON of ``schema``."""
    return {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}


def document(webhooks: dict[str, Any], **more: Any) -> dict[str, Any]:
    info = {"title": "Pets", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": PATHS, "webhooks": webhooks, **more}


ADOPTED: dict[str, Any] = {"type": "pet.adopted", "data": {"id": "p", "age": 3, "owner": None, "new": [1]}}


def without(path: str) -> dict[str, Any]:
    changed = copy.deepcopy(ADOPTED)
    del changed["data"][path]
    return changed


def with_age(age: Any) -> dict[str, Any]:
    return {**ADOPTED, "data": {**ADOPTED["data"], "age": age}}


def test_webhooks_and_callbacks_are_part_of_the_catalog() -> None:
    """By their names; also by reference, with several methods, and in a document that has nothing else."""
    referred = {"$ref": "#/components/pathItems/moved"}
    both = {**request(TEXT), "put": request(INTEGER)["post"]}
    components = {"pathItems": {"moved": request(PET)}, "callbacks": {"done": {"{$request.body#/url}": request(PET)}}}
    paths = copy.deepcopy(PATHS)
    paths["/pets"]["post"]["callbacks"] = {  # type: ignore[assignment]
        "onData": {"{$request.query.url}": request(PET)},
        "onDone": {"$ref": "#/components/callbacks/done"},
    }
    root = document(
        {"pet.adopted": request(PET), "/MOVED": referred, "either": both, "bare": {"post": {}}},
        components=components,
        paths=paths,
    )
    catalog = compile(root, "pets")
    assert catalog.warnings == ()
    assert set(catalog.webhook_ids()) == {
        *("pet.adopted", "MOVED", "either", "bare"),
        *("pets.create.onData", "pets.create.onDone"),
    }
    bodies = {id: webhook.body for id in catalog.webhook_ids() if (webhook := catalog.webhook(id))}
    assert bodies["bare"] is None
    assert bodies["pet.adopted"] == bodies["MOVED"] == bodies["pets.create.onDone"]
    assert bodies["either"] is not None
    assert [each.type for each in bodies["either"].any_of] == ["string", "integer"]
    alone = document({"pet.adopted": request(PET)})
    del alone["paths"]
    assert compile(alone, "pets").webhook_ids() == ("pet.adopted",)


@pytest.mark.parametrize("bad", [5, [], {"post": 5}, {"post": {"requestBody": 5}}, {"$ref": "#/nowhere"}])
def test_a_malformed_webhook_is_named_and_left_out(bad: Any) -> None:
    """The rest of the document is read."""
    catalog = compile(document({"good": request(PET), "bad": bad}), "pets")
    assert catalog.webhook_ids() == ("good",)
    assert any("#/webhooks/bad" in warning for warning in catalog.warnings)


SCHEMAS: list[dict[str, Any]] = [
    TEXT,
    INTEGER,
    {"type": "number", "exclusiveMinimum": 1},
    {"type": "integer", "minimum": 2, "maximum": 3},
    {"type": "boolean"},
    {"type": ["string", "null"]},
    {"type": "string", "minLength": 2, "maxLength": 3},
    {"type": "string", "pattern": "^a+$"},
    {"enum": ["a", 1, None]},
    {"const": "aa"},
    {"type": "array", "items": INTEGER},
    {"type": "object", "additionalProperties": INTEGER},
    {"type": "object", "required": ["a"], "properties": {"a": INTEGER}},
    {"oneOf": [TEXT, {"type": "array", "items": TEXT}]},
    {"anyOf": [{"type": "object", "required": ["a"], "properties": {"a": TEXT}}, {"type": "null"}]},
    {"allOf": [{"type": "object", "required": ["a"]}, {"type": "object", "properties": {"a": {"type": "boolean"}}}]},
    PET,
]
VALUES: list[Any] = [
    None, True, False, 0, 1, 2, 2.0, 2.5, 4, "", "a", "aa", "aaaa", "5", [1], ["a"], [1, "a"], [None], {"a": 1},
    {"a": "x"}, {"a": True}, {"b": "x"}, {"b": 1}, ADOPTED, without("age"), without("owner"),
    with_age(-1), with_age("3"), with_age(None),
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_body_is_checked_as_json_schema_says(schema: dict[str, Any]) -> None:
    """The verdict on each value is that of a validator of JSON Schema 2020-12."""
    catalog = compile(document({"w": request(schema)}), "pets")
    webhook = catalog.webhook("w")
    assert webhook is not None
    assert webhook.body is not None
    validator = jsonschema.Draft202012Validator(schema)
    for value in VALUES:
        try:
            check_conforms(catalog, webhook.body, value)
            fits = True
        except ValidationError:
            fits = False
        assert fits == validator.is_valid(value), value


def test_a_body_that_many_alternatives_could_be_costs_no_time_without_end() -> None:
    """Alternatives inside of alternatives: the check is given up, and says so."""
    node = {"anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/N"}}, {"type": "array", "items": {
        "$ref": "#/components/schemas/N"}}]}  # fmt: skip
    node["anyOf"][1]["minItems"] = 1  # type: ignore[assignment]
    node["anyOf"][1]["items"] = {"anyOf": [{"$ref": "#/components/schemas/N"}, TEXT]}  # type: ignore[assignment]
    catalog = compile(document({"w": request(node)}, components={"schemas": {"N": node}}), "pets")
    webhook = catalog.webhook("w")
    assert webhook is not None
    assert webhook.body is not None
    value: Any = 5
    for _ in range(20):
        value = [value]
    with pytest.raises(ValidationError) as caught:
        check_conforms(catalog, webhook.body, value)
    assert "too many ways" in caught.value.message()


GITHUB = {
    "issues-opened": request({"type": "object", "required": ["action", "n"], "properties": {
        "action": {"enum": ["opened"]}, "n": INTEGER}}),
    "issues-closed": request({"type": "object", "properties": {"action": {"enum": ["closed"]}}}),
    "issue-comment-created": request({"type": "object", "properties": {"action": {"enum": ["created"]}}}),
}  # fmt: skip
ENVELOPE = {
    "create_webhook.event": request({"type": "object", "properties": {"payload": {"type": "object", "properties": {
        "action": {"enum": ["check.completed", "report.completed"]}, "id": INTEGER}}}}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("webhooks", "type", "event", "names", "fault"),
    [
        ({"pet.adopted": request(PET)}, "pet.adopted", ADOPTED, ("pet.adopted",), ""),
        ({"pet_adopted": request(PET)}, "pet.adopted", ADOPTED, ("pet_adopted",), ""),
        ({"/PET_ADOPTED": request(PET)}, "pet.adopted", ADOPTED, ("PET_ADOPTED",), ""),
        ({"petAdopted": request(PET)}, "pet.adopted", ADOPTED, ("petAdopted",), ""),
        ({"other": request(PET)}, "pet.adopted", ADOPTED, ("other",), ""),  # its body says so
        ({"other": request(PET)}, "pet.died", ADOPTED, (), ""),
        ({"bare": {"post": {}}}, "bare", {"type": "bare"}, ("bare",), ""),
        ({"pet.adopted": request(PET)}, "pet.adopted", without("age"), ("pet.adopted",), "data.age: is missing"),
        ({"pet.adopted": request(PET)}, "pet.adopted", with_age("3"), ("pet.adopted",), "expected an integer, got a"),
        (GITHUB, "issues", {"action": "opened", "n": 1, "type": "issues"}, ("issues-opened",), ""),
        (GITHUB, "issues", {"action": "opened", "type": "issues"}, ("issues-opened", "issues-closed"), "n: is missing"),
        (GITHUB, "issue_comment", {"action": "created"}, ("issue-comment-created",), ""),
        (ENVELOPE, "check.completed", {"payload": {"action": "check.completed"}}, ("create_webhook.event",), ""),
        (ENVELOPE, "check.completed", {"payload": {"action": "check.completed", "id": ""}}, ("create_webhook.event",),
         "payload.id: expected an integer"),
        (ENVELOPE, "x", {"payload": {"action": "x"}}, (), ""),
    ],
)  # fmt: skip
def test_an_event_is_recognised_by_the_webhook_it_is(
    webhooks: dict[str, Any], type: str, event: dict[str, Any], names: tuple[str, ...], fault: str
) -> None:
    """By its name in any spelling, by type and action, or by what its body lists; a fault names its place."""
    found = documented([compile(document(webhooks), "pets")], type, event)
    assert found is not None
    assert found.names == names
    assert fault in found.fault
    assert bool(fault) == bool(found.fault)


@pytest.mark.parametrize(
    ("code", "event", "output", "message"),
    [
        ('on("pet.adopted", function(e) print(e.data.id) end)', ADOPTED, "p", None),
        ('on("pet.*", function(e) print(e.data.id) end)', ADOPTED, "p", None),
        ('on("pet.adoptd", print)', ADOPTED, "", 'no event "pet.adoptd"; did you mean "pet.adopted"?'),
        ('on("pet.adopted", print)', without("id"), "", "not a pet.adopted as documented by pets: data.id"),
        ('on("pet.died", print)', without("id"), "", None),  # wanted by no handler
        ('on("*", function(e) print(e.type) end)', {"type": "other"}, "other", None),
        ('on("invoice.paid", function() print("paid") end)', {"type": "invoice.paid", "object": "event"}, "paid", None),
    ],
)
def test_handlers_are_given_what_the_document_says_and_nothing_else(
    code: str, event: dict[str, Any], output: str, message: str | None
) -> None:
    """A name of no event, a body of another shape: an error of the run, before the handler; Stripe's own events go."""
    webhooks = {"pet.adopted": request(PET), "pet.died": request(TEXT)}
    with Host(simulate=True) as host:
        host.add_api("pets", document(webhooks), base_url="https://pets.example")
        result = host.run_source(code, globals={"event": event})
    assert result.output.strip() == output
    assert (result.error is None) == (message is None), result.error
    if message is not None and result.error is not None:
        assert message in result.error.message
        assert result.error.kind == "invalid"


def test_names_and_types_are_listed_for_people_and_editors() -> None:
    """``host apis pets``, and the types by which an editor completes ``on``."""
    catalog = compile(document({"pet_adopted": request({"$ref": "#/components/schemas/Pet"})},
                               components={"schemas": {"Pet": PET}}), "pets")  # fmt: skip
    assert '  on("pet_adopted", …)' in api_lines(catalog)
    ((_, text),) = stub_files(catalog)
    wanted = '---@overload fun(name: "pet_adopted"|"pet.adopted", handler: fun(event: pets.object.Pet))'
    assert wanted in text.splitlines()
    assert "---@class pets.object.Pet" in text
