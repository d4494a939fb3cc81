"""Signatures of webhook requests: made and verified over the raw bytes that came, before anything reads them.

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
_LONGEST = 8192  # characters of a header that is looked at


def sign(payload: bytes, secrets: Sequence[str], at: int) -> str:
    """The header for ``payload``, signed with each of ``secrets`` at ``at`` (seconds since 1970)."""
    return ",".join((f"t={at}", *(f"{_SCHEME}={_digest(payload, secret, at)}" for secret in secrets)))


def verify(payload: bytes, header: str, secrets: Sequence[str], *, now: float, tolerance: float = TOLERANCE) -> int:
    """The time (seconds since 1970) at which ``payload`` was signed with one of ``secrets``.

    Raises :class:`SignatureError`: no signature of the scheme, none that fits, or one older than ``tolerance``
    seconds. Comparing takes as long whatever the signature is.
    """
    at, signatures = _parts(header)
    wanted = [_digest(payload, secret, at) for secret in secrets]
    # No early end: each is compared with each.
    fits = [hmac.compare_digest(each.encode(), one.encode()) for each in wanted for one in signatures]
    if not any(fits):
        raise SignatureError(
            "no signature fits the body",
            hint="the secret must be the endpoint's own (whsec_…), and the body the bytes that came, not decoded JSON",
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
        raise SignatureError(f"no time in the signature; expected a header such as t=1700000000,{_SCHEME}=5257a8…")
    if not signatures:
        raise SignatureError(f"no signature of the scheme {_SCHEME} in the header")
    return at, signatures


def _digest(payload: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), b"%d." % at + payload, hashlib.sha256).hexdigest()
