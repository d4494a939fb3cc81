"""Added APIs simulated: what their documents say of paths, ids, envelopes and lists holds, whatever their style."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from host import Host
from host.apis.openapi import compile
from host.simulator.added_apis.ids import sample
from host.simulator.added_apis.paths import extends, normal, single

TEXT: dict[str, Any] = {"type": "string"}


def an(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members}


def body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def operation(
    id: str, answer: dict[str, Any] | None, *, takes: dict[str, Any] | None = None, query: Any = (), path: Any = ()
) -> dict[str, Any]:
    """``query``: parameters as they stand; ``path``: schemas of path parameters by name."""
    params = [*query, *({"name": n, "in": "path", "required": True, "schema": s} for n, s in dict(path).items())]
    made: dict[str, Any] = {"operationId": id, "parameters": params}
    made["responses"] = {"200": {"description": "", **body(answer)}} if answer else {"204": {"description": ""}}
    return {**made, "requestBody": body(takes)} if takes else made


def document(paths: dict[str, Any], **schemas: Any) -> dict[str, Any]:
    return {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def run(paths: dict[str, Any], code: str, **schemas: Any) -> Any:
    """What a script answers on a host that simulates such an API."""
    with Host(simulate=True) as host:
        host.add_api("x", document(paths, **schemas))
        return host.run_source(code).raise_for_error().value


IDS: list[tuple[dict[str, Any], dict[str, Any], str]] = [  # the member's schema, the path's, what both allow
    ({"type": "integer"}, {"type": "integer"}, r"\d+"),
    (TEXT, {"type": "integer"}, r"\d+"),
    ({**TEXT, "format": "uuid"}, TEXT, r"[0-9a-f-]{36}"),
    (TEXT, {**TEXT, "format": "uuid"}, r"[0-9a-f-]{36}"),
    ({**TEXT, "pattern": "^[A-Z0-9]+$"}, {**TEXT, "minLength": 5, "maxLength": 8}, "[A-Z0-9]{5,8}"),
    (TEXT, {**TEXT, "pattern": r"^CA[0-9a-fA-F]{32}$"}, "CA[0-9a-fA-F]{32}"),
    ({**TEXT, "pattern": r"^(cus|org)_[\w]{10}$"}, TEXT, r"(cus|org)_\w{10}"),
    ({**TEXT, "pattern": r"^\d{17,19}$"}, TEXT, r"\d{17,19}"),
    (TEXT, {**TEXT, "maxLength": 12}, ".{1,12}"),
    (TEXT, {**TEXT, "minLength": 40}, ".{40,}"),
    ({**TEXT, "format": "snowflake"}, TEXT, r"\d{18,20}"),
    ({"anyOf": [{**TEXT, "pattern": "^x-[0-9]{6}$"}, {"type": "integer"}]}, TEXT, "x-[0-9]{6}"),
]


@pytest.mark.parametrize(("member", "param", "form"), IDS)
def test_ids_are_what_the_document_allows(member: dict[str, Any], param: dict[str, Any], form: str) -> None:
    """By type, format, pattern and length of the member and of the path parameter: each is found, and all differ."""
    paths = {
        "/things": {"post": operation("make", ref("Thing"), takes=an(n={"type": "integer"}))},
        "/things/{id}": {"get": operation("show", ref("Thing"), path={"id": param})},
    }
    code = """
    local ids, seen = {}, {}
    for n = 1, 20 do
      local id = x.make{n = n}.id
      assert(x.show(id).n == n)
      assert(not seen[id])
      seen[id], ids[n] = true, tostring(id)
    end
    return ids"""
    for id in run(paths, code, Thing=an(id=member, n={"type": "integer"})):
        assert re.fullmatch(form, id), id


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z0-9]+$",
        r"^[a-z][a-z0-9-]{3,61}[a-z0-9]$",
        r"^\d{4}-\d{2}$",
        r"^(?:ab|cd){2,3}$",
        r"^[^/]{5}$",
        r"^a?b*c+$",
        r"^[\w.-]+@[\w.-]+$",
        r"^.{3}$",
        r"^(?P<x>[0-9a-f]{8})$",
        r"x",
        "",
        r"^[\s\S]{4}$",
        r"^[\d_]{6}$",
    ],
)
def test_a_sample_has_its_pattern(pattern: str) -> None:
    """Whatever chance makes of it."""
    source = random.Random(7)
    for _ in range(50):
        text = sample(pattern, source)
        assert re.search(pattern, text), text


def test_an_id_nobody_can_find_is_refused() -> None:
    """A pattern that its own length forbids is told, not answered with an id that breaks it."""
    paths = {
        "/things": {"post": operation("make", ref("Thing"), takes=an(n=TEXT))},
        "/things/{id}": {"get": operation("show", ref("Thing"), path={"id": TEXT})},
    }
    impossible = {**TEXT, "pattern": "^[a-z]{10}$", "maxLength": 5}
    with Host(simulate=True) as host:
        host.add_api("x", document(paths, Thing=an(id=impossible)))
        error = host.run_source("x.make{n = 'a'}").error
    assert error is not None
    assert "no id for /things" in error.message


MADE, SHOWN = an(id=TEXT), an(id=TEXT, title=TEXT, owner_id=TEXT)
# what is taken and answered by create, by retrieve and by the list; how the script says the title and finds it
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any], str, str, str]] = {
    "plain": (an(title=TEXT), SHOWN, SHOWN, an(data={"type": "array", "items": SHOWN}), "title = 'a'", "", "data"),
    "other schemas": (an(title=TEXT), MADE, SHOWN, {"type": "array", "items": SHOWN}, "title = 'a'", "", ""),
    "envelope": (
        an(incident=an(title=TEXT)), an(incident=SHOWN), an(incident=SHOWN),
        an(incidents={"type": "array", "items": SHOWN}), "incident = {title = 'a'}", "incident", "incidents",
    ),
    "data": (
        an(data=an(title=TEXT)), an(data=SHOWN), an(data=SHOWN), an(data={"type": "array", "items": SHOWN}),
        "data = {title = 'a'}", "data", "data",
    ),
    "answer's envelope": (
        an(title=TEXT), an(errors={"type": "array", "items": TEXT}, incident=SHOWN), an(incident=SHOWN),
        an(incidents={"type": "array", "items": SHOWN}), "title = 'a'", "incident", "incidents",
    ),
    "list of one": (
        an(Incidents={"type": "array", "items": SHOWN}), an(Incidents={"type": "array", "items": SHOWN}),
        an(Incidents={"type": "array", "items": SHOWN}), an(Incidents={"type": "array", "items": SHOWN}),
        "Incidents = {{title = 'a'}}", "Incidents[1]", "Incidents",
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", ["/incidents", "/v1/incidents.json", "/v1/rooms/{room_id}/incidents"])
def test_what_is_made_is_found_listed_changed_and_deleted(form: str, path: str) -> None:
    """In whatever envelope, also below an owner and where paths end in a suffix."""
    takes, made, shown, listed, given, inside, items = FORMS[form]
    stem, suffix = (path[:-5], ".json") if path.endswith(".json") else (path, "")
    owner = {"room_id": TEXT} if "{" in path else {}
    one = {**owner, "incident_id": TEXT}
    paths = {
        path: {
            "post": operation("make", made, takes=takes, path=owner),
            "get": operation("list", listed, path=owner),
        },
        f"{stem}/{{incident_id}}{suffix}": {
            "get": operation("show", shown, path=one),
            "patch": operation("change", shown, takes=takes, path=one),
            "delete": operation("remove", None, path=one),
        },
    }
    dot, rows = f".{inside}" if inside else "", f".{items}" if items else ""
    first, then = ("'r1', ", "'r1', ") if owner else ("", "")
    code = f"""
    local id = x.make({first}{{{given}}}){dot}.id
    x.make({first}{{{given}}})
    local found, listed = x.show({then}id){dot}.title, #x.list({first}{{}}){rows}
    local changed = x.change({then}id, {{{given.replace("'a'", "'b'")}}}){dot}
    x.remove({then}id)
    local gone, err = pcall(x.show, {then}id)
    local left = #x.list({first}{{}}){f".{items}" if items else ""}
    return {{found, listed, changed.title, changed.id == id, gone, err.status, left}}"""
    assert list(run(paths, code)) == ["a", 2, "b", True, False, 404, 1]


def test_a_collection_below_an_owner_is_its_own_unless_it_is_the_same() -> None:
    """Things of one owner are not those of another; where all are also in one place, they are there too."""
    pet, pets = ref("Pet"), {"type": "array", "items": ref("Pet")}
    paths = {
        "/pets": {"get": operation("all", pets), "post": operation("add", pet, takes=an(name=TEXT))},
        "/pets/{id}": {"get": operation("show", pet, path={"id": TEXT})},
        "/owners/{owner_id}/pets": {
            "get": operation("of", pets, path={"owner_id": TEXT}),
            "post": operation("give", pet, takes=an(name=TEXT), path={"owner_id": TEXT}),
        },
        "/cats/{name}": {"get": operation("cat", pet, path={"name": TEXT})},
        "/cats": {"get": operation("cats", pets), "post": operation("add_cat", pet, takes=an(name=TEXT))},
    }
    code = """
    local a, b = x.give("o1", {name = "Rex"}), x.give("o2", {name = "Max"})
    x.add_cat{name = "Tom"}
    return {a.owner_id, x.show(a.id).name, #x.of("o1"), #x.of("o2"), #x.all(), #x.cats(), x.cat("Tom").name,
      select(2, pcall(x.add_cat, {name = "Tom"})).status}"""
    assert list(run(paths, code, Pet=an(id=TEXT, name=TEXT, owner_id=TEXT))) == ["o1", "Rex", 1, 1, 2, 1, "Tom", 409]


def test_what_is_put_at_a_path_is_there() -> None:
    """A PUT makes what there is not; what is linked by another's id is found by it."""
    paths = {
        "/keys/{name}": {
            "put": operation("put", an(name=TEXT, value=TEXT), takes=an(value=TEXT), path={"name": TEXT}),
            "get": operation("get", an(name=TEXT, value=TEXT), path={"name": TEXT}),
        },
        "/groups/{g}/users": {"post": operation("join", ref("User"), takes=an(user_id=TEXT), path={"g": TEXT})},
        "/groups/{g}/users/{user_id}": {"get": operation("member", ref("User"), path={"g": TEXT, "user_id": TEXT})},
        "/groups/{g}/users/{user_id}/suspend": {
            "post": operation("suspend", ref("User"), path={"g": TEXT, "user_id": TEXT})
        },
    }
    code = """
    x.put("k", {value = "1"}) x.put("k", {value = "2"})
    x.join("g1", {user_id = "u7"})
    return {x.get("k").value, x.member("g1", "u7").id, x.suspend("g1", "u7").status, x.member("g1", "u7").status}"""
    user = an(id=TEXT, status={**TEXT, "enum": ["active", "suspended"]})
    assert list(run(paths, code, User=user)) == ["2", "u7", "suspended", "suspended"]


