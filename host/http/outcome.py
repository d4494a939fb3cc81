"""What an answer says about the change it answers: pure functions, for the call, its budget and the journal alike.

Doubt belongs to the idempotency key, not to one request: once a request under a key may have worked, most refusals of
the next say nothing of the first. https://docs.stripe.com/error-low-level, and the IETF draft
draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from typing import Final

from host.errors import Outcome
from host.http.message import Response

__all__ = ["FINAL", "IDEMPOTENT", "is_key_in_use", "is_not_simulated", "refusal", "settles"]

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that may be repeated without a key: twice is the same as once (RFC 9110, 9.2.2)."""

FINAL: Final = frozenset({400, 402, 410, 422})
"""Refusals an API gives after it has looked at the idempotency key. All others (who asks, how often, what path) come
before that."""


def refusal(answer: Response) -> Outcome:
    """The outcome of a change that was not answered with success: what a 4xx refused was not done, unless it says
    nothing of an attempt before it; anything else may have been."""
    if is_not_simulated(answer):
        return "rejected"
    if not 400 <= answer.status < 500 or is_key_in_use(answer):
        return "unknown"
    return "rejected" if settles(answer) or not answer.in_doubt else "unknown"


def settles(answer: Response) -> bool:
    """Whether a 4xx is about the key's own request, and so ends all doubt: it is that one's answer repeated, or a
    refusal of what it asks for. One that is about the key (used with other parameters) does not."""
    if answer.headers.get("idempotent-replayed", "").strip().lower() == "true":
        return True
    return (
        answer.status in FINAL
        and "json" in answer.headers.get("content-type", "")
        and b"idempotency" not in answer.body.lower()
    )


def is_not_simulated(answer: Response) -> bool:
    """Whether the simulator says that it does not model what was asked: then it did nothing, now or before."""
    return answer.status == 501 and b'"code":"not_simulated"' in answer.body


def is_key_in_use(answer: Response) -> bool:
    """Whether a 409 says that another request with the same key is still in progress."""
    return answer.status == 409 and b"idempotency" in answer.body.lower()
