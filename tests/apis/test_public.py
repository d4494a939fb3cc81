"""Documents of real APIs, as they are published, become words of a script (docs/apis.md has the table)."""

from __future__ import annotations

from pathlib import Path

import pytest

from host import Host
from host.apis.cache import catalog_of
from host.apis.catalog import Catalog, Operation, Schema
from host.apis.naming import identifier
from host.apis.prepare import prepare
from host.apis.stubs import stub_files
from host.errors import InvalidCall

FOLDER = Path(__file__).parent / "public"
COUNTS = {"galaxy": 9, "rclone": 101, "dialogporten": 29, "shipengine": 6}


@pytest.fixture(scope="module", params=sorted(COUNTS))
def catalog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    name: str = request.param
    return catalog_of(FOLDER / f"{name}.openapi.json.gz", name, tmp_path_factory.mktemp("cache"))


def example(catalog: Catalog, schema: Schema, depth: int = 0) -> object:
    """A value the schema allows."""
    shape = catalog.resolve(schema)
    if shape.enum:
        return shape.enum[0]
    if shape.any_of:
        return example(catalog, shape.any_of[0], depth + 1)
    if shape.type == "object":
        members = {name: each for name, each in shape.properties.items() if name in shape.required}
        return {name: example(catalog, each, depth + 1) for name, each in members.items() if not each.read_only}
    if shape.type == "array":
        least = 1 if shape.min_length else 0
        return [example(catalog, shape.items or Schema(), depth + 1)] * least
    if shape.type in ("integer", "number"):
        return int(shape.minimum or 1)
    if shape.type == "boolean":
        return True
    return "x" * max(1, shape.min_length or 1) if not shape.pattern else (shape.example or "1")


def arguments(catalog: Catalog, operation: Operation) -> dict[str, object]:
    return {n: example(catalog, p.schema) for n, p in operation.params.items() if p.required}


def test_every_operation_is_named_once_in_lua(catalog: Catalog) -> None:
    """As many operations as the document has, each with a name Lua can write."""
    ids = catalog.operation_ids()
    assert len(ids) == len(set(ids)) == COUNTS[catalog.name]
    assert all(step == identifier(step) for id in ids for step in id.split("."))
    assert all(name == identifier(name) for name in catalog.builder_names())


def test_every_operation_makes_a_request(catalog: Catalog) -> None:
    """With its required parameters each operation can be sent; without them, it says what is missing."""
    for id in catalog.operation_ids():
        operation = catalog.operation(id)
        assert operation is not None
        given = arguments(catalog, operation)
        made = prepare(catalog, operation, given, base_url="https://api.example")
        assert made.method == operation.method
        assert "{" not in made.url
        if given:
            with pytest.raises(InvalidCall, match="missing"):
                prepare(catalog, operation, {}, base_url="https://api.example")


def test_types_are_written_for_all_of_it(catalog: Catalog) -> None:
    """The editor's types name every operation."""
    text = "".join(content for _, content in stub_files(catalog))
    assert all(id.rpartition(".")[2] in text for id in catalog.operation_ids())


def test_a_real_document_works_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scalar's galaxy, simulated: made by its builder, found again, changed, listed, deleted."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = """local planet = galaxy.new_planet():name("Mars"):description("red")
    planet:create()
    local found = galaxy.getPlanet(planet.id)
    galaxy.updatePlanet(planet.id, {name = "Mars II"})
    local renamed = galaxy.getPlanet(planet.id).name
    galaxy.deletePlanet(planet.id)
    local gone, err = try(galaxy.getPlanet, planet.id)
    return {found.name, found.description, renamed, gone == nil, err.status}"""
    with Host(simulate=True) as host:
        host.add_api("galaxy", FOLDER / "galaxy.openapi.json.gz")
        result = host.run_source(code).raise_for_error()
        wrong = host.run_source('galaxy.new_planet():creator{nam = "x"}').error
    assert result.value == ["Mars", "red", "Mars II", True, 404]
    assert wrong is not None
    assert 'did you mean "name"' in wrong.message


def test_names_below_an_operation_are_flattened() -> None:
    """Where blocks.latest is an operation, blocks.latest.txs cannot be one too (Blockfrost has such)."""
    answer = {"responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}}
    paths = {
        "/blocks/latest": {"get": {"operationId": "blocks.latest", **answer}},
        "/blocks/latest/txs": {"get": answer},
        "/blocks/latest/txs/cbor": {"get": {"operationId": "blocks.latest.txs.cbor", **answer}},
    }
    catalog = catalog_of({"openapi": "3.0.0", "paths": paths}, "chain")
    ids = catalog.operation_ids()
    assert len(set(ids)) == 3
    assert not [a for a in ids for b in ids if b.startswith(f"{a}.")]


def test_bounds_beyond_64_bits_are_kept_as_numbers() -> None:
    """minimum: -9223372036854776000 (as in OpenAI's document) is what JavaScript makes of -2^63."""
    seed = {"type": "integer", "minimum": -9223372036854776000, "example": 10**30, "default": -(10**25)}
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"seed": seed}}}}}
    paths = {"/runs": {"post": {"requestBody": body, "responses": {"204": {}}}}}
    catalog = catalog_of({"openapi": "3.0.0", "paths": paths}, "runs")
    operation = Catalog.load(catalog.dump()).operation("runs.create")
    assert operation is not None
    assert operation.params["seed"].schema.minimum == -9223372036854776000.0