@pytest.mark.parametrize("required", [True, False])
def test_what_there_is_one_of_below_an_object_has_its_id(required: bool) -> None:
    """A draft, a profile: the same answer by the same schema as the object's, the required id in it."""
    page = an(id=TEXT, title=TEXT) | ({"required": ["id", "title"]} if required else {})
    paths = {
        "/pages": {"post": operation("create", page, takes=an(title=TEXT))},
        "/pages/{pageId}": {"get": operation("get", page, path={"pageId": TEXT})},
        "/pages/{pageId}/draft": {"get": operation("getDraft", page, path={"pageId": TEXT})},
        "/sites/{siteId}/style": {"get": operation("getStyle", page, path={"siteId": TEXT})},
    }
    with Host(simulate=True, apis={"cms": document(paths)}) as host:
        operations = [each for each in host._apis["cms"].catalog.operation_ids() if "raft" in each or "tyle" in each]
        assert len(operations) == 2
        for each in operations:
            found = host.run_source(f'return cms.{each}("p1")').raise_for_error().value
            assert host.run_source(f'return cms.{each}("p1")').value == found
            assert found["id"]


def test_collections_are_named_by_a_parameter() -> None:
    """Where ``/items/{collection}`` has items of its own, it makes and lists them, each for itself."""
    item, one = an(id=TEXT, title=TEXT), {"collection": TEXT}
    paths = {
        "/items/{collection}": {
            "get": operation("list", an(data={"type": "array", "items": item}), path=one),
            "post": operation("make", an(data=item), takes=an(title=TEXT), path=one),
        },
        "/items/{collection}/{id}": {"get": operation("show", an(data=item), path={**one, "id": TEXT})},
    }
    code = """
    local id = x.make("books", {title = "a"}).data.id
    return {x.show("books", id).data.title, #x.list("books").data, #x.list("films").data}"""
    assert list(run(paths, code)) == ["a", 1, 0]


