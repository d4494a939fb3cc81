"""Signatures of webhooks: what Stripe's libraries sign is verified, and what they verify can be made."""

from __future__ import annotations

import pytest

from host.errors import SignatureError
from host.serve.signatures import sign, verify

BODY = b'{"id":"evt_1","object":"event","data":{"object":{"name":"\xc3\xa9"}}}'
SECRET = "whsec_test_secret"
NOW = 1_700_000_000


def test_what_was_signed_is_verified_and_gives_its_time() -> None:
    """The header of one secret."""
    assert verify(BODY, sign(BODY, [SECRET], NOW), [SECRET], now=NOW + 5) == NOW


@pytest.mark.parametrize(("signed", "known"), [(["old", SECRET], [SECRET]), ([SECRET], ["old", SECRET])])
def test_one_of_several_secrets_is_enough_while_they_are_rolled(signed: list[str], known: list[str]) -> None:
    """The sender may sign with both, the receiver may know both."""
    assert verify(BODY, sign(BODY, signed, NOW), known, now=NOW) == NOW


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "no time"),
        ("v1=abc", "no time"),
        ("t=,v1=abc", "no time"),
        ("t=-1,v1=abc", "no time"),
        ("t=1e9,v1=abc", "no time"),
        ("t=٣,v1=abc", "no time"),
        (f"t={NOW}", "no signature of the scheme v1"),
        (sign(BODY, [SECRET], NOW).replace("v1", "v0"), "no signature of the scheme v1"),
        (f"t={NOW},v1=", "no signature matches"),
        (f"t={NOW},v1=bad", "no signature matches"),
        (f"t={NOW},v1=é", "no signature matches"),
        (sign(BODY, ["other"], NOW), "no signature matches"),
        (sign(BODY + b" ", [SECRET], NOW), "no signature matches"),
        (sign(BODY, [SECRET], NOW - 1).replace(str(NOW - 1), str(NOW)), "no signature matches"),
        ("x," * 5000 + sign(BODY, [SECRET], NOW), "no time"),
    ],
)
def test_what_does_not_prove_its_sender_is_refused_saying_why(header: str, message: str) -> None:
    """Missing, of another scheme, of another body, of another secret, of another time, too long."""
    with pytest.raises(SignatureError, match=message):
        verify(BODY, header, [SECRET], now=NOW)


def test_an_old_signature_is_refused_and_a_wrong_one_is_not_called_old() -> None:
    """A replayed request; and nobody without the secret learns what times are taken."""
    header = sign(BODY, [SECRET], NOW)
    assert verify(BODY, header, [SECRET], now=NOW + 300) == NOW
    with pytest.raises(SignatureError, match=r"301 s ago; expected at most 300 s"):
        verify(BODY, header, [SECRET], now=NOW + 301)
    with pytest.raises(SignatureError, match="no signature matches"):
        verify(BODY, header, ["other"], now=NOW + 301)
    assert verify(BODY, header, [SECRET], now=NOW + 1e9, tolerance=float("inf")) == NOW


def test_without_a_secret_nothing_is_verified() -> None:
    """An empty list of secrets accepts no signature."""
    with pytest.raises(SignatureError):
        verify(BODY, sign(BODY, [], NOW) + ",v1=", [], now=NOW)


def test_stripe_s_own_library_signs_and_verifies_the_same() -> None:
    """Both ways, where the library is installed."""
    stripe = pytest.importorskip("stripe")
    theirs = stripe.WebhookSignature._compute_signature(f"{NOW}.{BODY.decode()}", SECRET)
    assert verify(BODY, f"t={NOW},v1={theirs},v0=x", [SECRET], now=NOW) == NOW
    assert stripe.WebhookSignature.verify_header(BODY.decode(), sign(BODY, ["old", SECRET], NOW), SECRET)
