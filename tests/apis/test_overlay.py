"""Overlays mend a document without editing it (OpenAPI Overlay 1.0)."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from host import Host
from host.apis.cache import catalog_of
from host.apis.overlay import mended
from host.errors import CatalogError, UsageError

pytest.importorskip("jsonpath")

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://a.test"}],
    "paths": {
        "/pets": {
            "get": {
                "operationId": "pets",
                "parameters": [{"name": "q", "in": "query"}, {"name": "old", "in": "query"}],
            },
            "post": {"operationId": "add", "tags": ["x"], "deprecated": True},
        },
        "/toys": {"get": {"operationId": "toys", "parameters": [{"name": "old", "in": "query"}]}},
    },
}


def overlay(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"overlay": "1.0.0", "info": {"title": "t", "version": "1"}, "actions": list(actions)}


def changed(*actions: dict[str, Any]) -> dict[str, Any]:
    """The paths after these actions; the document itself is as it was."""
    before = copy.deepcopy(DOCUMENT)
    found, notes = mended(DOCUMENT, [overlay(*actions)])
    assert before == DOCUMENT
    assert notes == []
    return found


def test_an_update_is_merged() -> None:
    """Objects are merged, lists appended to, the rest replaced or added."""
    new = {"deprecated": False, "tags": ["y"], "x-new": {"a": 1}}
    post = changed({"target": "$.paths['/pets'].post", "update": new})["paths"]["/pets"]["post"]
    assert post == {"operationId": "add", "tags": ["x", "y"], "deprecated": False, "x-new": {"a": 1}}
    whole = changed({"target": "$", "update": {"paths": {"/pets": {"post": {"summary": "s"}}}, "info": {"title": "t"}}})
    assert whole["paths"]["/pets"]["post"]["summary"] == "s"
    assert whole["info"] == {"title": "t"}


def test_an_update_of_lists_appends_to_each() -> None:
    """A wildcard selects several; they do not share what was appended."""
    added = {"name": "n", "in": "query", "schema": {}}
    paths = changed(
        {"target": "$.paths.*.get.parameters", "update": added},
        {"target": "$.paths['/toys'].get.parameters[-1].schema", "update": {"type": "integer"}},
    )["paths"]
    assert paths["/pets"]["get"]["parameters"][-1] == added
    assert paths["/toys"]["get"]["parameters"][-1]["schema"] == {"type": "integer"}


def test_removing_takes_all_that_are_selected() -> None:
    """Items of lists wherever they stand, members, primitive ones too; an update beside it has no effect."""
    remove = {
        "target": "$.paths.*.get.parameters[?@.name == 'old' || @.name == 'q']",
        "remove": True,
        "update": {"x": 1},
    }
    paths = changed(remove, {"target": "$.paths['/pets'].post.deprecated", "remove": True})["paths"]
    assert paths["/pets"]["get"]["parameters"] == paths["/toys"]["get"]["parameters"] == []
    assert "deprecated" not in paths["/pets"]["post"]


def test_actions_follow_one_another() -> None:
    """A later one sees what an earlier one did; so does a later overlay."""
    first = overlay({"target": "$.paths", "update": {"/new": {}}})
    second = overlay(
        {"target": "$.paths['/new']", "update": {"get": {}}}, {"target": "$.paths['/toys']", "remove": True}
    )
    found, notes = mended(DOCUMENT, [first, second])
    assert list(found["paths"]) == ["/pets", "/new"]
    assert found["paths"]["/new"] == {"get": {}}
    assert notes == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"overlay": "2.0.0", "actions": []}, "has overlay: '2.0.0'"),
        ({"openapi": "3.1.0"}, "has overlay: None"),
        ({"overlay": "1.0.0"}, "has no actions"),
        (overlay({"update": {}}), "action 1 has no target"),
        (overlay({"target": "$.paths"}), "action 1 has neither update nor remove"),
        (overlay({"target": "$.paths", "remove": "yes"}), "action 1 has neither update nor remove"),
        (overlay({"target": "$.paths[", "update": {}}), "is not a JSONPath expression"),
        (overlay({"target": "paths", "update": 5}), "action 1"),
        (overlay({"target": "$", "remove": True}), "would remove the whole document"),
        (overlay({"target": "$.openapi", "update": {}}), "neither an object nor a list"),
        (overlay({"target": "$.paths", "update": []}), "its update is list, expected an object"),
    ],
)
def test_a_wrong_overlay_is_named_with_its_action(content: dict[str, Any], said: str) -> None:
    """What is wrong and where, never a Python error."""
    with pytest.raises(CatalogError) as caught:
        mended(DOCUMENT, [content])
    assert said in caught.value.message


def test_a_target_that_selects_nothing_is_a_warning() -> None:
    """The document has changed, or the target is mistyped."""
    catalog = catalog_of(DOCUMENT, "pets", overlay=overlay({"target": "$.paths['/pet']", "remove": True}))
    assert catalog.warnings[0] == "the overlay, action 1: its target $.paths['/pet'] selects nothing"


def test_an_overlay_mends_what_a_script_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument, from host.toml, and compiled anew when its file changes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "api.json").write_text(json.dumps(DOCUMENT))
    mend = tmp_path / "mend.yaml"
    (tmp_path / "host.toml").write_text('[apis.pets]\ndocument = "api.json"\noverlay = "mend.yaml"\n')
    for name in ("first", "second"):
        update = json.dumps({"operationId": name})
        mend.write_text(f"overlay: 1.0.0\nactions:\n- target: $.paths['/toys'].get\n  update: {update}\n")
        with Host(simulate=True, config=tmp_path / "host.toml") as host:
            assert host.catalog("pets").operation(name) is not None
        with Host(simulate=True, apis={"pets": {"document": tmp_path / "api.json", "overlay": [mend]}}) as host:
            assert host.catalog("pets").operation(name) is not None


def test_wrong_overlays_are_refused(tmp_path: Path) -> None:
    """Of another kind, missing, or for a catalog that is compiled already."""
    with pytest.raises(UsageError, match="overlay is int"):
        catalog_of(DOCUMENT, "pets", overlay=5)  # type: ignore[arg-type]
    with pytest.raises(CatalogError, match=r"overlay .*none.yaml cannot be read"):
        catalog_of(DOCUMENT, "pets", overlay=tmp_path / "none.yaml")
    with pytest.raises(CatalogError, match="compiled already"):
        catalog_of(catalog_of(DOCUMENT, "pets"), "pets", overlay=overlay({"target": "$", "update": {}}))
