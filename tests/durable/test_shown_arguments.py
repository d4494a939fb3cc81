"""What the journal keeps of a change's arguments for people."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.durable.records import decode_sent
from host.durable.shown_arguments import LONGEST, MOST, shown_arguments
from host.policy.private_members import may_hide, without_private
from host.policy.redaction import Redactor
from host.secret import Secret
from tests.durable.lab import Lab
from tests.policy.test_private_members import PRIVATE

MASK = Redactor([Secret("sk_test_51Hxnotreal")])


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize(
    "form",
    [
        lambda name: {name: "hushhush"},
        lambda name: {"a": [{"b": {name: "hushhush"}}]},
        lambda name: [{name: "hushhush"}],
        lambda name: {"body": json.dumps({name: "hushhush"})},
        lambda name: {"body": json.dumps({"inner": json.dumps({name: "hushhush"})})},
        lambda name: {"body": f"a=1&{quote_plus(name)}=hushhush"},
        lambda name: {"url": f"https://x.example/?{name}=hushhush"},
        lambda name: {name.upper(): "hushhush"},
    ],
)
def test_what_traces_leave_out_is_left_out(name: str, form: Any) -> None:
    """Every private name, wherever it stands: what :func:`without_private` hides is not in the journal's text."""
    arguments = form(name)
    hidden = json.dumps(without_private(arguments))
    if "hushhush" not in hidden:
        assert "hushhush" not in shown_arguments(arguments, MASK)


@given(
    st.recursive(
        st.text(max_size=20) | st.integers(-(2**53), 2**53) | st.sampled_from(["4242 4242 4242 4242", "a=1&pin=2"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(PRIVATE) | st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_the_quick_look_misses_nothing(value: Any) -> None:
    """Where something would be hidden, the quick look at the text says that it may be."""
    if without_private(value) != value:
        assert may_hide(json.dumps(value))


def test_a_key_of_the_host_is_masked_and_a_card_is_cut() -> None:
    """By their values, whatever they are called."""
    shown = shown_arguments({"note": "uses sk_test_51Hxnotreal", "memo": "4242424242424242"}, MASK)
    assert "notreal" not in shown
    assert "4242424242" not in shown
    assert "…4242" in shown


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"b":1,"a":[true,null,"é"]}'),
        ([1, "x"], '[1,"x"]'),
        (None, "null"),
        ({"a": "x" * MOST}, f"({MOST + 8:,} bytes)"),
        ({"a": "\udc80"}, "(not shown: they are not JSON)"),
        ({"a": object()}, "(not shown: they are not JSON)"),
        ({"a": b"raw"}, '{"a":"cmF3"}'),
    ],
)
def test_the_text_is_json_or_says_why_not(arguments: Any, expected: str) -> None:
    """Nothing a script can pass ends the call that is to be recorded."""
    assert shown_arguments(arguments, MASK) == expected


def test_a_long_text_is_cut() -> None:
    """At a bound that a page can show."""
    shown = shown_arguments({"a": "x" * 5000}, MASK)
    assert len(shown) == LONGEST + 1
    assert shown.endswith("…")


def test_the_journal_has_them_beside_the_key(lab: Lab) -> None:
    """A change's record tells what was asked for; opaque secrets are not in it."""
    lab.run('stripe.customers.create{name="Ann", metadata={password="hun" .. "ter2"}}', durable=True)
    sent = decode_sent(lab.sql("SELECT data FROM luahost_record WHERE kind = 'sent'")[0][0])
    assert json.loads(sent.arguments) == [{"name": "Ann", "metadata": {"password": "[redacted]"}}]


def test_a_journal_without_them_is_read_as_before(lab: Lab) -> None:
    """Records of before there were arguments: the run is resumed all the same."""
    lab.run('stripe.customers.create{name="Ann"} print("on")', durable=True)
    (data,) = lab.sql("SELECT data FROM luahost_record WHERE kind = 'sent'")[0]
    key = decode_sent(data).key
    assert key is not None
    old = b"\x93" + bytes([0xD9, len(key)]) + key.encode() + b"\xc0\x00"
    lab.sql("UPDATE luahost_record SET data = ? WHERE kind = 'sent'", old)
    lab.break_off(2)
    assert lab.resume().error is None
    assert lab.made() == 1
