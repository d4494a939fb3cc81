"""Compiling OpenAPI documents: 3.0 and 3.1, cycles and compositions, and what cannot be used is named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from host.apis.catalog import Catalog, Operation, Schema
from host.apis.facts import Auth, Facts
from host.apis.naming import given_id, identifier, singular
from host.apis.openapi import compile, read_document
from host.apis.prepare import check_value, prepare
from host.apis.stripe.facts import compile_stripe
from host.errors import CatalogError, InvalidCall
from tests.apis.documents import answers, small, takes


def of(catalog: Catalog, id: str) -> Operation:
    operation = catalog.operation(id)
    assert operation is not None
    return operation


def sends(schema: dict[str, Any]) -> dict[str, Any]:
    """An operation whose body is of that schema."""
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


PETSTORE: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "2.0"},
    "servers": [{"url": "https://{zone}.pets.test/v2/", "variables": {"zone": {"default": "eu"}}}],
    "security": [{"key": []}],
    "paths": {
        "/pet": {
            "post": {
                "operationId": "addPet",
                "requestBody": {"$ref": "#/components/requestBodies/Pet"},
                "responses": answers({"$ref": "#/components/schemas/Pet"}),
            },
        },
        "/pet/{petId}": {
            "parameters": [{"$ref": "#/components/parameters/PetId"}],
            "get": {"operationId": "getPetById", "responses": answers({"$ref": "#/components/schemas/Pet"})},
            "delete": {"operationId": "deletePet", "security": [], "responses": {"204": {"description": ""}}},
        },
        "/pet/{petId}/photos": {
            "servers": [{"url": "https://photos.pets.test"}],
            "post": {
                "operationId": "pets/photos/add",
                "parameters": [{"$ref": "#/components/parameters/PetId"}],
                "requestBody": takes({"type": "string", "format": "binary"}, "application/octet-stream"),
                "responses": answers({"type": "object", "properties": {"id": {"type": "string"}}}),
            },
        },
    },
    "components": {
        "parameters": {"PetId": {"name": "petId", "in": "path", "required": True, "schema": {"type": "integer"}}},
        "requestBodies": {"Pet": takes({"$ref": "#/components/schemas/Pet"})},
        "schemas": {
            "Base": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "owner": {"$ref": "#/components/schemas/Owner"}},
            },
            "Owner": {
                "type": "object",
                "properties": {"pets": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}},
            },
            "Pet": {
                "allOf": [
                    {"$ref": "#/components/schemas/Base"},
                    {
                        "type": "object",
                        "required": ["id", "kind"],
                        "properties": {
                            "id": {"type": "integer", "readOnly": True},
                            "kind": {"allOf": [{"$ref": "#/components/schemas/Kind"}], "description": "x"},
                            "age": {"type": "integer", "nullable": True},
                        },
                    },
                ]
            },
            "Kind": {"type": "string", "enum": ["cat", "dog"]},
        },
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
    },
}


def test_a_3_0_document_with_cycles_and_all_of() -> None:
    """References, path-item parameters, merged objects, read-only members, servers and security."""
    catalog = compile(PETSTORE, "pets")
    assert catalog.warnings == ()
    assert (catalog.base_url, catalog.version) == ("https://eu.pets.test/v2", "2.0")
    assert catalog.operation_ids() == ("addPet", "getPetById", "deletePet", "pets.photos.add")
    assert set(catalog.builder_names()) == {"pet", "pet_photo"}
    add = of(catalog, "addPet")
    assert set(add.params) == {"name", "owner", "kind", "age"}  # the id is the API's to give
    assert {name for name, param in add.params.items() if param.required} == {"name", "kind"}
    assert add.returns_id
    pet = catalog.schema("Pet")
    assert pet.required == ("name", "id", "kind")
    assert catalog.resolve(pet.properties["kind"]).enum == ("cat", "dog")
    assert pet.properties["age"].nullable
    with pytest.raises(InvalidCall, match=r'owner.pets\[1\].kind: expected one of "cat", "dog", got "cow"'):
        check_value(catalog, add, "owner", {"pets": [{"name": "x", "kind": "cow"}]})
    request = prepare(catalog, add, {"name": "x", "kind": "cat", "age": None}, base_url=catalog.base_url)
    assert json.loads(request.content) == {"name": "x", "kind": "cat", "age": None}
    assert request.credential == "pets"
    assert prepare(catalog, of(catalog, "deletePet"), {"petId": 5}, base_url="https://x.test").credential is None
    photo = prepare(catalog, of(catalog, "pets.photos.add"), {"petId": 5, "body": b"x"}, base_url=catalog.base_url)
    assert photo.url == "https://photos.pets.test/pet/5/photos"
    assert catalog.auth == {"key": Auth(kind="header", name="X-Key")}


def test_a_3_1_document_with_type_lists_and_alternatives() -> None:
    """Null as a type, const, anyOf and oneOf, schemas that are true, references into the document."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "size": {"type": ["integer", "null"], "exclusiveMinimum": 0},
            "any": True,
            "both": {"type": ["string", "integer"]},
            "either": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {"type": {"const": "a"}, "x": {"type": "string"}},
                        "required": ["x"],
                    },
                    {
                        "type": "object",
                        "properties": {"type": {"const": "b"}, "y": {"type": "string"}},
                        "required": ["y"],
                    },
                    {"type": "null"},
                ]
            },
            "same": {"$ref": "#/paths/~1things/post/requestBody/content/application~1json/schema/properties/size"},
            "with_base": {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
            },
            "labels": {"type": "object", "patternProperties": {"^x": {"type": "string"}}},
            "file": {"type": "string", "contentMediaType": "image/png"},
        },
    }
    paths = {"/things": {"post": {"operationId": "things.create", "requestBody": takes(schema)}}}
    catalog = small(paths)
    thing = of(catalog, "things.create")
    assert catalog.warnings == ()
    shape = {name: catalog.resolve(param.schema) for name, param in thing.params.items()}
    assert (shape["size"].type, shape["size"].nullable, shape["size"].minimum) == ("integer", True, 1)
    assert shape["same"] == shape["size"]
    assert shape["any"] == Schema()
    assert shape["file"].format == "binary"
    for name, value in [
        ("both", 5),
        ("both", "x"),
        ("either", {"type": "b", "y": "1"}),
        ("any", {"deep": [1, {"x": None}]}),
        ("with_base", {"b": "x"}),
        ("labels", {"x1": "y"}),
    ]:
        assert check_value(catalog, thing, name, value) == value
    with pytest.raises(InvalidCall, match=r"either: [xy] is missing"):
        prepare(catalog, thing, {"either": {}}, base_url="https://small.test")
    with pytest.raises(InvalidCall, match="size: expected at least 1, got 0"):
        check_value(catalog, thing, "size", 0)