LISTS = [
    ({"explode": False}, "a,b"),
    ({"style": "spaceDelimited", "explode": False}, "a b"),
    ({"style": "pipeDelimited", "explode": False}, "a|b"),
    ({}, "a&b"),
    ({"style": "form", "explode": True}, "a&b"),
]


@pytest.mark.parametrize(("style", "_"), LISTS)
def test_lists_are_read_as_they_are_written(style: dict[str, Any], _: str) -> None:
    """What the host sends is taken; what is no value of the document is not."""
    kind = {"type": "array", "items": {**TEXT, "enum": ["a", "b", "c d"]}}
    query = [{"name": "kind", "in": "query", "required": True, "schema": kind, **style}]
    paths = {"/search": {"get": operation("search", an(total={"type": "integer"}), query=query)}}
    code = """
    local taken = x.search{kind = {"a"}} ~= nil and x.search{kind = {"a", "b"}} ~= nil
    return {taken, pcall(x.request, "GET", "/search", {kind = "z"})}"""
    assert list(run(paths, code))[:2] == [True, False]


def test_lists_filter_by_members_and_keep_order() -> None:
    """By one value or several."""
    order = an(id=TEXT, status=TEXT, n={"type": "integer"})
    query = [
        {"name": "status", "in": "query", "schema": {"type": "array", "items": TEXT}, "explode": False},
        {"name": "n", "in": "query", "schema": {"type": "integer"}},
        {"name": "limit", "in": "query", "schema": {"type": "integer"}},
        {"name": "cursor", "in": "query", "schema": TEXT},
    ]
    listed = an(items={"type": "array", "items": order}, next_cursor=TEXT)
    paths = {
        "/orders": {
            "get": operation("list", listed, query=query),
            "post": operation("make", order, takes=an(status=TEXT, n={"type": "integer"})),
        },
        "/orders/{id}": {"get": operation("show", order, path={"id": TEXT})},
    }
    code = """
    for n = 1, 9 do x.make{n = n, status = ({"open", "shut", "void"})[n % 3 + 1]} end
    local some = {}
    for o in x.list{status = {"open", "void"}, limit = 2}:each() do some[#some + 1] = o.n end
    return {table.concat(some, " "), #x.list{n = 5}:collect(), #x.list{limit = 4}}"""
    assert list(run(paths, code)) == ["2 3 5 6 8 9", 1, 4]


