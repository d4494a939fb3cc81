"""The one map from faults of transports to the host's errors.

A transport says which :data:`TransportFault` its library's exception is (``fault_of``); this file says what
the caller gets: the class, the phase, whether anything may have reached the server.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from host.errors import CallError, CallTimeout, InvalidCall, NetworkError, Outcome, UnexpectedAnswer
from host.http.message import Request

__all__ = ["RULES", "OversizedError", "TransportError", "TransportFault", "call_error"]

TransportFault = Literal[
    "dns",  # the name does not resolve
    "connect",  # refused, unreachable
    "tls",  # the handshake failed
    "proxy",  # the proxy refused
    "pool",  # no connection became free
    "connect_timeout",
    "response_timeout",
    "reset",  # the connection broke before the answer's head was there
    "truncated",  # it broke within the answer
    "malformed",  # not HTTP
    "coding",  # the content coding is broken
    "oversized",
    "invalid",  # the request itself cannot be sent
    "closed",  # the client was closed meanwhile
]


class OversizedError(Exception):
    """An answer passed the size limit; raised while it is read."""


class TransportError(Exception):
    """A fault of the host's own transport, with its own words for it."""

    def __init__(self, fault: TransportFault, detail: str = "") -> None:
        super().__init__(detail)
        self.fault: TransportFault = fault
        self.detail = detail


class Rule(msgspec.Struct, frozen=True):
    error: type[CallError]
    text: str  # of {host}, {seconds}
    phase: str | None = None
    sent: bool = True  # whether the server may have seen the request
    retryable: bool = True


RULES: dict[TransportFault, Rule] = {
    "dns": Rule(NetworkError, "cannot resolve the name {host}", "connect", sent=False),
    "connect": Rule(NetworkError, "cannot connect to {host}", "connect", sent=False),
    "tls": Rule(NetworkError, "no TLS connection to {host}", "connect", sent=False, retryable=False),
    "proxy": Rule(NetworkError, "the proxy gives no connection to {host}", "connect", sent=False),
    "pool": Rule(CallTimeout, "no connection to {host} became free within {seconds} s", "limit", sent=False),
    "connect_timeout": Rule(CallTimeout, "no connection to {host} within {seconds} s", "connect", sent=False),
    "response_timeout": Rule(CallTimeout, "no answer from {host} within {seconds} s", "response"),
    "reset": Rule(NetworkError, "{host} closed the connection without an answer", "response"),
    "truncated": Rule(UnexpectedAnswer, "the answer of {host} is cut off", "response"),
    "malformed": Rule(UnexpectedAnswer, "the answer of {host} is not HTTP", "response"),
    "coding": Rule(UnexpectedAnswer, "the answer of {host} has a broken content coding", "response"),
    "oversized": Rule(UnexpectedAnswer, "the answer of {host} is too large", "response", retryable=False),
    "invalid": Rule(InvalidCall, "the request cannot be sent", sent=False, retryable=False),
    "closed": Rule(NetworkError, "the client was closed while it waited for {host}", "response"),
}


def call_error(fault: TransportFault, request: Request, host: str, detail: str = "", seconds: float = 0.0) -> CallError:
    """The error for a fault. ``detail`` is the library's own words, without URL and secrets."""
    rule = RULES[fault]
    text = rule.text.format(host=host, seconds=f"{seconds:.3g}")
    outcome: Outcome | None = None
    if request.mutation:
        outcome = "unknown" if rule.sent else "not_sent"
    return rule.error(
        f"{text}: {detail}" if detail else text,
        phase=rule.phase,
        outcome=outcome,
        retryable=rule.retryable,
        operation=request.operation or None,
        idempotency_key=request.idempotency_key,
    )
