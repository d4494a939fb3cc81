"""Documents made to exhaust whoever reads them: refused with the place and the reason, or read in bounded work."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from host import CatalogError
from host.apis import document as documents
from host.apis import schemas
from host.apis.cache import catalog_of
from host.apis.check import checker
from host.apis.openapi import compile
from host.apis.regex_bounds import longest
from host.apis.validation_error import ValidationError
from host.simulator.simulator import Simulator

Json = dict[str, Any]


def ref(name: object) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def api(schema: Any, shared: Json | None = None) -> Json:
    """A document whose one operation takes and gives ``schema``."""
    content = {"content": {"application/json": {"schema": schema}}}
    operation = {"operationId": "make", "requestBody": content, "responses": {"200": {"description": "", **content}}}
    return {
        "openapi": "3.0.0",
        "info": {"title": "x", "version": "1"},
        "servers": [{"url": "http://127.0.0.1:9"}],
        "components": {"schemas": shared or {}},
        "paths": {"/a": {"post": operation}},
    }


def nested(depth: int, step: str = "items") -> Json:
    found: Json = {"type": "string"}
    for _ in range(depth):
        found = {"type": "array", "items": found} if step == "items" else {"type": "object", "properties": {"a": found}}
    return found


def both(name: str, mark: str) -> Json:
    return {"properties": {key: {"allOf": [ref(name), {"properties": {mark: {}}}]} for key in "ab"}}


END = {"type": "object", "properties": {"n": {"type": "string"}}}
TOO_MUCH, TOO_DEEP = "schemas to compile and compare", "nested more than 48 deep"
BOMBS: dict[str, tuple[Json, str]] = {
    "allOf of nine of nine": (
        api(ref("s0"), {f"s{i}": {"allOf": [ref(f"s{i + 1}")] * 9} for i in range(9)} | {"s9": END}),
        TOO_MUCH,
    ),
    "members that are merged twice each": (
        api(
            ref("s0"),
            {f"s{i}": {"allOf": [both(f"s{i + 1}", "x"), both(f"s{i + 1}", "y")]} for i in range(30)} | {"s30": END},
        ),
        TOO_DEEP,
    ),
    "lists in lists": (api({"type": "object", "properties": {"n": nested(900)}}), TOO_DEEP),
    "objects in objects": (api(nested(300, "properties")), TOO_DEEP),
    "a chain of allOf": (
        api(ref("s0"), {f"s{i}": {"allOf": [ref(f"s{i + 1}"), END]} for i in range(500)} | {"s500": END}),
        TOO_DEEP,
    ),
    "a chain of references": (
        api({"allOf": [ref("s0"), END]}, {f"s{i}": ref(f"s{i + 1}") for i in range(2000)} | {"s2000": END}),
        "in circles, or too deeply",
    ),
    "alternatives compared with one another": (
        api({"anyOf": [{"type": "string", "enum": [str(i)]} for i in range(30_000)]}),
        TOO_MUCH,
    ),
    "values compared with one another": (
        api({"allOf": [{"type": "string", "enum": [str(i + n) for i in range(50_000)]} for n in (0, 25_000)]}),
        TOO_MUCH,
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_its_place_and_reason(name: str) -> None:
    """Before its work is done, in a message of some lines."""
    document, reason = BOMBS[name]
    with pytest.raises(CatalogError, match=reason) as found:
        compile(document, "ev")
    assert len(found.value.message) < 600


HARMLESS: dict[str, Json] = {
    "a circle of allOf": api(ref("a"), {"a": {"allOf": [ref("b"), END]}, "b": {"allOf": [ref("a"), END]}}),
    "an alternative of itself": api(ref("a"), {"a": {"anyOf": [ref("a"), ref("a")]}}),
    "many values": api({"type": "string", "enum": [str(i) for i in range(100_000)]}),
    "many members": api({"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(20_000)}}),
    "many faults": api({"type": "object", "properties": {f"p{i}": {"type": "nonsense"} for i in range(20_000)}}),
    "a server that doubles": {
        **api(END),
        "servers": [
            {"url": "http://{v0}", "variables": {f"v{i}": {"default": f"{{v{i + 1}}}" * 2} for i in range(60)}}
        ],
    },
    "as deep as documents are": api(nested(40)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_like_one_is_read(name: str) -> None:
    """In work that grows as the document does; of its faults, the first thousand are told."""
    catalog = compile(HARMLESS[name], "ev")
    assert catalog.operation("make") is not None
    assert len(catalog.facts.warnings) <= documents.MOST_WARNINGS


NINE = ",".join(["*{}"] * 9)
YAML: dict[str, tuple[str, str]] = {
    "aliases of nine aliases": (
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{NINE.replace('{}', f'a{i - 1}')}]\n" for i in range(1, 30)),
        "aliases written out",
    ),
    "merges of nine merges": (
        "a0: &a0 {k: v}\n"
        + "".join(f"a{i}: &a{i} {{<<: [{NINE.replace('{}', f'a{i - 1}')}]}}\n" for i in range(1, 15)),
        "aliases written out",
    ),
    "an alias in itself": ("openapi: 3.0.0\npaths: &a {x: *a}\n", "alias that contains itself"),
    "brackets": ("a: " + "[" * 100_000, "too deep"),
    "dashes": ("- " * 100_000 + "x", "too deep"),
    "question marks": ("? " * 100_000, "too deep"),
    "lines further and further in": ("\n".join(" " * i + "a:" for i in range(2000)), "too deep"),
    "many values": ("- x\n" * 1_600_000, "1,500,000 values"),
    "a number": ("a: " + "1" * 100_000, "100,000 digits"),
    "a time": ("a: 1" + ":59" * 50_000, "digits"),
}


@pytest.mark.parametrize("name", YAML)
def test_yaml_is_counted_with_its_aliases_written_out(name: str, tmp_path: Path) -> None:
    """And never read deeper than its reader bears."""
    pytest.importorskip("yaml")
    text, reason = YAML[name]
    path = tmp_path / "api.yaml"
    path.write_text(text)
    with pytest.raises(CatalogError, match=reason):
        catalog_of(path, "ev", tmp_path)


def test_a_file_is_unpacked_as_far_as_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gzip file of a few kilobytes that holds megabytes; a plain one as large; one with too many values."""
    monkeypatch.setattr(documents, "MOST_BYTES", 1 << 20)
    packed, plain = tmp_path / "api.json.gz", tmp_path / "api.json"
    packed.write_bytes(gzip.compress(b" " * (1 << 24)))
    plain.write_bytes(b" " * ((1 << 20) + 1))
    for path, reason in ((packed, "over 1 MB, unpacked"), (plain, "over 1 MB$")):
        with pytest.raises(CatalogError, match=reason):
            catalog_of(path, "ev", tmp_path)
    monkeypatch.setattr(documents, "MOST_VALUES", 1000)
    plain.write_text(json.dumps({"openapi": "3.0.0", "x": [[]] * 2000}))
    with pytest.raises(CatalogError, match="more than 1,000 values"):
        catalog_of(plain, "ev", tmp_path)