def test_stripes_own_document_compiles_to_the_same_names() -> None:
    """Mechanical operationIds give way to the path's words and x-stripeOperations."""
    invoice = {"$ref": "#/components/schemas/invoice"}
    path = {
        "name": "invoice",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "style": "simple",
    }
    text = {"type": "string", "maxLength": 5000}
    page = {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": invoice},
            "has_more": {"type": "boolean"},
            "object": {"type": "string", "enum": ["list"]},
        },
    }
    nested = {"style": "deepObject", "explode": True}
    form = "application/x-www-form-urlencoded"
    body = {
        "type": "object",
        "properties": {
            "customer": text,
            "billing": {"type": "string", "enum": ["charge_automatically", "send_invoice"]},
            "metadata": {
                "anyOf": [
                    {"type": "object", "additionalProperties": {"type": "string"}},
                    {"type": "string", "enum": [""]},
                ]
            },
        },
        "additionalProperties": False,
    }
    cursor = {"name": "starting_after", "in": "query", "schema": text, "style": "form"}
    empty = {
        "required": False,
        "content": {form: {"schema": {"type": "object", "properties": {}}, "encoding": {}}},
    }
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Stripe API", "version": "2026-09-30.endive"},
        "servers": [{"url": "https://api.stripe.com/"}],
        "security": [{"basicAuth": []}, {"bearerAuth": []}],
        "paths": {
            "/v1/invoices": {
                "get": {
                    "operationId": "GetInvoices",
                    "parameters": [cursor],
                    "requestBody": empty,
                    "responses": answers(page),
                },
                "post": {
                    "operationId": "PostInvoices",
                    "requestBody": takes(body, form, encoding={"metadata": nested}),
                    "responses": answers(invoice),
                },
            },
            "/v1/invoices/search": {"get": {"operationId": "GetInvoicesSearch", "responses": answers(page)}},
            "/v1/invoices/{invoice}": {
                "get": {
                    "operationId": "GetInvoicesInvoice",
                    "parameters": [path],
                    "responses": answers(invoice),
                },
                "post": {
                    "operationId": "PostInvoicesInvoice",
                    "parameters": [path],
                    "responses": answers(invoice),
                },
                "delete": {
                    "operationId": "DeleteInvoicesInvoice",
                    "parameters": [path],
                    "responses": answers(invoice),
                },
            },
            "/v1/invoices/{invoice}/finalize": {
                "post": {
                    "operationId": "PostInvoicesInvoiceFinalize",
                    "parameters": [path],
                    "responses": answers(invoice),
                }
            },
        },
        "components": {
            "schemas": {
                "invoice": {
                    "type": "object",
                    "properties": {
                        "id": text,
                        "charge": {
                            "nullable": True,
                            "anyOf": [text, {"$ref": "#/components/schemas/charge"}],
                            "x-expansionResources": {"oneOf": [{"$ref": "#/components/schemas/charge"}]},
                        },
                    },
                    "x-resourceId": "invoice",
                    "x-stripeOperations": [
                        {
                            "method_name": "finalize_invoice",
                            "method_on": "service",
                            "operation": "post",
                            "path": "/v1/invoices/{invoice}/finalize",
                        }
                    ],
                },
                "charge": {"type": "object", "properties": {"invoice": invoice}},
                "deleted_invoice": {"type": "object", "properties": {"id": text}},
            },
            "securitySchemes": {
                "basicAuth": {"type": "http", "scheme": "basic"},
                "bearerAuth": {"type": "http", "scheme": "bearer"},
            },
        },
    }
    catalog = compile_stripe(document)
    assert catalog.warnings == ()
    assert catalog.operation_ids() == (
        "invoices.list",
        "invoices.create",
        "invoices.search",
        "invoices.retrieve",
        "invoices.update",
        "invoices.delete",
        "invoices.finalize_invoice",
    )
    assert catalog.builder_names() == ("invoice",)
    assert of(catalog, "PostInvoices").id == "invoices.create"
    create = of(catalog, "invoices.create")
    assert create.keyed
    assert create.returns_id
    assert of(catalog, "invoices.list").paging == "cursor"
    assert of(catalog, "invoices.list").result.list_of == "invoice"  # type: ignore[union-attr]
    assert catalog.schema("invoice").properties["charge"].expandable
    assert catalog.schema("invoice").deleted == "deleted_invoice"
    arguments = {"metadata": {"k": "v"}, "billing": "a_new_way"}
    request = prepare(catalog, create, arguments, base_url=catalog.base_url)
    assert request.content == b"metadata[k]=v&billing=a_new_way"
    assert catalog.default_security == (("bearerAuth",),)


