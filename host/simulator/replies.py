"""Makes answers with their headers: for results, refusals, and failures of the simulator itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from host.simulator.api_error import SimulatedError
from host.simulator.fault_injection import InjectedFault

Answer = tuple[int, dict[str, str], bytes]
UNKNOWN_ERROR = "An unknown error occurred"
_NONE: Mapping[str, str] = {}
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class AnsweredRequest(Protocol):
    """The request that an answer is for: its id, and the API version it wants."""

    request_id: str
    version: str


class Replies:
    """Makes the answers of one API, each (status, headers, body). ``clock`` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float], *, stripe: bool) -> None:
        self._clock = clock
        self._stripe = stripe

    def answer(self, request: AnsweredRequest, status: int, body: bytes, more: Mapping[str, str] = _NONE) -> Answer:
        """An answer in JSON; ``more`` are headers to add to those that all answers have."""
        headers = {"content-type": "application/json", "request-id": request.request_id}
        if self._stripe:
            headers["stripe-version"] = request.version
        if more:
            headers.update(more)
        return status, headers, body

    def refusal(self, request: AnsweredRequest, refusal: SimulatedError, more: Mapping[str, str] = _NONE) -> Answer:
        """An error in the API's own form."""
        body = refusal.body(stripe=self._stripe)
        if self._stripe:
            logs = f"https://dashboard.stripe.com/test/logs/{request.request_id}"
            body["error"]["request_log_url"] = f"{logs}?t={int(self._clock())}"
        return self.answer(request, refusal.status, _encode(body), {**more, **refusal.headers})

    def failure(self, request: AnsweredRequest, doing: str, error: Exception) -> Answer:
        """The answer for an exception in the simulator: a 500 as the API has it. The traceback is logged."""
        _log.error("the simulator failed at a request (%s)", request.request_id, exc_info=error)
        message = f"The simulator itself failed at {doing} ({type(error).__name__}); nothing was done."
        return self.refusal(request, SimulatedError(500, message, type="api_error"))


def injected(fault: InjectedFault) -> SimulatedError:
    """The refusal of a request that an injected fault fails before the operation: a 429 or a 500."""
    if fault.failure == "429":
        return SimulatedError(
            429,
            "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
            code="rate_limit",
            headers={"retry-after": f"{fault.retry_after:g}"},
        )
    return SimulatedError(500, UNKNOWN_ERROR, type="api_error")
