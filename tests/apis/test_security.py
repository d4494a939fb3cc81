"""Keys: exactly the schemes of one alternative of an operation's security requirement go on its requests."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import httpx
import pytest

from host import Host
from tests.apis.documents import answers, small

SCHEMES: dict[str, dict[str, str]] = {
    "A": {"type": "apiKey", "in": "header", "name": "X-A"},
    "B": {"type": "apiKey", "in": "query", "name": "b"},
    "C": {"type": "http", "scheme": "bearer"},
    "D": {"type": "http", "scheme": "basic"},
    "E": {"type": "apiKey", "in": "cookie", "name": "e"},
    "F": {"type": "apiKey", "in": "cookie", "name": "f"},
}
KEYS = {name: f"user:secret{name}" if name == "D" else f"secret{name}" for name in SCHEMES}


def document(security: list[dict[str, list[str]]] | None, schemes: str = "ABCDEF") -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": "go", "responses": answers({"type": "object"})}
    if security is not None:
        operation["security"] = security
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://keys.test"}],
        "paths": {"/go": {"post": operation}},
        "components": {"securitySchemes": {name: SCHEMES[name] for name in schemes}},
    }


def sent(auth: Any, described: dict[str, Any]) -> tuple[set[str], str | None]:
    """Which schemes' keys a request carried, and the error if there was one."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    with Host(stripe_secret_key="sk_test_1", transport=httpx.MockTransport(answer)) as host:
        host.add_api("x", described, auth=auth)
        result = host.run_source("x.go()")
    if result.error is not None:
        assert not seen, "nothing is sent where a key is missing"
        assert result.error.kind == "denied"
        assert result.error.outcome == "not_sent"
        return set(), f"{result.error.message} {result.error.hint}"
    (request,) = seen
    cookies = request.headers.get_list("cookie")
    assert len(cookies) < 2
    carried = {
        "A": request.headers.get("x-a") is not None,
        "B": "b" in request.url.params,
        "C": request.headers.get("authorization", "").startswith("Bearer"),
        "D": request.headers.get("authorization", "").startswith("Basic"),
        "E": "e=" in "".join(cookies),
        "F": "f=" in "".join(cookies),
    }
    return {name for name, is_there in carried.items() if is_there}, None


WAYS: list[tuple[str, ...]] = [("A", "B"), ("C",), ("E", "F"), ("A", "D")]


@pytest.mark.parametrize("given", ["".join(each) for n in (1, 2, 3) for each in combinations("ABCDEF", n)])
def test_the_first_alternative_with_all_keys_is_taken_and_no_other_key_leaves(given: str) -> None:
    """For every set of keys: all of one alternative, in the document's order, or an error that names the missing."""
    described = document([{name: [] for name in way} for way in WAYS])
    carried, error = sent({name: KEYS[name] for name in sorted(given)}, described)
    expected = next((set(way) for way in WAYS if set(way) <= set(given)), None)
    if expected is not None:
        assert carried == expected
        assert error is None
    else:
        assert error is not None
        missing = [name for name in WAYS[0] if name not in given]
        assert all(f"X_API_KEY_{name}" in error for name in missing)
        assert not any(key in error for key in KEYS.values())


def test_an_alternative_without_schemes_is_for_who_has_no_key() -> None:
    """``{}`` among the alternatives makes keys optional: one that is there goes, wherever ``{}`` stands."""
    for security in ([{}, {"C": []}], [{"C": []}, {}]):
        assert sent({"C": "kc"}, document(security)) == ({"C"}, None)
        assert sent({"A": "ka"}, document(security)) == (set(), None)
        assert sent(None, document(security)) == (set(), None)


def test_no_key_at_all_is_named_by_its_setting() -> None:
    """The error says what is needed and which variable gives it."""
    carried, error = sent(None, document([{"A": [], "B": []}, {"C": []}]))
    assert not carried
    assert error is not None
    assert "needs a key (A and B or C)" in error
    assert "Set X_API_KEY." in error


def test_one_text_serves_one_scheme_rather_than_two() -> None:
    """A single key is tried as the one key of an alternative, and without a colon not as user and password."""
    assert sent("one", document([{"A": [], "B": []}, {"D": []}, {"C": []}]))[0] == {"C"}
    assert sent("user:one", document([{"A": [], "B": []}, {"D": []}, {"C": []}]))[0] == {"D"}
    assert sent("one", document([{"A": [], "B": []}]))[0] == {"A", "B"}


@pytest.mark.parametrize("schemes", ["A", "B", "C", "CAB"])
def test_a_document_with_schemes_and_no_requirement_uses_the_key_and_says_so_once(schemes: str) -> None:
    """Whoever gives a key wants it sent; whoever gives none is not asked."""
    described = document(None, schemes)
    assert sent("one", described) == ({schemes[0]}, None)
    assert sent(None, described) == (set(), None)
    catalog = small(described["paths"], components=described["components"])
    assert sum("no security requirement" in warning for warning in catalog.warnings) == 1


@pytest.mark.parametrize("place", ["root", "operation"])
def test_a_requirement_that_says_none_is_none(place: str) -> None:
    """An empty list is a word of the document, not a gap in it."""
    described = document([] if place == "operation" else None)
    if place == "root":
        described["security"] = []
    assert sent(KEYS, described) == (set(), None)


def test_a_missing_key_names_the_operation_and_what_there_is() -> None:
    """Which scheme lacks its key, and for which others there is one."""
    error = sent({"C": "kc"}, document([{"A": []}]))[1]
    assert error is not None
    assert "x.go needs a key (A), and there is none for A, only for C" in error
