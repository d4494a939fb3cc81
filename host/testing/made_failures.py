"""``fail(name, {…})``: makes the error a test asks for as the API, the server or the function would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from host import arguments
from host.apis.nearest import meant
from host.bridge.request import Reply
from host.calls.call import Call
from host.errors import FunctionError, InvalidCall
from host.http.message import Request, Response
from host.http.outcome import refusal
from host.http.transport_errors import TransportFault, call_error
from host.simulator.api_error import SimulatedError
from host.simulator.stripe.sandbox_cards import ADVICE, MESSAGES
from host.testing.stubbed_answers import REQUEST_ID, DoubleTarget, web_answer

__all__ = ["COUNTS", "failing"]

COUNTS = ("times", "after", "with")
_OF_API = ("status", "code", "decline_code", "type", "param", "message", "outcome", "kind", "retry_after")
_OF_HTTP = ("status", "message", "outcome", "kind", "retry_after")
_OF_FUNCTION = ("message", "type")
_OUTCOMES = ("not_sent", "rejected", "unknown")
_TYPES = {402: "card_error"}
# The statuses of Stripe's error codes other than 400: https://docs.stripe.com/error-codes
_STATUSES = {
    "card_declined": 402, "expired_card": 402, "incorrect_cvc": 402, "incorrect_number": 402, "incorrect_zip": 402,
    "insufficient_funds": 402, "processing_error": 402, "authentication_required": 402, "invalid_cvc": 402,
    "invalid_number": 402, "invalid_expiry_month": 402, "invalid_expiry_year": 402, "balance_insufficient": 400,
    "rate_limit": 429, "lock_timeout": 429, "resource_missing": 404, "idempotency_key_in_use": 409,
}  # fmt: skip
_MESSAGES = {
    400: "The request was refused.",
    401: "Invalid API Key provided.",
    402: "Your card was declined.",
    403: "The API key does not have the required permissions.",
    404: "No such object.",
    409: "The request conflicts with another.",
    429: "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
}
_CODES = {404: "resource_missing", 429: "rate_limit", 402: "card_declined"}


def failing(target: DoubleTarget, options: Mapping[str, Any]) -> Callable[[Call, DoubleTarget], Reply]:
    """A function that makes the reply of each failing call. Raises ``InvalidCall`` for contradictory options."""
    asked = {name: value for name, value in options.items() if name not in COUNTS}
    known = {"operation": _OF_API, "http": _OF_HTTP}.get(target.kind, _OF_FUNCTION)
    for name in asked:
        if name not in known:
            which = "an operation" if target.kind == "operation" else target.name
            near = meant(name, known + COUNTS)
            raise InvalidCall(f"fail: {which} has no {name}; expected one of {', '.join(known + COUNTS)}{near}")
    for name, value in asked.items():
        _check(name, value)
    if target.kind in ("function", "library"):
        return _of_function(asked)
    _check_outcome(target, asked)
    if asked.get("kind") in ("network", "timeout") or (asked.get("outcome") in _NO_ANSWER and "status" not in asked):
        return _of_network(asked)
    return _of_api(target, asked) if target.kind == "operation" else _of_web(asked)


_NO_ANSWER = ("not_sent", "unknown")


def _check(name: str, value: Any) -> None:
    expected = ""
    if name == "status":
        if isinstance(value, bool) or not isinstance(value, int) or not 400 <= value <= 599:
            expected = "a status of an error, 400 to 599"
    elif name == "retry_after":
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            expected = "seconds from 0"
    elif name == "outcome":
        expected = "" if value in _OUTCOMES else '"not_sent", "rejected" or "unknown"'
    elif name == "kind":
        expected = "" if value in ("api", "network", "timeout") else '"api", "network" or "timeout"'
    elif not isinstance(value, str) or not value:
        expected = "a string"
    if expected:
        raise InvalidCall(f"fail: {name} is {arguments.shown(value)}; expected {expected}")


def _check_outcome(target: DoubleTarget, asked: Mapping[str, Any]) -> None:
    """Raise ``InvalidCall`` for an outcome that such a failure cannot have."""
    outcome, status = (
        asked.get("outcome"),
        _status(asked) if asked.keys() & {"status", "code", "decline_code"} else None,
    )
    silent = asked.get("kind") in ("network", "timeout")
    fault = ""
    if outcome is not None and not target.mutation:
        fault = f"{target.name} changes nothing, so its errors have no outcome"
    elif silent and status is not None:
        fault = f'an error of kind "{asked["kind"]}" has no answer, so no status, code or decline_code'
    elif outcome == "not_sent" and status is not None:
        fault = "a request that was not sent has no answer, and so no status, code or decline_code"
    elif outcome == "rejected" and silent:
        fault = "only an answer with a status from 400 to 499 says that a change was rejected"
    if fault:
        raise InvalidCall(f"fail: {fault}")


def _status(asked: Mapping[str, Any]) -> int:
    if "status" in asked:
        return int(asked["status"])
    if "decline_code" in asked:
        return 402
    if "code" in asked:
        return _STATUSES.get(asked["code"], 400)
    if asked.get("type") == "card_error":
        return 402
    return 400 if asked.get("outcome") == "rejected" else 500


def _of_api(target: DoubleTarget, asked: Mapping[str, Any]) -> Callable[[Call, DoubleTarget], Reply]:
    status = _status(asked)
    stripe = target.api is not None and target.api.name == "stripe"
    code = asked.get("code") or _CODES.get(status)
    decline = asked.get("decline_code") or ("generic_decline" if code == "card_declined" else None)
    more: dict[str, Any] = {"decline_code": decline} if decline is not None else {}
    if decline in ADVICE:
        more["advice_code"] = ADVICE[decline]
    said = SimulatedError(
        status,
        asked.get("message") or _message(status, decline, code),
        type=asked.get("type") or _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error"),
        code=code if stripe or "code" in asked else None,
        param=asked.get("param"),
        **more,
    )
    body = msgspec.json.encode(said.body(stripe=stripe))
    headers = {"content-type": "application/json", "request-id": REQUEST_ID, **_retry_after(asked)}
    _check_answer(asked, Response(status, headers, body))

    def answers(call: Call, _: DoubleTarget) -> Reply:
        return Reply(Response(status, headers, body, url=call.request.url if call.request is not None else ""))

    return answers


def _message(status: int, decline: str | None, code: str | None) -> str:
    """The API's message, if the test gives none."""
    of_card = MESSAGES.get(decline or "") or MESSAGES.get(code or "")
    if status == 402 and of_card:
        return of_card
    return _MESSAGES.get(status) or ("An unknown error occurred" if status >= 500 else _MESSAGES[400])


