"""References: where they lead in a document and in files beside it, and what becomes of those that lead nowhere."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from host.apis.cache import catalog_of
from host.apis.catalog import Catalog
from host.apis.prepare import prepare
from host.errors import CatalogError, InvalidCall
from tests.apis.documents import answers, small, takes

SCHEMA = "#/components/schemas/"


def sent(catalog: Catalog, id: str, **arguments: Any) -> Any:
    """The JSON body of a call."""
    operation = catalog.operation(id)
    assert operation is not None
    body = prepare(catalog, operation, arguments, base_url="https://x.test").content
    return json.loads(body) if body else None


def of_body(schema: dict[str, Any], version: str = "3.1.0", **schemas: Any) -> Catalog:
    """An API whose operation ``b`` takes that body."""
    post = {"operationId": "b", "requestBody": takes(schema), "responses": answers({"type": "object"})}
    return small({"/b": {"post": post}}, version, components={"schemas": schemas})


def refused(catalog: Catalog, said: str = "", id: str = "b", **arguments: Any) -> str:
    """The message a call is refused with."""
    with pytest.raises(InvalidCall) as caught:
        sent(catalog, id, **arguments)
    assert said in caught.value.message
    return caught.value.message


INTEGER = {"type": "integer"}


@pytest.mark.parametrize(
    ("reference", "schemas"),
    [
        ("#anch", {"A": {"$anchor": "anch", **INTEGER}}),
        ("#dyn", {"A": {"$dynamicAnchor": "dyn", **INTEGER}}),
        ("https://x.test/n", {"A": {"$id": "https://x.test/n", **INTEGER}}),
        ("https://x.test/n#in", {"A": {"$id": "https://x.test/n", "$defs": {"I": {"$anchor": "in", **INTEGER}}}}),
        ("https://x.test/n#/$defs/I", {"A": {"$id": "https://x.test/n", "$defs": {"I": INTEGER}}}),
        ("#/components/schemas/A%20b", {"A b": INTEGER}),
        ("#/components/schemas/a~1b", {"a/b": INTEGER}),
        ("#/components/schemas/a~0b", {"a~b": INTEGER}),
        ("#/components/schemas/a~01b", {"a~1b": INTEGER}),
        ("#/components/schemas/a%25b", {"a%b": INTEGER}),
        ("#/components/schemas/%C3%A9", {"é": INTEGER}),
        ("#/components/schemas/A/properties/in~1n", {"A": {"properties": {"in/n": INTEGER}}}),
        ("#/components/schemas/A/allOf/1", {"A": {"allOf": [{"type": "string"}, INTEGER]}}),
        (
            "#/components/schemas/A",
            {"A": {"$ref": SCHEMA + "B"}, "B": {"$ref": "#end"}, "C": {"$anchor": "end", **INTEGER}},
        ),
    ],
)
def test_a_reference_leads_to_its_schema(reference: str, schemas: dict[str, Any]) -> None:
    """Pointers (escaped, percent-encoded, into lists), anchors and ids: the value is checked by what they name."""
    catalog = of_body({"type": "object", "properties": {"n": {"$ref": reference}}}, **schemas)
    assert sent(catalog, "b", n=2) == {"n": 2}
    refused(catalog, "n", n="text")


def test_a_reference_below_an_id_is_relative_to_it() -> None:
    """``item`` in the schema https://x.test/list is https://x.test/item, and #/$defs its own definitions."""
    listed = {
        "$id": "https://x.test/list",
        "type": "object",
        "properties": {"item": {"$ref": "item"}, "own": {"$ref": "#/$defs/n"}},
        "$defs": {"n": INTEGER},
    }
    catalog = of_body({"$ref": SCHEMA + "L"}, L=listed, I={"$id": "https://x.test/item", **INTEGER})
    assert sent(catalog, "b", item=1, own=2) == {"item": 1, "own": 2}
    refused(catalog, "item", item="text")
    refused(catalog, "own", own="text")


