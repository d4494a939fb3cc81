"""Bodies as people read them, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.cassettes.bodies import answered, body_of, readable

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)
LAYOUTS: list[dict[str, Any]] = [
    {"separators": (",", ":")}, {}, {"indent": 2}, {"indent": 4}, {"indent": 2, "ensure_ascii": False},
]  # fmt: skip


@given(VALUES, st.sampled_from(LAYOUTS), st.sampled_from(["", "\n"]))
def test_what_a_script_may_see_is_had_back_byte_for_byte(value: Any, layout: dict[str, Any], end: str) -> None:
    """JSON of a web address is structure in the cassette, and the same text when it is replayed."""
    content = (json.dumps(value, **layout) + end).encode()
    form = json.loads(json.dumps(answered(content, "application/json; charset=utf-8", exactly=True)))
    assert "json" in form
    assert body_of(form) == content


@given(VALUES)
def test_an_apis_answer_keeps_its_value_and_has_its_names_sorted(value: Any) -> None:
    """No script sees the text of an API's answer, so that it can stand in the order that is read best."""
    content = json.dumps(value).encode()
    form = answered(content, "application/json", exactly=False)
    assert json.loads(body_of(form)) == value
    again = answered(json.dumps(value, sort_keys=True).encode(), "application/json", exactly=False)
    assert json.dumps(form) == json.dumps(again)


@given(st.binary(max_size=200), st.sampled_from(["", "application/json", "text/plain", "application/octet-stream"]))
def test_any_bytes_are_had_back(content: bytes, kind: str) -> None:
    """Broken JSON, text in no coding, nothing at all."""
    form = json.loads(json.dumps(answered(content, kind, exactly=True)))
    assert body_of(form) == content


@pytest.mark.parametrize(
    ("content", "kind", "form"),
    [
        (b'{"a": 1, "a": 2}', "application/json", {"text": '{"a": 1, "a": 2}'}),
        (b'{"a":  1}', "application/json", {"text": '{"a":  1}'}),
        (b"NaN", "application/json", {"text": "NaN"}),
        (b"a,b\r\n1,2\r\n", "text/csv", {"text": "a,b\r\n1,2\r\n"}),
        (b"\x89PNG\x00", "image/png", {"base64": "iVBORwA="}),
        (b'{"b": 1, "a": 2}', "application/json", {"json": {"b": 1, "a": 2}, "layout": "spaced"}),
    ],
)
def test_what_cannot_be_written_the_same_again_stays_text(content: bytes, kind: str, form: dict[str, Any]) -> None:
    """A name twice, a layout that nobody has, what JSON does not know; a picture is base64."""
    assert answered(content, kind, exactly=True) == form
    assert body_of(form) == content


@pytest.mark.parametrize(
    ("content", "kind", "form"),
    [
        (b"b=2&a=1&c=x+y%26z", "application/x-www-form-urlencoded", {"form": {"a": "1", "b": "2", "c": "x y&z"}}),
        (b"e=1&e=2&e=", "application/x-www-form-urlencoded; charset=utf-8", {"form": {"e": ["1", "2", ""]}}),
        (b"items[0][price]=p", "application/x-www-form-urlencoded", {"form": {"items[0][price]": "p"}}),
        (b'{"b": [2, 1], "a": {"d": 1, "c": 2}}', "application/json", {"json": {"a": {"c": 2, "d": 1}, "b": [2, 1]}}),
        (b'{"query": "{ a }"}', "application/graphql+json", {"json": {"query": "{ a }"}}),
        (b"<a/>", "application/xml", {"text": "<a/>"}),
        (b"", "application/json", {}),
        (b"not json", "application/json", {"text": "not json"}),
        (b"\xff\xfe", "application/octet-stream", {"base64": "//4="}),
    ],
)
def test_requests_are_read_by_their_names(content: bytes, kind: str, form: dict[str, Any]) -> None:
    """Forms and JSON as structure, sorted; what was sent twice is a list."""
    assert readable(content, kind) == form


def test_parts_are_told_apart_whatever_their_boundary() -> None:
    """Two uploads of the same are the same, and a large file is its size and digest."""

    def body(mark: str) -> dict[str, Any]:
        pieces = [
            'Content-Disposition: form-data; name="purpose"\r\n\r\ndispute_evidence',
            'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x00'
            + "x" * 5000,
        ]
        text = "".join(f"--{mark}\r\n{each}\r\n" for each in pieces) + f"--{mark}--\r\n"
        return readable(text.encode(), f"multipart/form-data; boundary={mark}")

    first, second = body("aaaa")["parts"]
    assert first == {"name": "purpose", "text": "dispute_evidence"}
    assert (second["name"], second["filename"], second["type"]) == ("file", "a.png", "image/png")
    assert second["digest"]["size"] == 5001
    assert body("aaaa") == body("bbbb")