def test_names_clash_and_miss_and_are_odd() -> None:
    """Every operation gets a name, once, that Lua can write; the document's order decides."""
    operation: dict[str, Any] = {"responses": answers({})}
    catalog = small(
        {
            "/api/v1/users": {"get": operation, "post": operation},
            "/api/v1/users/{id}": {
                "get": operation,
                "put": operation,
                "patch": operation,
                "delete": operation,
            },
            "/api/v1/users/{id}/end": {"post": operation},
            "/a": {"get": operation | {"operationId": "twice"}},
            "/b": {"get": operation | {"operationId": "twice"}},
            "/c-d/{x}": {"get": operation | {"operationId": "read_c_d_c_d__x__get"}},
            "/e": {"get": operation | {"operationId": "repeat"}},
            "/f": {"get": operation | {"operationId": "users.list.all"}},
            "/g": {"get": operation | {"operationId": "2nd thing!"}},
        }
    )
    assert catalog.operation_ids() == (
        "users.list",
        "users.create",
        "users.retrieve",
        "users.replace",
        "users.update",
        "users.delete",
        "users.end_",
        "twice",
        "b.retrieve",
        "c_d.retrieve",
        "repeat_",
        "f.retrieve",
        "_2nd.thing",
    )
    assert "GET /b: its operationId is taken; it is called b.retrieve" in catalog.warnings
    assert catalog.builder_names() == ("user",)


