"""What a trace shows of a call beside its event: how its time was spent, what was sent and what came back."""

from __future__ import annotations

from typing import Any

from host.apis.answers import request_id
from host.calls.call import Call
from host.errors import CallError
from host.http.chain import attempt_of
from host.http.message import Attempt, Response
from host.policy.private_members import without_private_headers, without_private_text
from host.policy.redaction import Redactor
from host.run.shortening import LONGEST

__all__ = ["detail_of", "web_facts"]


def detail_of(call: Call, redactor: Redactor) -> dict[str, Any]:
    """``{"tries": [{offset, duration, connect, waited, held, status, error}, …], "request": …, "response": …}``.

    ``offset`` is seconds from the call's start to the request, ``None`` where nothing was sent; ``waited`` those of
    them for a rate, ``held`` for a permit or a breaker. ``request`` and ``response`` are ``{headers, body, size}``,
    secrets and private members left out; ``body`` is ``None`` if it is not text.
    """
    reply, request = call.reply, call.request
    if request is None:
        return _web_detail(call, redactor)
    outcome = None if reply is None else reply.error or reply.value
    found: dict[str, Any] = {"tries": []}
    if isinstance(outcome, Response | CallError):
        found["tries"] = [_try(each, call.started) for each in _attempts(outcome)]
    found["request"] = _message(request.headers, request.content, redactor)
    if isinstance(outcome, Response):
        found["response"] = _message(outcome.headers.items(), outcome.body, redactor)
    return found


def web_facts(call: Call, redactor: Redactor) -> dict[str, Any]:
    """Method, URL and status of a call of ``http.*``, as :meth:`host.calls.answers.Answers.facts` of an API's."""
    if not call.name.startswith("http.") or call.api is not None:
        return {}
    method, first = call.name[5:].upper(), _first(call)
    if method == "REQUEST":
        method = str(first.get("method") or "GET").upper() if isinstance(first, dict) else "GET"
    url = first if isinstance(first, str) else first.get("url", "") if isinstance(first, dict) else ""
    found: dict[str, Any] = {"method": method, "url": redactor(str(url))}
    value = call.reply.value if call.reply is not None else None
    if isinstance(value, dict):
        answer = Response(value["status"], value["headers"], value["body"])
        found.update(status=answer.status, url=value["url"], attempts=value["attempts"], request_id=request_id(answer))
    return found


def _web_detail(call: Call, redactor: Redactor) -> dict[str, Any]:
    value = call.reply.value if call.reply is not None else None
    if not call.name.startswith("http.") or not isinstance(value, dict):
        return {}
    return {"tries": [], "response": _message(value["headers"].items(), value["body"], redactor)}


def _first(call: Call) -> Any:
    arguments = getattr(call.payload, "args", None)
    return arguments[0] if isinstance(arguments, list) and arguments else None


def _attempts(outcome: Response | CallError) -> list[Attempt]:
    """All of a call, each with its own waits: those in the outcome are sums over all."""
    last = attempt_of(outcome)
    waited = last.waited - sum(each.waited for each in outcome.earlier)
    held = last.held - sum(each.held for each in outcome.earlier)
    return [
        *outcome.earlier,
        Attempt(last.began, last.elapsed, last.status, last.error, max(waited, 0.0), max(held, 0.0), last.connected),
    ]


def _try(attempt: Attempt, started: float) -> dict[str, Any]:
    return {
        "offset": max(attempt.began - started, 0.0) if attempt.began and started else None,
        "duration": attempt.elapsed,
        "connect": attempt.connected,
        "waited": attempt.waited,
        "held": attempt.held,
        "status": attempt.status,
        "error": attempt.error,
    }


def _message(headers: Any, body: Any, redactor: Redactor) -> dict[str, Any]:
    shown = [(str(name), redactor(str(value))) for name, value in headers]
    content = body.encode() if isinstance(body, str) else body
    return {
        "headers": [list(pair) for pair in without_private_headers(shown)],
        "body": _text(content, redactor),
        "size": len(content),
    }


def _text(content: bytes, redactor: Redactor) -> str | None:
    """A body as far as it is shown, or nothing if it is not text. Cut after redaction: half a secret would not be
    recognised.
    """
    try:
        text = redactor.body(content).decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    text = without_private_text(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"