def test_definitions_of_an_inline_schema_are_found() -> None:
    """Tools that write JSON Schema (pydantic) leave definitions in the schema itself; the document's own go first."""
    inline = {
        "$defs": {"Z": INTEGER, "A": INTEGER},
        "properties": {"z": {"$ref": "#/$defs/Z"}, "a": {"$ref": "#/$defs/A"}},
    }
    post = {"operationId": "b", "requestBody": takes(inline)}
    catalog = small({"/b": {"post": post}}, **{"$defs": {"A": {"type": "string"}}})
    assert sent(catalog, "b", z=1, a="text") == {"z": 1, "a": "text"}
    refused(catalog, "z", z="text")


@pytest.mark.parametrize(
    ("version", "beside", "holds"),
    [
        ("3.1.0", {"minimum": 5}, True),
        ("3.1.0", {"enum": [7]}, True),
        ("3.2.0", {"type": "integer", "maximum": 1}, True),
        ("3.0.3", {"minimum": 5}, False),
    ],
)
def test_what_stands_beside_a_reference_holds_since_3_1(version: str, beside: dict[str, Any], holds: bool) -> None:
    """In 3.0 it is passed over (OpenAPI 3.0.3, "Reference Object")."""
    catalog = of_body({"properties": {"n": {"$ref": SCHEMA + "A", **beside}}}, version, A=INTEGER)
    if holds:
        refused(catalog, "n", n=3)
    else:
        assert sent(catalog, "b", n=3) == {"n": 3}


def test_words_beside_a_reference_change_nothing() -> None:
    """A description or the same type again leaves the reference as it is, in a cycle too."""
    node = {"type": "object", "properties": {"child": {"$ref": SCHEMA + "N", "type": "object", "description": "x"}}}
    catalog = of_body({"$ref": SCHEMA + "N"}, N=node)
    assert sent(catalog, "b", child={"child": {"child": {}}}) == {"child": {"child": {"child": {}}}}
    assert catalog.warnings == ()


MISSING = [SCHEMA + "none", "#none", "other.yaml#/A", "https://x.test/y.json", "#/components/schemas/A/properties/no"]
WRONG = [5, ["x"], None, "#/openapi", "#/paths/~1good/post/operationId"]


@pytest.mark.parametrize("reference", MISSING)
def test_an_operation_whose_body_is_not_known_is_refused(reference: str) -> None:
    """Named in the warnings with the operation, refused when called; the others are there."""
    broken = {"operationId": "b", "requestBody": takes({"$ref": reference})}
    good = {"operationId": "good", "requestBody": takes({"$ref": SCHEMA + "A"})}
    paths = {"/b": {"post": broken}, "/good": {"post": good}}
    catalog = small(paths, components={"schemas": {"A": {"properties": {"a": INTEGER}}}})
    named = reference.partition("#")[0] or reference
    assert any("POST /b: cannot be called" in warning and named in warning for warning in catalog.warnings)
    assert named in refused(catalog, "b cannot be called: its body is not known", a=1)
    refused(catalog, "cannot be called")
    assert sent(catalog, "good", a=1) == {"a": 1}


@pytest.mark.parametrize("reference", WRONG)
def test_a_reference_to_what_is_no_schema_is_refused(reference: Any) -> None:
    """No text, or one that leads to a text: it says nothing of a value, and takes nothing else away."""
    broken = {"operationId": "b", "requestBody": takes({"properties": {"x": {"$ref": reference}, "y": {}}})}
    paths = {"/b": {"post": broken}, "/good": {"post": {"operationId": "good"}}}
    catalog = small(paths, components={"schemas": {"Shared": {"$ref": reference}}})
    assert sent(catalog, "b", y=1) == {"y": 1}
    refused(catalog, "x", x=1)
    assert catalog.operation("good") is not None
    assert any(each.startswith("POST /b: a value") for each in catalog.warnings)


