"""Known secrets in texts: found in each form they take, and innocent text left as it is."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.policy.redaction import Redactor, named_like_a_secret
from host.secret import Secret

KEY = "sk_test_51AbC+dEf/GhI=jK&4242"
MASK = "sk_test_…4242"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"Bearer {KEY}",
        quote(KEY, safe=""),
        quote_plus(KEY),
        json.dumps({"key": KEY}),
        "Basic " + b64encode(f"{KEY}:".encode()).decode(),
        "Basic " + b64encode(f"someone:{KEY}".encode()).decode(),
        b64encode(KEY.encode()).decode(),
        urlsafe_b64encode(f"{KEY}:".encode()).decode(),
    ],
)
def test_a_secret_is_masked_in_each_form(text: str) -> None:
    """As it is, encoded for URLs and JSON, and as basic authentication carries it."""
    masked = Redactor([Secret(KEY)])(f"before {text} after")
    assert MASK in masked
    assert KEY not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert "51AbC" not in masked


@given(st.binary(max_size=9), st.binary(max_size=9))
def test_base64_of_a_secret_among_other_bytes_is_masked(before: bytes, after: bytes) -> None:
    """At each of the three places base64 can begin at, whatever stands around it."""
    text = b64encode(before + KEY.encode() + after).decode()
    assert "…" in Redactor([Secret(KEY)])(text)


@given(st.text())
def test_a_text_without_secrets_is_given_back_as_it_is(text: str) -> None:
    """No copy, no change."""
    assert Redactor([Secret(KEY)])(text) is text
    assert Redactor()(text) is text


def test_several_secrets_the_longer_first() -> None:
    """Where one secret begins another, nothing of the longer stays."""
    mask = Redactor([Secret("abcdefgh"), Secret("abcdefgh12345678ijkl")])
    assert mask("x abcdefgh12345678ijkl y abcdefgh z") == "x …ijkl y … z"


def test_short_secrets_are_left_alone() -> None:
    """Masking "test" would tear innocent text."""
    assert Redactor([Secret("test")])("a test") == "a test"


def test_values_are_masked_at_any_depth() -> None:
    """What becomes part of an event or a result: keys too, bytes too, other values untouched."""
    mask = Redactor([Secret(KEY)])
    value = {"a": [KEY, 5, None, {"b": f"x{KEY}"}], KEY: KEY.encode(), "t": (True, 1.5)}
    found = mask.value(value)
    assert KEY not in repr(found)
    assert found["a"][1:3] == [5, None]
    assert found["t"] == (True, 1.5)


def test_an_answers_bytes_are_masked() -> None:
    """An API that echoes its key does not give it to a script; bytes that are no text stay as they are."""
    mask = Redactor([Secret(KEY)])
    assert mask.body(b'\xff{"key": "' + KEY.encode() + b'"}') == b'\xff{"key": "' + MASK.encode() + b'"}'
    data = b"\xff\xfe"
    assert mask.body(data) is data


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hunter22@db/shop", "postgresql://me:…@db/shop"),
        ("http://me:hun%20ter22@proxy:8080", "http://me:…@proxy:8080"),
        ("https://example.com/", "https://example.com/"),
        ("https://me@example.com:x/", "https://me@example.com:x/"),
    ],
)
def test_the_password_of_a_url_is_a_secret(url: str, shown: str) -> None:
    """In the URL itself and on its own."""
    mask = Redactor()
    mask.add_url(url)
    assert mask(url) == shown
    assert "hun ter22" not in mask("a hun ter22 b") or "%20" not in url


@pytest.mark.parametrize(
    ("name", "secret"),
    [("GITHUB_TOKEN", True), ("db_password", True), ("API_KEY", True), ("HOME", False), ("LANG", False)],
)
def test_names_that_say_their_value_is_secret(name: str, secret: bool) -> None:
    """By which granted environment variables are masked where they are shown."""
    assert named_like_a_secret(name) is secret


@pytest.mark.parametrize("secret", ["pässwörd-lang-genug", "bytes-\udcff-of-the-environment"])
def test_secrets_beyond_ascii(secret: str) -> None:
    """Other alphabets, and environment values that are no UTF-8, in texts and in bytes."""
    mask = Redactor([Secret(secret)])
    assert mask(f"a {secret} b").startswith("a …")
    data = f"a {secret} b".encode("utf-8", "surrogateescape")
    assert mask.body(data).startswith("a …".encode())
