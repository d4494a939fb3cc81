"""Signatures of webhook requests, made and verified over the raw body, before it is decoded.

Stripe's scheme: ``t=TIME,v1=HEX[,v1=HEX…]``, where HEX is the HMAC-SHA256 of ``TIME.BODY`` under the endpoint's
secret. Source: https://docs.stripe.com/webhooks#verify-manually
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from host.errors import SignatureError

__all__ = ["HEADER", "TOLERANCE", "sign", "verify"]

HEADER = "Stripe-Signature"
TOLERANCE = 300.0  # seconds between signing and verifying
_SCHEME = "v1"
_LONGEST = 8192  # characters of the header that are read


def sign(payload: bytes, secrets: Sequence[str], at: int) -> str:
    """The value of the header for ``payload``, signed with each of ``secrets`` at ``at`` (seconds since 1970)."""
    return ",".join((f"t={at}", *(f"{_SCHEME}={_digest(payload, secret, at)}" for secret in secrets)))


def verify(payload: bytes, header: str, secrets: Sequence[str], *, now: float, tolerance: float = TOLERANCE) -> int:
    """Return the time (seconds since 1970) at which ``payload`` was signed with one of ``secrets``.

    Raises :class:`SignatureError` if ``header`` has no signature of the scheme, none that matches, or one made more
    than ``tolerance`` seconds before ``now``. The comparison takes the same time whatever the signature is.
    """
    at, signatures = _parts(header)
    expected = [_digest(payload, secret, at) for secret in secrets]
    # Every pair is compared, so that the time taken does not reveal which one matches.
    matches = [hmac.compare_digest(each.encode(), one.encode()) for each in expected for one in signatures]
    if not any(matches):
        raise SignatureError(
            "no signature matches the body",
            hint="the secret must be that of this endpoint (whsec_…), and the body the raw bytes, not decoded JSON",
        )
    if now - at > tolerance:
        raise SignatureError(f"signed {now - at:,.0f} s ago; expected at most {tolerance:g} s")
    return at


def _parts(header: str) -> tuple[int, list[str]]:
    at: int | None = None
    signatures = []
    for item in header[:_LONGEST].split(","):
        name, _, value = item.strip().partition("=")
        if name == "t" and value.isascii() and value.isdecimal() and len(value) < 16:
            at = int(value)
        elif name == _SCHEME:
            signatures.append(value)
    if at is None:
        raise SignatureError(f"the signature has no time; expected a header such as t=1700000000,{_SCHEME}=5257a8…")
    if not signatures:
        raise SignatureError(f"the header has no signature of the scheme {_SCHEME}")
    return at, signatures


def _digest(payload: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), b"%d." % at + payload, hashlib.sha256).hexdigest()