def test_parameters_of_one_name_in_several_places_stay_apart() -> None:
    """The path keeps the name, the body's gets its place at the end; names are written for Lua."""
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "end": {"type": "string"}, "a-b": {"type": "string"}},
    }
    param = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    catalog = small({"/x/{id}": {"put": {"parameters": [param], "requestBody": takes(schema)}}})
    put = of(catalog, "x.update")
    assert list(put.params) == ["id", "id_body", "end_", "a_b"]
    arguments = {"id": "1", "id_body": "2", "end": "3", "a-b": "4"}  # the wire's names are known too
    request = prepare(catalog, put, arguments, base_url="https://small.test")
    assert json.loads(request.content) == {"id": "2", "end": "3", "a-b": "4"}


@pytest.mark.parametrize(
    ("word", "one"),
    [
        ("products", "product"),
        ("tax_ids", "tax_id"),
        ("addresses", "address"),
        ("financial_addresses", "financial_address"),
        ("entries", "entry"),
        ("boxes", "box"),
        ("branches", "branch"),
        ("statuses", "status"),
        ("status", "status"),
        ("address", "address"),
        ("analysis", "analysis"),
        ("people", "person"),
        ("series", "series"),
        ("sources", "source"),
        ("purchases", "purchase"),
        ("movies", "movie"),
        ("taxIds", "taxId"),
        ("us", "us"),
        ("balance", "balance"),
    ],
)
def test_singulars(word: str, one: str) -> None:
    """Names of builders and of add_ methods."""
    assert singular(word) == one


def test_identifiers_and_given_names() -> None:
    """What the document's own names become."""
    assert [identifier(text) for text in ("a-b", "end", "1st", "", "é")] == ["a_b", "end_", "_1st", "_", "_"]
    assert given_id("pulls/list-reviews", "/pulls/{id}/reviews", "get") == "pulls.list_reviews"
    assert given_id("PostCheckoutSessions", "/v1/checkout/sessions", "post") == ""
    assert given_id("read_items_items__get", "/items/", "get") == ""
    assert given_id(None, "/x", "get") == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"openapi": None, "swagger": "1.2"},
            "the document is Swagger 1.2; Swagger 2.0 and OpenAPI 3.0 to 3.2 are read",
        ),
        ({"openapi": "4.0.0"}, "expected 3.0.x, 3.1.x or 3.2.x"),
        ({"paths": {}}, "the document has no paths"),
        ({"paths": {"/x": 5}}, "the document has no operation that can be used"),
    ],
)
def test_a_document_that_cannot_be_used_is_refused(change: dict[str, Any], said: str) -> None:
    """The error says what was found and what is read."""
    document = {"openapi": "3.1.0", "paths": {"/x": {"get": {}}}} | change
    with pytest.raises(CatalogError) as caught:
        compile(document, "x")
    assert said in caught.value.message


def test_broken_places_are_named_and_the_rest_is_used() -> None:
    """A fault in one place does not take the others away."""
    good = {"operationId": "good", "responses": answers({"$ref": "#/components/schemas/none"})}
    bad = {
        "operationId": "bad",
        "parameters": [
            {"$ref": "#/nowhere"},
            {"in": "query"},
            {"name": "q", "in": "query", "schema": {"type": "strin"}},
        ],
    }
    loop = {"operationId": "loop", "responses": answers({"$ref": "#/components/schemas/loop"})}
    outside = {"operationId": "outside", "responses": answers({"$ref": "other.yaml#/x"})}
    catalog = small(
        {"/good/{id}": {"get": good}, "/bad": {"get": bad}, "/loop": {"get": loop}, "/out": {"get": outside}},
        components={
            "schemas": {
                "loop": {"allOf": [{"$ref": "#/components/schemas/loop"}, {"type": "object"}, {"required": ["a"]}]}
            }
        },
    )
    assert catalog.operation_ids() == ("good", "bad", "loop", "outside")
    text = "\n".join(catalog.warnings)
    for said in (
        "GET /good/{id}: the path parameter 'id' is not described",
        "the reference '#/components/schemas/none' points to nothing",
        "GET /bad: cannot be called: a parameter is not known: the reference '#/nowhere' points to nothing",
        "None in 'query' is not a parameter",
        "has the unknown type 'strin'",
        "allOf includes 'loop' in itself",
        "GET /out: a part of its answer is not known: the reference to 'other.yaml' leaves a document",
    ):
        assert said in text


