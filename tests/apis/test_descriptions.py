"""What a document says to people: for listings, searches and types of editors, kept where runs do not load it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host import Host
from host.apis.cache import catalog_of, descriptions_of
from host.apis.descriptions import Descriptions
from host.apis.parameter_reference import parameter_lines
from host.apis.reference import resource_lines
from host.apis.reference_search import search_lines
from host.apis.stubs import stub_files
from host.errors import UsageError
from tests.apis.documents import takes

NODE: dict[str, Any] = {
    "type": "object",
    "description": "A node of the tree.",
    "required": ["kind"],
    "properties": {
        "kind": {"enum": [f"kind{n}" for n in range(60)], "description": "Which sort it is."},
        "child": {"$ref": "#/components/schemas/Node", "description": "What is below it."},
        "weight": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3, "nullable": True},
    },
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Trees", "version": "1"},
    "servers": [{"url": "https://trees.test"}],
    "paths": {
        "/trees": {
            "parameters": [{"name": "Planted>", "in": "query", "description": "Planted after this day."}],
            "post": {
                "operationId": "Tree-Plant",
                "summary": "Plant a tree.",
                "description": "It grows slowly.\n\nVery slowly.",
                "requestBody": takes(
                    {
                        "allOf": [
                            {"$ref": "#/components/schemas/Base"},
                            {
                                "properties": {
                                    "roots": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}
                                }
                            },
                        ]
                    }
                ),
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
                },
            },
        }
    },
    "components": {
        "schemas": {
            "Node": NODE,
            "Base": {"properties": {"owner": {"type": "string", "description": "Who\n  waters it."}}},
        }
    },
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "trees.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


def lines_of(param: str) -> str:
    catalog = catalog_of(DOCUMENT, "trees")
    operation = catalog.operation("Tree_Plant")
    assert operation is not None
    return "\n".join(parameter_lines(catalog, operation, param, descriptions_of(DOCUMENT, catalog)))


def test_a_parameter_is_shown_with_all_below_it() -> None:
    """Members to any depth, every value, limits, descriptions, through allOf and references, cycles once."""
    text = lines_of("roots")
    assert all(said in text for said in ("list of table, in the body", "A node of the tree.", "What is below it."))
    assert all(f'"kind{n}"' in text for n in range(60))
    assert "integer, at least 1, at most 9, by default 3, may be null" in text
    assert "string, required\n" in text
    assert text.count("(as above)") == 1
    assert lines_of("owner") == "Tree_Plant: owner\n  string, in the body\n  Who\n  waters it."


def test_a_member_of_a_parameter_is_shown_alone() -> None:
    """By its path; names that are not there are told with the nearest."""
    assert lines_of("roots.child.weight").splitlines()[0] == "Tree_Plant: roots.child.weight"
    assert "by default 3" in lines_of("roots.child.weight")
    with pytest.raises(UsageError, match=r'no parameter .*did you mean "owner"'):
        lines_of("owned")
    with pytest.raises(UsageError, match=r'no member .*did you mean "weight"'):
        lines_of("roots.weigth")


def test_a_name_that_was_changed_is_shown_with_the_wires() -> None:
    """In the operation's listing and for the parameter, which may be asked for by either name."""
    for name in ("Planted_gt", "Planted>"):
        assert lines_of(name).splitlines()[1:] == [
            "  anything, in the query, sent as 'Planted>'",
            "  Planted after this day.",
        ]
    catalog = catalog_of(DOCUMENT, "trees")
    listing = "\n".join(resource_lines(catalog, "Tree_Plant", descriptions_of(DOCUMENT, catalog)))
    assert "Plant a tree." in listing
    assert "the document calls it 'Tree-Plant'" in listing
    assert "query, sent as 'Planted>'" in listing


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("plant", "trees.Tree_Plant  Plant a tree."),
        ("tree plant", "trees.Tree_Plant  Plant a tree."),
        ("SLOWLY", "trees.Tree_Plant  Plant a tree."),
        ("trees/", "trees.Tree_Plant  Plant a tree."),
        ("waters", "trees.Tree_Plant owner  Who waters it."),
        ("after day", "trees.Tree_Plant Planted_gt  Planted after this day."),
        ("sort", "trees.Tree_Plant roots.kind  Which sort it is."),
        ("lant", "Nothing has 'lant' in its name or description."),
    ],
)
def test_words_find_operations_and_parameters(words: str, found: str) -> None:
    """All of them, at the beginning of words, in names, summaries and descriptions."""
    catalog = catalog_of(DOCUMENT, "trees")
    assert search_lines(words, [(catalog, descriptions_of(DOCUMENT, catalog))])[0] == found


def test_a_search_needs_words() -> None:
    """Signs alone are none."""
    with pytest.raises(UsageError, match="expected words"):
        search_lines(" ?", [])


def test_editors_are_told_what_the_document_says() -> None:
    """Of operations, parameters, builders and objects; one line each, as before where nothing is said."""
    catalog = catalog_of(DOCUMENT, "trees")
    ((_, text),) = stub_files(catalog, descriptions_of(DOCUMENT, catalog))
    assert "--- Plant a tree.\n---@field Tree_Plant fun(" in text
    assert "---@field owner? string # Who waters it.\n" in text
    assert "---@field child? trees.object.Node # What is below it.\n" in text
    ((_, plain),) = stub_files(catalog)
    assert "#" not in plain.replace("---@", "")
    assert len(plain.splitlines()) < len(text.splitlines())


def test_descriptions_are_kept_in_a_file_that_runs_do_not_load(file: Path, tmp_path: Path) -> None:
    """Compiling and running write none; asking for them writes one, read the next time, made anew when damaged."""
    folder = tmp_path / "cache"
    catalog = catalog_of(file, "trees", folder)
    assert [path.suffix for path in folder.iterdir()] == [".catalog"]
    texts = descriptions_of(file, catalog, folder)
    (kept,) = folder.glob("*.descriptions")
    assert descriptions_of(file, catalog, folder) == texts == descriptions_of(DOCUMENT, catalog)
    kept.write_bytes(b"damaged")
    assert descriptions_of(file, catalog, folder) == texts
    kept.unlink()
    with Host(simulate=True, apis={"trees": catalog}) as host:
        host.run_source("return 1").raise_for_error()
    assert not kept.exists()


def test_broken_places_say_nothing() -> None:
    """References that lead nowhere, members and texts of the wrong type."""
    paths = {
        "/a": {"get": {"operationId": "a", "description": 5, "parameters": [{"$ref": "#/no"}, 5]}},
        "/b": {"post": {"operationId": "b", "requestBody": {"$ref": "no.yaml"}, "summary": "B."}},
        "/c": {"post": {"operationId": "c", "requestBody": takes({"properties": {"x": {"$ref": "#/no"}, "y": 5}})}},
        "/d": {"get": {"$ref": "#/no"}},
    }
    root = {"openapi": "3.1.0", "paths": paths}
    catalog = catalog_of(root, "broken")
    texts = descriptions_of(root, catalog)
    assert texts.operation("b").summary == "B."
    assert isinstance(texts, Descriptions)
