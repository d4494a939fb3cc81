"""Members that no reader of a trace is to see, by their names, in bodies of any form."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import pytest

from host.policy.private_members import (
    REDACTED,
    is_private,
    without_private,
    without_private_headers,
    without_private_text,
)

PRIVATE = [
    "client_secret", "clientSecret", "secret", "password", "user_password", "access_token", "refresh_token", "api_key",
    "apiKey", "private_key", "cvc", "card[cvc]", "card[number]", "payment_method_data[card][number]", "id_number",
    "account_number", "credentials",
]  # fmt: skip
PUBLIC = [
    "name",
    "number",
    "invoice[number]",
    "idempotency_key",
    "key",
    "tokens",
    "shipping",
    "spin",
    "secretary",
    "id",
]


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_member_is_hidden_in_every_form(name: str) -> None:
    """In JSON, in a form, in a URL, in plain values, and where the body is cut in its middle."""
    assert is_private(name)
    for text in (
        f"a=1&{name}=hushhush&b=2",
        f"{quote_plus(name)}=hushhush",
        f"https://x.example/p?{name}=hushhush#f",
        json.dumps({"a": 1, name: "hush\"hush", "b": 2}),
        json.dumps({name: 4711}).replace("4711", "471100"),
        f'{{"{name}": "hushhus',
    ):  # fmt: skip
        shown = without_private_text(text)
        assert REDACTED in shown
        assert "hush" not in shown
        assert "471100" not in shown
        assert without_private([text]) == [shown]
    assert without_private({"x": [{name: "hushhush"}]}) == {"x": [{name: REDACTED}]}


@pytest.mark.parametrize("name", PUBLIC)
def test_another_member_is_shown(name: str) -> None:
    """A name that only looks like one hides nothing."""
    text = json.dumps({name: "shown"})
    assert without_private_text(text) == text
    assert without_private_text(f"{name}=shown") == f"{name}=shown"


def test_members_within_a_card_are_known_by_where_they_are() -> None:
    """``number`` is private in a card and nowhere else."""
    given = {"card": {"number": "4711", "exp_year": 2030}, "invoice": {"number": "4711"}}
    assert without_private(given) == {"card": {"number": REDACTED, "exp_year": 2030}, "invoice": {"number": "4711"}}


@pytest.mark.parametrize("card", ["4242424242424242", "4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005"])
def test_a_cards_number_is_hidden_wherever_it_is(card: str) -> None:
    """All but its last four digits; a number that fails the check digit is none."""
    assert card not in without_private_text(f"note={card}")
    assert card not in str(without_private({"note": f"is {card}."}))
    assert without_private_text("id=4242424242424241") == "id=4242424242424241"


def test_headers_with_credentials_are_named_only() -> None:
    """Their names stay, for who looks for why a call was refused."""
    names = ["Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "Stripe-Signature", "X-Auth-Token"]
    shown = without_private_headers([(name, "hushhush") for name in names] + [("Accept", "a/b")])
    assert shown == [*((name, REDACTED) for name in names), ("Accept", "a/b")]