def test_security_is_the_first_way_that_is_known() -> None:
    """Bearer before basic, several keys at once, and none where none is needed."""
    schemes = {
        "basic": {"type": "http", "scheme": "Basic"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "app": {"type": "apiKey", "in": "query", "name": "app"},
        "login": {
            "type": "oauth2",
            "flows": {"clientCredentials": {"tokenUrl": "https://t.test/token", "scopes": {"read": ""}}},
        },
        "odd": {"type": "mutualTLS"},
    }
    catalog = small(
        {
            "/a": {
                "get": {
                    "operationId": "a",
                    "security": [{"odd": []}, {"basic": []}, {"bearer": [], "app": []}],
                }
            },
            "/b": {"get": {"operationId": "b", "security": []}},
            "/c": {"get": {"operationId": "c", "security": [{}, {"login": ["read"]}]}},
            "/d": {"get": {"operationId": "d"}},
        },
        components={"securitySchemes": schemes},
        security=[{"basic": []}],
    )
    assert of(catalog, "a").security == (("basic",), ("bearer", "app"))  # what nobody can send is no way in
    assert of(catalog, "b").security == ()
    assert of(catalog, "c").security == ((), ("login",))
    assert of(catalog, "d").security is None
    assert catalog.default_security == (("basic",),)
    assert catalog.auth["login"] == Auth(kind="oauth2", token_url="https://t.test/token", scopes=("read",))
    assert any("mutualTLS" in warning for warning in catalog.warnings)


def test_an_idempotency_header_is_the_hosts() -> None:
    """Where the document has one, operations that take it are known, and scripts do not see it."""
    header = {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}}
    catalog = small({"/x": {"post": {"operationId": "pay", "parameters": [header]}, "get": {"operationId": "see"}}})
    assert catalog.idempotency_header == "Idempotency-Key"
    assert of(catalog, "pay").keyed
    assert not of(catalog, "see").keyed
    assert of(catalog, "pay").params == {}


@pytest.mark.parametrize("again", ["get: {}", '"get": {}'])
def test_two_members_of_one_name_are_refused(tmp_path: Path, again: str) -> None:
    """YAML's readers keep the last: the error names the line, and a merged key that is given again is none of these."""
    pytest.importorskip("yaml")
    file = tmp_path / "twice.yaml"
    file.write_text(f"paths:\n  /x:\n    get: {{}}\n    put: {{}}\n    {again}\n")
    with pytest.raises(CatalogError, match=r"twice\.yaml, line 5: an object has two members called 'get'"):
        read_document(file)
    file.write_text("a: &a {b: 1}\nc:\n  <<: *a\n  b: 2\n")
    assert read_document(file) == {"a": {"b": 1}, "c": {"b": 2}}


def test_documents_are_read_from_json_yaml_and_gzip(tmp_path: Path) -> None:
    """The same document whatever it is written in; YAML's dates and numbers as keys stay text."""
    pytest.importorskip("yaml")
    (tmp_path / "a.json").write_text(json.dumps(PETSTORE))
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(PETSTORE).encode()))
    (tmp_path / "a.yaml").write_text(
        "openapi: 3.0.3\ninfo: {title: T, version: 2024-01-01}\npaths:\n  /x:\n    get:\n"
        "      operationId: on\n      responses:\n        200: {description: ''}\n"
    )
    assert read_document(tmp_path / "a.json") == read_document(tmp_path / "a.json.gz") == PETSTORE
    document = read_document(tmp_path / "a.yaml")
    assert document["info"]["version"] == "2024-01-01"
    assert list(document["paths"]["/x"]["get"]["responses"]) == ["200"]
    (tmp_path / "b.yaml").write_text("a: [")
    with pytest.raises(CatalogError, match=r"b\.yaml is neither JSON nor YAML"):
        read_document(tmp_path / "b.yaml")
    with pytest.raises(CatalogError, match="cannot be read: No such file"):
        read_document(tmp_path / "none.json")


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "a: " + "[" * 50_000], ids=["json", "yaml"])
def test_documents_nested_without_end(tmp_path: Path, text: str) -> None:
    """They are refused by name; libyaml's own recursion would end the process."""
    pytest.importorskip("yaml")
    (tmp_path / "deep").write_text(text)
    with pytest.raises(CatalogError, match="deep is nested too deep"):
        read_document(tmp_path / "deep")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"/bad\r\nX-Evil: 1": {"get": {}}}, "left out: a path has no spaces"),
        ({"/bad": {"post": sends({"type": 5})}}, "is not a schema"),
        ({"/bad": {"post": sends({"type": "object", "properties": [1]})}}, ""),
        ({"/bad": {"post": sends({"enum": 5})}}, "is not a schema"),
        ({"/bad": {"post": sends({"allOf": 5})}}, "is not a schema"),
        ({"/bad": {"get": {"parameters": 5}}}, ""),
        ({"/bad": {"get": {"parameters": [5, None, {"in": 5, "name": []}]}}}, ""),
        ({"/bad": {"get": {"responses": 5}}}, ""),
        ({"/bad": {"get": {"responses": {"200": {"content": 5}}}}}, ""),
        ({"/bad": {"get": {"tags": 5, "security": 5, "servers": 5, "x-sdk-aliases": 5}}}, ""),
    ],
)
def test_parts_of_the_wrong_type(wrong: dict[str, Any], told: str) -> None:
    """What cannot be read is left out or taken for anything, with a warning; the rest can be used."""
    catalog = small({**wrong, "/good": {"get": {"operationId": "good"}}})
    assert catalog.operation("good") is not None
    assert told in " ".join(catalog.warnings)