def test_a_schema_that_nothing_is_right_for_refuses_values() -> None:
    """``false``; of a tuple it is said of what comes after, which is not checked."""
    tuple_of = {"type": "array", "prefixItems": [{}], "items": False}
    catalog = of_body({"properties": {"no": False, "yes": True, "list": {"items": False}, "tuple": tuple_of}})
    assert sent(catalog, "b", yes=1, list=[], tuple=[1]) == {"yes": 1, "list": [], "tuple": [1]}
    refused(catalog, "no", no=1)
    refused(catalog, "list", list=[1])


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {}, "deep": {"$ref": "o.yaml"}}},
        {"properties": {"a": {}, "deep": {"type": "array", "items": {"$ref": "o.yaml"}}}},
        {"properties": {"a": {}, "deep": {"type": "object", "additionalProperties": {"$ref": "o.yaml"}}}},
        {"properties": {"a": {}, "deep": {"allOf": [{"properties": {"x": {}}}, {"$ref": "o.yaml"}]}}},
        {"properties": {"a": {}, "deep": {"$ref": SCHEMA + "Shared"}}},
        {"properties": {"a": {}, "deep": {"properties": {"$ref": "o.yaml"}}}},
    ],
)
def test_a_value_of_a_schema_that_is_not_known_is_refused(schema: dict[str, Any]) -> None:
    """One member that nobody can check does not take the operation away; whoever gives it learns why not."""
    catalog = of_body(schema, Shared={"properties": {"x": {"$ref": "o.yaml"}}})
    assert sent(catalog, "b", a=1) == {"a": 1}
    assert "o.yaml" in refused(catalog, "deep", deep={"x": 1})
    assert any(warning.startswith("POST /b: a value") and "o.yaml" in warning for warning in catalog.warnings)


def test_one_of_several_alternatives_may_be_missing() -> None:
    """A value that fits another one is sent."""
    catalog = of_body({"properties": {"v": {"oneOf": [{"$ref": "o.yaml"}, INTEGER]}}})
    assert sent(catalog, "b", v=1) == {"v": 1}
    refused(catalog, "v", v={"x": 1})


def test_parameters_bodies_answers_and_operations_that_lead_nowhere_are_named() -> None:
    """Whatever part it is, the operation is named; only what is asked of a request makes it unusable."""
    paths = {
        "/param": {"get": {"operationId": "param", "parameters": [{"$ref": "p.yaml#/q"}]}},
        "/shared": {"parameters": [{"$ref": "p.yaml#/q"}], "get": {"operationId": "shared"}},
        "/body": {"post": {"operationId": "body", "requestBody": {"$ref": "b.yaml"}}},
        "/media": {
            "post": {"operationId": "media", "requestBody": {"content": {"application/json": {"$ref": "m.yaml"}}}}
        },
        "/whole": {"get": {"$ref": "ops.yaml"}},
        "/item": {"$ref": "item.yaml"},
        "/answer": {"get": {"operationId": "answer", "responses": {"200": {"$ref": "r.yaml"}}}},
        "/deep": {"get": {"operationId": "deep", "responses": answers({"properties": {"x": {"$ref": "s.yaml"}}})}},
    }
    catalog = small(paths)
    for place, file in {
        "GET /param": "p.yaml",
        "GET /shared": "p.yaml",
        "POST /body": "b.yaml",
        "POST /media": "m.yaml",
        "GET /whole": "ops.yaml",
        "/item": "item.yaml",
        "GET /answer": "r.yaml",
        "GET /deep": "s.yaml",
    }.items():
        assert any(each.startswith(place) and file in each for each in catalog.warnings), place
    for id in ("param", "shared", "body", "media", "whole.retrieve"):
        refused(catalog, "cannot be called", id=id)
    for id in ("answer", "deep"):
        assert sent(catalog, id) is None


def test_references_that_go_in_circles_are_named() -> None:
    """A schema that is only a reference to itself says nothing: a value for it is refused."""
    catalog = of_body({"properties": {"c": {"$ref": SCHEMA + "A"}}}, A={"$ref": SCHEMA + "B"}, B={"$ref": SCHEMA + "A"})
    assert "refers to itself" in refused(catalog, "c", c=1)
    assert any("POST /b" in each and "itself" in each for each in catalog.warnings)


# -- files


def written(folder: Path, files: dict[str, Any]) -> Path:
    """Files with these values as JSON; gives the first."""
    for name, value in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return folder / next(iter(files))


