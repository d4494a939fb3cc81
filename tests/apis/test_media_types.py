"""Media types: which one is sent where several are taken, and what a call may ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from host.apis.media_types import (
    body_kind,
    concrete,
    fits,
    is_json,
    is_lines,
    is_media_type,
    is_range,
    recognised,
    takes,
)
from host.errors import InvalidCall
from tests.apis.requests_of import content_type, document_of, operation_of, parts_of, sent

TEXT = {"type": "string"}
FILE = {"type": "string", "format": "binary"}


def table(*names: str, files: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A media type whose schema has these members."""
    members = {name: FILE if name in files else TEXT for name in (*names, *files)}
    return {"schema": {"type": "object", "properties": members, **more}}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("application/json", "json"),
        ("APPLICATION/JSON; charset=utf-8", "json"),
        ("text/json", "json"),
        ("application/vnd.api+json;version=1", "json"),
        ("application/*+json", "json"),
        ("application/merge-patch+json", "json"),
        ("application/x-www-form-urlencoded", "form"),
        ("multipart/form-data", "multipart"),
        ("multipart/related; type=x", "multipart"),
        ("text/plain", "text"),
        ("text/*", "text"),
        ("application/xml", "text"),
        ("application/soap+xml", "text"),
        ("application/x-ndjson", "text"),
        ("application/stream+json", "text"),
        ("application/octet-stream", "binary"),
        ("image/*", "binary"),
        ("*/*", "binary"),
    ],
)
def test_each_media_type_means_one_kind_of_body(name: str, kind: str) -> None:
    """Parameters and letters' case do not matter; lines of JSON are no JSON."""
    assert body_kind(name) == kind
    assert is_json(name) == (kind == "json")
    assert not (is_json(name) and is_lines(name))


def test_ranges_hold_types_and_are_never_what_is_sent() -> None:
    """A range stands for its types; what is sent for it is one of them, or somebody has to say."""
    assert fits("image/png", "image/*")
    assert fits("application/vnd.x+json", "application/*+json")
    assert fits("text/plain; charset=utf-8", "*/*")
    assert not fits("text/plain", "image/*")
    assert not fits("image/png", "image/jpeg")
    for offered in ("*/*", "application/*", "text/*", "application/*+json", "multipart/*"):
        assert not is_range(concrete(offered, body_kind(offered)))
    assert concrete("image/*", "binary") == "image/*"
    assert takes(("application/json",), "application/merge-patch+json")
    assert takes(("application/octet-stream",), "image/png")
    assert not takes(("application/json",), "text/plain")
    assert not takes(("image/png",), "image/jpeg")


@pytest.mark.parametrize(
    "text", ["", "json", "image/*", "*/*", "a/b\r\nX: 1", "a/b; c", "a/b, c/d", "a/b; c=\x7f", "ä/b"]
)
def test_what_is_no_media_type_cannot_be_asked_for(text: str) -> None:
    """Nothing gets into a header that could end it, and no range."""
    assert not is_media_type(text)
    catalog = document_of({"application/json": table("a")})
    with pytest.raises(InvalidCall, match="option content_type: expected a media type"):
        sent(catalog, {"a": "x"}, content_type=text)


def test_the_first_that_has_all_given_members_is_taken() -> None:
    """JSON where it has them, multipart for a file, a form for what only it has; none is refused with who has what."""
    catalog = document_of(
        {
            "multipart/form-data": table("name", files=("file",)),
            "application/json": table("name", "file_url"),
            "application/x-www-form-urlencoded": table("name", "legacy"),
        }
    )
    for given, kind in (
        ({"name": "a"}, "application/json"),
        ({"name": "a", "file_url": "u"}, "application/json"),
        ({"name": "a", "file": {"content": "z"}}, "multipart/form-data"),
        ({"file": "z"}, "multipart/form-data"),
        ({"legacy": "1"}, "application/x-www-form-urlencoded"),
        ({}, "application/json"),
    ):
        assert (content_type(sent(catalog, given)) or "").startswith(kind), given
    with pytest.raises(InvalidCall, match="has all of file, file_url") as caught:
        sent(catalog, {"file": "z", "file_url": "u"})
    assert "application/json has name, file_url" in caught.value.message
    with pytest.raises(InvalidCall, match='no parameter "fil"'):
        sent(catalog, {"fil": "z"})
    assert set(operation_of(catalog).params) == {"name", "file_url", "legacy", "file"}


def test_a_member_that_is_a_file_in_one_of_them_goes_there() -> None:
    """JSON holds no bytes: the same member sends the call to multipart, given as a text or as a table."""
    for json_has in (FILE, TEXT):
        catalog = document_of(
            {
                "application/json": {"schema": {"type": "object", "properties": {"file": json_has}}},
                "multipart/form-data": table(files=("file",)),
            }
        )
        (part,) = parts_of(sent(catalog, {"file": {"content": "z", "name": "a.png"}}))
        assert (part.content, part.kind) == ("z", "image/png")
        kind = "application/json" if json_has is TEXT else "multipart/form-data"
        assert (content_type(sent(catalog, {"file": "z"})) or "").startswith(kind)


def test_what_all_require_is_required_and_what_one_requires_decides() -> None:
    """Of two forms that have all given members, the one that lacks none."""
    catalog = document_of(
        {
            "application/json": table("kind", "url", required=["kind", "url"]),
            "application/x-www-form-urlencoded": table("kind", "token", required=["kind"]),
        }
    )
    assert {name for name, param in operation_of(catalog).params.items() if param.required} == {"kind"}
    assert content_type(sent(catalog, {"kind": "a", "url": "u"})) == "application/json"
    assert content_type(sent(catalog, {"kind": "a"})) == "application/x-www-form-urlencoded"
    with pytest.raises(InvalidCall, match="url is missing"):
        sent(catalog, {"kind": "a"}, content_type="application/json")