def _of_web(asked: Mapping[str, Any]) -> Callable[[Call, DoubleTarget], Reply]:
    headers = _retry_after(asked)
    given = {"status": _status(asked), "body": asked.get("message", ""), "headers": headers}
    _check_answer(asked, Response(given["status"], headers, given["body"].encode()))
    return lambda call, target: Reply(web_answer(target, given, call))


def _check_answer(asked: Mapping[str, Any], made: Response) -> None:
    """Raise ``InvalidCall`` unless the answer implies the requested outcome."""
    outcome = asked.get("outcome")
    if outcome is not None and refusal(made) != outcome:
        raise InvalidCall(f"fail: after status {made.status} the outcome is {refusal(made)}, not {outcome}")


def _retry_after(asked: Mapping[str, Any]) -> dict[str, str]:
    return {"retry-after": f"{asked['retry_after']:g}"} if "retry_after" in asked else {}


_TIMED_OUT: tuple[TransportFault, TransportFault] = ("response_timeout", "connect_timeout")  # sent, not sent
_BROKEN: tuple[TransportFault, TransportFault] = ("reset", "connect")


def _of_network(asked: Mapping[str, Any]) -> Callable[[Call, DoubleTarget], Reply]:
    sent = asked.get("outcome") != "not_sent"
    faults = _TIMED_OUT if asked.get("kind") == "timeout" else _BROKEN
    fault = faults[0] if sent else faults[1]

    def answers(call: Call, target: DoubleTarget) -> Reply:
        given = getattr(call.payload, "args", None) or [""]
        url = given[0].get("url", "") if isinstance(given[0], dict) else str(given[0])
        made = Request("POST", url, operation=call.name, mutation=target.mutation)
        request = call.request or made
        host = urlsplit(request.url).hostname or "the server"
        error = call_error(fault, request, host, asked.get("message", ""), seconds=call.deadline - call.started)
        error.attempts = 1
        return Reply(error=error)

    return answers


def _of_function(asked: Mapping[str, Any]) -> Callable[[Call, DoubleTarget], Reply]:
    kind, message = asked.get("type", "RuntimeError"), asked.get("message", "failed on purpose")

    def answers(call: Call, target: DoubleTarget) -> Reply:
        outcome = "unknown" if target.mutation else None
        return Reply(error=FunctionError(f"{target.name} failed: {kind}: {message}", type=kind, outcome=outcome))  # type: ignore[arg-type]

    return answers