def document(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    post = {"operationId": "b", "requestBody": takes(schema)}
    return {"openapi": "3.1.0", "servers": [{"url": "https://x.test"}], "paths": {"/b": {"post": post}, **more}}


def test_files_below_the_document_are_read(tmp_path: Path) -> None:
    """Relative to the file a reference is in, JSON or YAML, path items and whole operations too, and back again."""
    pytest.importorskip("yaml")
    files = {
        "api/main.json": {
            **document({"$ref": "schemas/a%20b.json#/A"}, **{"/item": {"$ref": "paths/item.yaml"}}),
            "components": {"schemas": {"Text": {"type": "string"}}},
        },
        "api/schemas/a b.json": {"A": {"properties": {"n": {"$ref": "#/N"}, "o": {"$ref": "./o.json"}}}, "N": INTEGER},
        "api/schemas/o.json": {"properties": {"text": {"$ref": "../main.json#/components/schemas/Text"}}},
        "api/paths/item.yaml": "get:\n  $ref: get.yaml\n",
        "api/paths/get.yaml": "operationId: item.get\nparameters: [{$ref: '../q.yaml#/q'}]\n",
        "api/q.yaml": "q: {name: q, in: query, required: true, schema: {type: integer}}\n",
    }
    catalog = catalog_of(written(tmp_path, files), "x", tmp_path / "cache")
    assert catalog.warnings == ()
    assert sent(catalog, "b", n=1, o={"text": "x"}) == {"n": 1, "o": {"text": "x"}}
    refused(catalog, "n", n="text")
    refused(catalog, "o.text", o={"text": {}})
    refused(catalog, "q", id="item.get", q="text")


def test_a_file_that_changes_makes_the_catalog_anew(tmp_path: Path) -> None:
    """Kept catalogs are by the content of all files, those included that were not there."""
    main = written(tmp_path, {"main.json": document({"properties": {"n": {"$ref": "n.json"}}})})
    refused(catalog_of(main, "x", tmp_path / "cache"), "n.json", n=1)
    for schema, value in ((INTEGER, 1), ({"type": "string"}, "text")):
        written(tmp_path, {"n.json": schema})
        for _ in range(2):
            assert sent(catalog_of(main, "x", tmp_path / "cache"), "b", n=value) == {"n": value}


@pytest.mark.parametrize(
    "reference",
    [
        "../out.json",
        "%2e%2e/out.json",
        "a/../../out.json",
        "/etc/hostname",
        "file:///etc/hostname",
        "link.json",
        ".",
        "fifo",
    ],
)
def test_nothing_outside_the_folder_is_read(tmp_path: Path, reference: str) -> None:
    """Whatever way a reference takes out of it: the document is no more trusted than a script."""
    main = written(tmp_path, {"in/main.json": document({"$ref": reference}), "out.json": INTEGER})
    (tmp_path / "in/link.json").symlink_to(tmp_path / "out.json")
    os.mkfifo(tmp_path / "in/fifo")
    catalog = catalog_of(main, "x", tmp_path / "cache")
    assert "cannot be called" in refused(catalog)


@pytest.mark.parametrize("content", ["", "{", "a: [", "\0", "5"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    """The operation is refused with the file's name; the document is not lost."""
    main = written(tmp_path, {"main.json": document({"$ref": "bad.json#/A"}), "bad.json": content})
    assert "bad.json" in refused(catalog_of(main, "x", tmp_path / "cache"))


def test_a_url_names_the_file_beside_it(tmp_path: Path) -> None:
    """Where a file says by ``$id`` (or the document by ``$self``) where it is, its neighbours are found here."""
    files = {
        "main.json": {
            **document({"$ref": "https://x.test/api/a.json"}),
            "openapi": "3.2.0",
            "$self": "https://x.test/api/main",
        },
        "a.json": {"$id": "https://x.test/api/a.json", "properties": {"n": {"$ref": "b.json"}}},
        "b.json": INTEGER,
    }
    catalog = catalog_of(written(tmp_path, files), "x", tmp_path / "cache")
    assert sent(catalog, "b", n=1) == {"n": 1}
    refused(catalog, "n", n="text")


def test_a_url_is_no_document() -> None:
    """Nothing is fetched; the error says what to do."""
    with pytest.raises(CatalogError, match=r"https://x\.test/openapi\.json is a URL") as caught:
        catalog_of("https://x.test/openapi.json", "x")
    assert "Download it" in str(caught.value.hint)
