"""Answers with their headers: of what was done, of refusals, of faults."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from host.simulator.api_error import Refusal
from host.simulator.fault_injection import InjectedFault

Answer = tuple[int, dict[str, str], bytes]
UNKNOWN_ERROR = "An unknown error occurred"
_NONE: Mapping[str, str] = {}
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Asked(Protocol):
    """What is answered: the request's id, and the version it asked for."""

    request_id: str
    version: str


class Replies:
    """Makes the answers of one API. ``clock`` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float], *, stripe: bool) -> None:
        self._clock = clock
        self._stripe = stripe

    def answer(self, asked: Asked, status: int, body: bytes, more: Mapping[str, str] = _NONE) -> Answer:
        """An answer in JSON; ``more`` are headers beside those that all have."""
        headers = {"content-type": "application/json", "request-id": asked.request_id}
        if self._stripe:
            headers["stripe-version"] = asked.version
        if more:
            headers.update(more)
        return status, headers, body

    def refusal(self, asked: Asked, refusal: Refusal, more: Mapping[str, str] = _NONE) -> Answer:
        """An error in the API's own form."""
        said = refusal.body(stripe=self._stripe)
        if self._stripe:
            logs = f"https://dashboard.stripe.com/test/logs/{asked.request_id}"
            said["error"]["request_log_url"] = f"{logs}?t={int(self._clock())}"
        return self.answer(asked, refusal.status, _encode(said), {**more, **refusal.headers})

    def failure(self, asked: Asked, doing: str, error: Exception) -> Answer:
        """A fault of the simulator itself, reported as the API reports its own; logged with its place."""
        _log.error("the simulator failed at a request (%s)", asked.request_id, exc_info=error)
        message = f"The simulator itself failed at {doing} ({type(error).__name__}); nothing was done."
        return self.refusal(asked, Refusal(500, message, type="api_error"))


def injected(fault: InjectedFault) -> Refusal:
    """The refusal of a request that is to fail before its work."""
    if fault.failure == "429":
        return Refusal(
            429,
            "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
            code="rate_limit",
            headers={"retry-after": f"{fault.retry_after:g}"},
        )
    return Refusal(500, UNKNOWN_ERROR, type="api_error")
