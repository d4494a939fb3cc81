"""An API that is not Stripe's: the same objects by paths, JSON both ways."""

from __future__ import annotations

from typing import Any

import pytest

from host.apis.openapi import compile


def operation(name: str, result: Any, *, body: str = "", query: tuple[str, ...] = (), path: tuple = ()) -> dict:
    made: dict[str, Any] = {"operationId": name, "responses": {"204": {"description": ""}}}
    if result is not None:
        made["responses"] = {"200": {"description": "", "content": {"application/json": {"schema": result}}}}
    if body:
        made["requestBody"] = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}}
    made["parameters"] = [{"name": n, "in": "query", "schema": {"type": "integer"}} for n in query]
    made["parameters"] += [{"name": n, "in": "path", "required": True, "schema": {"type": "integer"}} for n in path]
    return made


PET = {"$ref": "#/components/schemas/Pet"}
PETS = {"type": "array", "items": PET}
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.example.com/api/v3"}],
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "schemas": {
            "Pet": {
                "type": "object",
                "required": ["id", "name", "status", "born"],
                "properties": {
                    "id": {"type": "integer"},
                    "name": {"type": "string"},
                    "status": {"type": "string", "enum": ["available", "sold"]},
                    "born": {"type": "string", "format": "date-time"},
                    "ownerId": {"type": "integer"},
                    "note": {"type": "string", "nullable": True},
                    "tag": {"type": "string", "example": "dog"},
                },
            },
            "NewPet": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "tag": {"type": "string"},
                    "note": {"type": "string"},
                },
            },
            "Shop": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string", "format": "uuid"}, "title": {"type": "string"}},
            },
        },
    },
    "paths": {
        "/pets": {
            "get": operation("listPets", PETS, query=("limit", "offset")),
            "post": operation("createPet", PET, body="NewPet"),
        },
        "/pets/{petId}": {
            "get": operation("getPet", PET, path=("petId",)),
            "put": operation("replacePet", PET, body="NewPet", path=("petId",)),
            "delete": operation("deletePet", None, path=("petId",)),
        },
        "/owners/{ownerId}/pets": {
            "get": operation("listOwnerPets", PETS, path=("ownerId",)),
            "post": operation("createOwnerPet", PET, body="NewPet", path=("ownerId",)),
        },
        "/shops": {
            "get": operation(
                "listShops",
                {
                    "type": "object",
                    "required": ["items", "total"],
                    "properties": {
                        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Shop"}},
                        "total": {"type": "integer"},
                    },
                },
            ),
            "post": operation("createShop", {"$ref": "#/components/schemas/Shop"}, body="Shop"),
        },
    },
}


@pytest.fixture
def pets(make):
    return make(compile(DOCUMENT, "pets"), seed=1)


def test_objects_are_made_found_replaced_and_deleted(pets) -> None:
    """Objects are made, found, replaced and deleted."""
    made = pets.post("/pets", {"name": "Rex", "tag": "dog"})
    assert made == {
        "id": 1,
        "name": "Rex",
        "status": "available",
        "born": "2027-01-15T08:00:00.000Z",
        "note": None,
        "tag": "dog",
    }
    assert pets.get("/pets/1") == made
    assert pets.ask("PUT", "/pets/1", {"name": "Max"})[1]["name"] == "Max"
    assert pets.ask("DELETE", "/pets/1") == (204, None)
    status, error = pets.error("GET", "/pets/1")
    assert (status, error["code"]) == (404, "resource_missing")


def test_lists_are_whole_and_in_order_with_the_apis_own_paging(pets) -> None:
    """Lists are complete and in order, with the API's own paging."""
    for name in "abcd":
        pets.post("/pets", {"name": name})
    assert [pet["name"] for pet in pets.get("/pets")] == list("abcd")
    assert [pet["name"] for pet in pets.get("/pets", limit=2, offset=1)] == ["b", "c"]


def test_nested_collections_hold_their_own(pets) -> None:
    """What is made below an owner is listed there, and not below another."""
    made = pets.post("/owners/5/pets", {"name": "Rex"})
    assert made["ownerId"] == 5
    pets.post("/owners/6/pets", {"name": "Max"})
    assert [pet["name"] for pet in pets.get("/owners/5/pets")] == ["Rex"]
    assert len(pets.get("/pets")) == 2


def test_wrapped_lists_and_callers_ids(pets) -> None:
    """Lists come in the object their document describes, and a caller's id is taken once."""
    shop = pets.post("/shops", {"id": "6f1c1b7e-0000-4000-8000-000000000000", "title": "T"})
    assert pets.get("/shops") == {"items": [shop], "total": 0}
    status, error = pets.error("POST", "/shops", shop)
    assert (status, error["code"]) == (409, "resource_already_exists")


def test_bad_requests_are_json_errors_that_name_the_field(pets) -> None:
    """Bad requests are JSON errors that name the field."""
    for body, said in (
        ({"nam": "x"}, "Did you mean name?"),
        ({}, "Missing required param: name."),
        ({"name": 5}, "Invalid string: 5"),
    ):
        status, error = pets.error("POST", "/pets", body)
        assert status == 400
        assert said in error["message"]
        assert set(error) <= {"message", "code", "param"}
    assert pets.error("GET", "/cats")[0] == 404


def test_a_key_of_its_own_comes_the_way_the_api_says(make) -> None:
    """A key of its own comes the way the API says."""
    api = make(compile(DOCUMENT, "pets"), key="secret")
    assert api.error("GET", "/pets", Authorization="")[0] == 401
    assert api.ask("GET", "/pets", Authorization="", X_Key="secret")[0] == 200
    assert api.error("GET", "/pets", Authorization="", X_Key="wrong")[0] == 401


def test_the_base_urls_own_path_may_lead_the_path(pets) -> None:
    """The base URL's own path may lead the path."""
    assert pets.get("/api/v3/pets") == []