NUMBER = {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "style", "asked", "found"),
    [
        (TEXT, {"name": "q"}, '{q = "open"}', None),
        ({**TEXT, "enum": ["n", "-n"]}, {"name": "sort"}, '{sort = "-n"}', None),
        ({**TEXT, "enum": ["n", "-n"], "default": "n"}, {"name": "sort"}, '{sort = "n"}', "1 2 3"),
        (TEXT, {"name": "api-version"}, '{api_version = "2"}', "1 2 3"),
        (an(gt=NUMBER, lte=NUMBER), {"name": "n", "style": "deepObject"}, "{n = {gt = 1}}", "2 3"),
        (an(gt=NUMBER, lte=NUMBER), {"name": "n", "style": "deepObject"}, "{n = {gt = 1, lte = 2}}", "2"),
        (an(near=NUMBER), {"name": "n", "style": "deepObject"}, "{n = {near = 1}}", None),
        (an(n=NUMBER, status=TEXT), {"name": "filter", "style": "deepObject"}, "{filter = {n = 3}}", "3"),
        (an(m=NUMBER), {"name": "filter", "style": "deepObject"}, "{filter = {m = 3}}", None),
    ],
)
def test_a_filter_is_a_member_of_what_is_listed_or_refused(schema, style, asked, found) -> None:
    """None is passed over: what the objects do not have is a 501, whether it searches, sorts or chooses."""
    order = an(id=TEXT, status=TEXT, n=NUMBER)
    query = [{"in": "query", "schema": schema, **style}]
    paths = {
        "/orders": {
            "get": operation("list", an(items={"type": "array", "items": order}), query=query),
            "post": operation("make", order, takes=an(status=TEXT, n=NUMBER)),
        },
        "/orders/{id}": {"get": operation("show", order, path={"id": TEXT})},
    }
    code = f"""
    for n = 1, 3 do x.make{{n = n, status = "open"}} end
    local done, answer = pcall(x.list, {asked})
    if not done then return {{answer.status, answer.code}} end
    local some = {{}}
    for _, o in ipairs(answer.items) do some[#some + 1] = o.n end
    return {{table.concat(some, " ")}}"""
    assert list(run(paths, code)) == ([501, "not_simulated"] if found is None else [found])


def test_paths_are_compared_by_what_is_fixed_in_them() -> None:
    """Names of parameters, suffixes, queries and fragments are no part of a collection."""
    assert normal("/a/{x}/b/{y}.json?z=1#q") == "/a/{}/b/{}"
    assert extends("/v1/owners/{}/pets", "/v1/pets")
    assert not extends("/orgs/{}/agents/variables", "/orgs/{}/actions/variables")
    assert [single(each) for each in ("statuses", "companies", "pets", "boxes")] == ["status", "company", "pet", "box"]


def test_operations_told_apart_by_query_or_fragment_share_one_path() -> None:
    """The first of the document is what the path means."""
    paths = {
        "/a/{id}": {"get": operation("one", an(id=TEXT), path={"id": TEXT})},
        "/a/{id}#more": {"get": operation("two", an(id=TEXT), path={"id": TEXT})},
    }
    from host.simulator.added_apis.routes import AddedRoutes

    found = AddedRoutes(compile(document(paths), "x")).find("GET", "/a/7")
    assert found is not None
    assert (found[0].operation.id, found[1]) == ("one", {"id": "7"})