def test_the_largest_documents_have_room(request: pytest.FixtureRequest) -> None:
    """Stripe's own takes a hundredth of the work that is allowed."""
    from host.apis.stripe.compile import DOCUMENT

    if not DOCUMENT.exists():
        pytest.skip("a package without its document")
    made: list[schemas.SchemaCompiler] = []
    usual = schemas.SchemaCompiler.__init__

    def noted(self: schemas.SchemaCompiler, *args: Any, **options: Any) -> None:
        usual(self, *args, **options)
        made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas.SchemaCompiler, "__init__", noted)
        compile(documents.read_document(DOCUMENT), "stripe")
    assert 0 < made[0]._work < schemas.MOST_WORK / 10


PATTERNS = {
    r"^[a-z]+$": 1 << 30,
    r"^cus_[A-Za-z0-9]{14}$": 1 << 30,
    r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$": 1 << 30,
    r"^(red|green|blue)(,(red|green|blue))*$": 1 << 30,
    r"^(\+|-)?[0-9]+(\.[0-9]+)?$": 1000,
    r"^([a-z0-9]+(-[a-z0-9]+)*)$": 99,
    r"^[^@]+@[^@]+\.[a-z]+$": 99,
    r"(a*)(a*)(a*)(a*)b": 15,
    "a?" * 30 + "a" * 30: 1,
    r"(a+)+b": 0,
    r"(a|aa)+$": 0,
    r"(a|a)*b": 0,
    r"^(a+b?)+c": 0,
    r"(x{1,10}){1,10}y": 0,
    r"(.*a){20}": 0,
    r"^(([a-z])+.)+[A-Z]([a-z])+$": 0,
    r"(?:a*)*": 0,
    r"((ab)*)*": 0,
    r"(a?){50}a{50}": 0,
    r"(\w|\d)+x": 1000,  # one set of characters, to Python
    r"(\w\w|\d)+x": 0,
    "(" * 500 + "a" + ")" * 500: 0,
    r"(": 0,
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_tried_on_as_long_a_text_as_they_bear(pattern: str) -> None:
    """Any, where there is one way to read it; none, where the ways multiply with each letter."""
    assert longest(pattern) == PATTERNS[pattern]


def test_a_pattern_that_could_take_for_ever_is_left_to_the_api() -> None:
    """One that is harmless is checked, also with repeats inside of repeats."""
    catalog = compile(
        api(
            {
                "type": "object",
                "properties": {
                    "evil": {"type": "string", "pattern": "^(a|aa)+$"},
                    "good": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"},
                },
            }
        ),
        "ev",
    )
    operation = catalog.operation("make")
    assert operation is not None
    evil, good = (checker(catalog, operation.params[name].schema) for name in ("evil", "good"))
    assert evil("a" * 100 + "!", True)
    assert good("a-b", True)
    with pytest.raises(ValidationError, match=re.escape("^[a-z]+(-[a-z]+)*$")):
        good("a-B", True)


def test_alternatives_in_alternatives_are_tried_a_thousand_times() -> None:
    """A table in a table in a table, each of which two schemas could describe: two to the twentieth, else."""
    one = {"type": "object", "properties": {"x": ref("a"), "p": {"type": "integer"}}, "required": ["p"]}
    two = {"type": "object", "properties": {"x": ref("a")}}
    catalog = compile(
        api({"type": "object", "properties": {"v": ref("a")}}, {"a": {"anyOf": [one, two, {"type": "integer"}]}}), "ev"
    )
    operation = catalog.operation("make")
    assert operation is not None
    check = checker(catalog, operation.params["v"].schema)
    value: Any = "bad"
    for _ in range(40):
        value = {"x": value}
    with pytest.raises(ValidationError):
        check(value, True)
    assert check({"x": {"x": 1}}, True) == {"x": {"x": 1}}


def test_a_simulated_object_has_so_many_fields() -> None:
    """Forty required fields, each with forty required fields of their own: not forty to the sixth."""
    names = [f"p{i}" for i in range(40)]
    schema = {
        "type": "object",
        "required": [*names, "id"],
        "properties": {"id": {"type": "string"}, **{name: ref("a") for name in names}},
    }
    document = api(ref("a"), {"a": schema})
    document["paths"]["/a"]["post"]["requestBody"]["content"]["application/json"]["schema"] = {"type": "object"}
    simulator = Simulator(compile(document, "ev"))
    headers = {"authorization": "Bearer x", "content-type": "application/json"}
    status, _, body = simulator.handle("POST", "/a", headers, b"{}")
    assert status == 200
    assert len(body) < 1 << 20