def test_a_catalog_survives_its_file(tmp_path: Path) -> None:
    """Dumped and loaded it is the same; a damaged or foreign file is said to be so."""
    catalog = compile(PETSTORE, "pets", facts=Facts(name="pets", base_url="http://own.test"))
    path = tmp_path / "pets.catalog"
    path.write_bytes(catalog.dump())
    again = Catalog.load(path)
    assert again.base_url == "http://own.test"
    assert again.dump() == catalog.dump()
    assert of(again, "addPet") == of(catalog, "addPet")
    assert again.operation("nothing") is None
    assert again.builder("nothing") is None
    with pytest.raises(CatalogError, match="pets has no schema 'Nothing'"):
        again.schema("Nothing")
    for data in (b"", b"\x00", catalog.dump()[:-5], b"\x81\xa6format\x63"):
        with pytest.raises(CatalogError) as caught:
            Catalog.load(data)
        assert caught.value.hint == "Compile it again."
    with pytest.raises(CatalogError, match="cannot be read"):
        Catalog.load(tmp_path / "none")


def test_methods_of_openapi_3_2_are_operations() -> None:
    """QUERY with its body, and whatever method the document adds; QUERY and TRACE change nothing."""
    paths = {
        "/a": {
            "query": {"operationId": "ask", "requestBody": takes({"properties": {"q": {"type": "string"}}})},
            "trace": {"operationId": "trace"},
            "additionalOperations": {"COPY": {"operationId": "copy"}, "no method": {}, "TRACE": {}},
        }
    }
    catalog = small(paths, "3.2.0")
    sent = prepare(catalog, of(catalog, "ask"), {"q": "x"}, base_url="https://small.test")
    assert (sent.method, sent.content) == ("QUERY", b'{"q":"x"}')
    assert [of(catalog, id).method for id in catalog.operation_ids()] == ["TRACE", "QUERY", "COPY"]
    assert [of(catalog, id).mutation for id in catalog.operation_ids()] == [False, False, True]
    assert [each for each in catalog.warnings if "additional" in each] == [
        "/a: the additional operation 'no method' is left out: it is not a method, or is given twice",
        "/a: the additional operation 'TRACE' is left out: it is not a method, or is given twice",
    ]


@pytest.mark.parametrize("method", ["get", "head", "trace"])
def test_a_body_without_a_meaning_is_named(method: str) -> None:
    """It is not sent, and a warning says so; one of DELETE is sent."""
    body = takes({"type": "array", "items": {"type": "string"}})
    catalog = small(
        {"/a": {method: {"operationId": "a", "requestBody": body}, "delete": {"operationId": "d", "requestBody": body}}}
    )
    assert any(f"{method.upper()} /a: its request body is not sent" in each for each in catalog.warnings)
    assert of(catalog, "a").body is None
    sent = prepare(catalog, of(catalog, "d"), {"body": ["x"]}, base_url="https://small.test")
    assert sent.content == b'["x"]'
