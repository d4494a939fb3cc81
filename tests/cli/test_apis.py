"""``apis`` lists what scripts can say, writes types for editors, and ``run --api`` offers other APIs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from lupa import luajit21

from host.cli import main

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "7"},
    "servers": [{"url": "https://pets.example"}],
    "paths": {
        "/pets": {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "array"}}}}}},
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "kind": {"enum": ["cat", "dog"]},
                                    "tags": {"type": "array", "items": {"type": "string"}},
                                    "end": {"type": "string"},
                                },
                            }
                        }
                    }
                },
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}
                },
            },
        }
    },
    "components": {
        "schemas": {
            "Pet": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "parent": {"$ref": "#/components/schemas/Pet"},
                    "x-odd name": {"type": "string"},
                },
            }
        }
    },
}


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pets.json"
    file.write_text(json.dumps(DOCUMENT))
    return f"pets={file}"


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(list(argv)) == 0
    return capsys.readouterr().out


def test_the_overview_names_every_api(pets: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each: name, operations, builders."""
    lines = said(capsys, "apis", "--api", pets).splitlines()
    assert [line.split()[0] for line in lines] == ["stripe", "pets"]
    assert "2 operations" in lines[1]


def test_a_resource_shows_how_it_is_called(pets: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Signature, method and path, builder, parameters with what they take."""
    text = said(capsys, "apis", "--api", pets, "pets", "pets")
    assert "pets.pets.create(params, options)" in text
    assert "POST /pets" in text
    assert "pets.new_pet(), also :add_tag" in text
    assert re.search(r"name +required +string", text)
    assert '"cat" | "dog"' in text
    assert "stripe.prices.retrieve(price, params, options)" in said(capsys, "apis", "stripe", "prices")
    assert "new_price()" in said(capsys, "apis", "stripe", "new_price")


def test_unknown_names_are_shown_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what was meant."""
    assert main(["apis", "stripe", "pricse"]) == 2
    assert 'did you mean "prices"?' in capsys.readouterr().err
    assert main(["apis", "nope"]) == 2
    assert "there is no API 'nope', only stripe" in capsys.readouterr().err
    assert main(["apis", "--api", "pets"]) == 2
    assert "expected NAME=FILE" in capsys.readouterr().err


def test_types_are_lua_and_name_only_what_they_define(
    pets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every stub compiles as Lua, is small enough for editors, and refers to no class that is not there."""
    folder = tmp_path / "types"
    files = [Path(line) for line in said(capsys, "apis", "--api", pets, "--stubs", str(folder)).splitlines()]
    assert {file.name for file in files} >= {"host.lua", "stripe.lua", "pets.lua"}
    compiles = luajit21.LuaRuntime().eval("function(s) return (loadstring(s)) ~= nil end")
    text = ""
    for file in files:
        content = file.read_text(encoding="utf-8")
        assert len(content) < 400_000
        assert compiles(content), file
        text += content
    classes = re.findall(r"^---@class (\S+)", text, re.MULTILINE)
    assert len(classes) == len(set(classes))
    used = set(re.findall(r"\b(?:stripe|pets|host)\.(?:api|object|page|params|new)[\w.]*", text))
    assert used - set(classes) == set()
    assert '---@field kind fun(self: pets.new.pet, value: "cat"|"dog"): pets.new.pet' in text
    assert "---@field parent? pets.object.Pet" in text
    # After create(): an id that other builders take, the whole answer, and the builder itself to go on with.
    assert "---@field id string\n---@field data stripe.object.product\n" in text
    assert "---@field create fun(self: stripe.new.product): string" in text
    assert "---@field copy fun(self: stripe.new.product): stripe.new.product" in text
    assert not re.search(r"^---@field (id|data) fun\(self: stripe\.new", text, re.MULTILINE)
    page = "stripe.page.products.list"
    assert f"---@field each fun(self: {page}): fun(): stripe.object.product" in text
    assert re.search(rf"^---@field list fun\(.*\): {page}$", text, re.MULTILINE)


def test_run_offers_the_api(pets: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--api on run: simulated with --simulate; real without, also when there is no Stripe key."""
    code = 'return pets.new_pet():name("Rex"):kind("dog"):create() ~= nil'
    assert said(capsys, "run", "--simulate", "--api", pets, "-e", code) == "true\n"
    assert main(["run", "--api", pets, "-e", 'new_product():name("x"):create()']) == 1
    assert "STRIPE_SECRET_KEY is not set" in capsys.readouterr().err


def test_the_apis_of_host_toml_are_there_without_an_option(
    pets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For run and for apis: those of the current folder's file, or of --config."""
    table = '[apis.pets]\ndocument = "pets.json"\n'
    (tmp_path / "host.toml").write_text(table)
    code = 'return pets.new_pet():name("Rex"):kind("dog"):create() ~= nil'
    assert said(capsys, "run", "--simulate", "-e", code) == "true\n"
    assert said(capsys, "run", "--simulate", "--api-limits", "pets:rate=50", "-e", code) == "true\n"
    assert "pets.pets.create(params, options)" in said(capsys, "apis", "pets", "pets")
    (tmp_path / "host.toml").rename(tmp_path / "other.toml")
    assert said(capsys, "run", "--simulate", "--config", "other.toml", "-e", code) == "true\n"
    assert len(said(capsys, "apis", "--config", "other.toml").splitlines()) == 2
    assert main(["run", "--config", "other.toml", "-e", 'new_product():name("x"):create()']) == 1
    assert "STRIPE_SECRET_KEY is not set" in capsys.readouterr().err


def test_an_overlay_mends_the_document(pets: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``--api NAME=FILE;overlay=FILE``; a mistyped one is an error that says what is expected."""
    pytest.importorskip("jsonpath")
    update = {"target": "$.paths['/pets'].get", "update": {"operationId": "everyPet"}}
    Path("mend.json").write_text(json.dumps({"overlay": "1.0.0", "actions": [update]}))
    assert main(["apis", "--api", f"{pets};overlay=mend.json", "pets"]) == 0
    assert "everyPet" in capsys.readouterr().out
    assert main(["apis", "--api", f"{pets};overlay=", "pets"]) == 2
    assert "NAME=FILE;overlay=FILE" in capsys.readouterr().err


def test_one_parameter_is_shown_with_its_values(pets: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``apis NAME OPERATION PARAM``, of a builder too; Stripe's have their members."""
    shown = said(capsys, "apis", "--api", pets, "pets", "pets.create", "kind")
    assert shown == 'pets.create: kind\n  string, in the body\n  one of "cat", "dog"\n'
    assert said(capsys, "apis", "--api", pets, "pets", "new_pet", "kind") == shown
    assert '"day", "month", "week", "year"' in said(
        capsys, "apis", "stripe", "stripe.prices.create", "recurring.interval"
    )
    assert main(["apis", "stripe", "prices", "recurring"]) == 2
    assert "prices is a resource; name one of its operations, such as prices." in capsys.readouterr().err
    assert main(["apis", "stripe", "prices.creat", "recurring"]) == 2
    assert 'did you mean "prices.create"' in capsys.readouterr().err


def test_words_are_looked_for_in_all_apis_or_one(pets: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``--search``; one that finds nothing says so."""
    assert "pets.pets.create" in said(capsys, "apis", "--api", pets, "--search", "pets create")
    assert "stripe.prices.create" in said(capsys, "apis", "--search", "price create")
    assert "stripe." not in said(capsys, "apis", "--api", pets, "pets", "--search", "create")
    assert "Nothing has" in said(capsys, "apis", "--search", "xyzzy")