def test_a_call_says_which_it_wants() -> None:
    """JSON merge patch, a form in place of JSON, another JSON than the document's; what is not taken is refused."""
    patch, form = "application/merge-patch+json", "application/x-www-form-urlencoded"
    catalog = document_of({"application/json": table("a"), patch: table("a"), form: table("a")})
    assert content_type(sent(catalog, {"a": "x"})) == "application/json"
    merged = sent(catalog, {"a": None}, content_type=patch)
    assert (content_type(merged), merged.content) == (patch, b'{"a":null}')
    assert sent(catalog, {"a": "x"}, content_type=form).content == b"a=x"
    odd = sent(catalog, {"a": "x"}, content_type="application/vnd.odd+json; v=2")
    assert content_type(odd) == "application/vnd.odd+json; v=2"
    with pytest.raises(InvalidCall, match=f"takes application/json, {patch.replace('+', '.')}, {form}, not text/plain"):
        sent(catalog, {"a": "x"}, content_type="text/plain")
    with pytest.raises(InvalidCall, match="send has no body"):
        sent(document_of({}), {}, content_type="text/plain")


def test_a_json_patch_is_sent_as_one_only_when_asked_for() -> None:
    """Kubernetes offers it first; a table is no list of steps (RFC 6902)."""
    anything = {"schema": {"type": "object"}}
    catalog = document_of({"application/json-patch+json": anything, "application/merge-patch+json": anything})
    assert content_type(sent(catalog, {"body": {"spec": 1}})) == "application/merge-patch+json"
    asked = sent(catalog, {"body": {"spec": 1}}, content_type="application/json-patch+json")
    assert content_type(asked) == "application/json-patch+json"


@pytest.mark.parametrize(
    ("offered", "given", "kind", "content"),
    [
        ("application/json; charset=utf-8", {"a": 1}, "application/json; charset=utf-8", b'{"a":1}'),
        ("text/json", {"a": 1}, "text/json", b'{"a":1}'),
        ("application/*+json", {"a": 1}, "application/json", b'{"a":1}'),
        ("*/*", {"a": 1}, "application/json", b'{"a":1}'),
        ("*/*", "z", "application/octet-stream", b"z"),
        ("*/*", [1], "application/json", b"[1]"),
        ("application/*", "z", "application/octet-stream", b"z"),
        ("text/*", "z", "text/plain", b"z"),
        ("text/*", {"content": "z", "name": "a.csv"}, "text/csv", b"z"),
        ("image/*", {"content": "z", "name": "a.gif"}, "image/gif", b"z"),
        ("image/*", {"content": "z", "type": "image/x-odd"}, "image/x-odd", b"z"),
        ("image/*", "GIF89a…", "image/gif", "GIF89a…".encode()),
        ("image/png", "z", "image/png", b"z"),
        ("application/octet-stream", {"content": "z", "type": "image/png"}, "image/png", b"z"),
        ("application/octet-stream", {"content": "z", "name": "a.png"}, "application/octet-stream", b"z"),
        ("application/yaml", "a: 1", "application/yaml", b"a: 1"),
        ("application/xml", "<a/>", "application/xml", b"<a/>"),
    ],
)
def test_a_whole_body_has_one_concrete_type(offered: str, given: Any, kind: str, content: bytes) -> None:
    """By what the call says, the file's name, its first bytes or the document; never a range."""
    request = sent(document_of({offered: {}}), {"body": given})
    assert (content_type(request), request.content) == (kind, content)


def test_a_range_that_nothing_tells_is_asked_for_and_a_wrong_type_refused() -> None:
    """Before anything is sent, with the words that say it."""
    catalog = document_of({"image/*": {}})
    with pytest.raises(InvalidCall, match=r'any image/\* is accepted; give the type: \{content = …, type = "…"\}'):
        sent(catalog, {"body": "z"})
    with pytest.raises(InvalidCall, match=r"body.type: expected a file of the type image/\*"):
        sent(catalog, {"body": {"content": "z", "type": "text/plain"}})
    assert content_type(sent(catalog, {"body": "z"}, content_type="image/png")) == "image/png"
    with pytest.raises(InvalidCall, match=r"takes image/\*, not text/plain"):
        sent(catalog, {"body": "z"}, content_type="text/plain")
    several = document_of({"image/png": {}, "image/jpeg": {}})
    assert content_type(sent(several, {"body": {"content": "z", "name": "a.jpg"}})) == "image/jpeg"
    assert content_type(sent(several, {"body": "z"})) == "image/png"


def test_a_string_beside_a_table_goes_as_it_is() -> None:
    """Where an operation takes JSON or bytes, what is given tells which."""
    catalog = document_of({"application/json": table("a"), "application/octet-stream": {}})
    assert json.loads(sent(catalog, {"a": "x"}).content) == {"a": "x"}
    request = sent(catalog, {"body": "raw"})
    assert (content_type(request), request.content) == ("application/octet-stream", b"raw")


def test_files_are_recognised_by_their_first_bytes() -> None:
    """The signatures of the WHATWG's sniffing standard, and nothing where there is none."""
    known = {b"\x89PNG\r\n": "image/png", b"%PDF-1.7": "application/pdf", b"RIFF\0\0\0\0WEBP": "image/webp"}
    for content, kind in (known | {b"PK\x03\x04": "application/zip", b"hello": "", b"": ""}).items():
        assert recognised(content) == kind
