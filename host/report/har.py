"""The requests of runs as HAR 1.2, which the network tools of browsers open.

The format: https://w3c.github.io/web-performance/specs/HAR/Overview.html. Unknown values are left out, or -1 where
the format requires one; names of our own begin with an underscore. Each attempt is an entry: for those that were
retried only the status and the times are known.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TextIO
from urllib.parse import parse_qsl, urlsplit

from host.events import CallEnded, CallStarted, Event, RunEnded, RunStarted
from host.policy.private_members import without_private_text
from host.report.trace_writer import TraceWriter

__all__ = ["HarSink", "entries"]

_UNKNOWN = "unknown"  # as Chromium writes it
_HEAD = '{"log":{"version":"1.2","creator":{"name":"luahost","version":"0.1.0"},"entries":['


class HarSink:
    """Writes each request as it ends. Calls that send none (functions, ``sql``, ``fs``) are left out."""

    detailed = True

    def __init__(self, stream: TextIO) -> None:
        self._writer = TraceWriter(stream, "\n]}}\n")
        self._lock = threading.Lock()
        self._started: dict[str, dict[int, CallStarted]] = {}  # by run
        self._scripts: dict[str, str] = {}
        self._between = ""
        self._writer.write(_HEAD)

    @property
    def failure(self) -> OSError | ValueError | None:
        return self._writer.failure

    def emit(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._scripts[event.run_id] = event.script
            case CallStarted():
                self._started.setdefault(event.run_id, {})[event.call_id] = event
            case CallEnded():
                started = self._started.get(event.run_id, {}).pop(event.call_id, None)
                self._write(entries(event, started, self._scripts.get(event.run_id, "")))
            case RunEnded():
                self._scripts.pop(event.run_id, None)
                self._started.pop(event.run_id, None)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def _write(self, found: list[dict[str, Any]]) -> None:
        for entry in found:
            text = json.dumps(entry)
            with self._lock:
                between, self._between = self._between, ","
                self._writer.write(f"{between}\n{text}")


def entries(ended: CallEnded, started: CallStarted | None, script: str) -> list[dict[str, Any]]:
    """A call's requests, in their order; none where nothing was sent."""
    if not ended.url:
        return []
    detail = ended.detail or {}
    began = ended.at - ended.duration
    tries = [each for each in detail.get("tries", ()) if each["offset"] is not None]
    if not tries:
        if ended.status is None:
            return []
        tries = [{"offset": 0.0, "duration": ended.duration, "connect": 0.0, "status": ended.status, "error": None}]
    common: dict[str, Any] = {
        "cache": {},
        "_operation": ended.operation,
        "_run": ended.run_id,
        "_script": script,
        "_call": ended.call_id,
        **({"_task": started.task, "_line": started.line} if started is not None else {}),
    }
    request = _request(ended, detail.get("request") or {})
    found, end = [], 0.0
    for number, each in enumerate(tries, 1):
        answer = detail.get("response") if number == len(tries) else None
        timings = _timings(each, end)
        entry = {
            "startedDateTime": datetime.fromtimestamp(began + end, UTC).isoformat(timespec="milliseconds"),
            "time": round(sum(ms for ms in timings.values() if ms > 0), 3),
            "request": request,
            "response": _response(each, answer),
            "timings": timings,
            **common,
        }
        if len(tries) > 1:
            entry["comment"] = f"attempt {number} of {len(tries)}"
        found.append(entry)
        end = each["offset"] + each["duration"]
    return found


def _timings(attempt: dict[str, Any], end: float) -> dict[str, float]:
    """Milliseconds. ``end`` is when the previous attempt ended; the time between is queue, limits and backoff."""
    connect = attempt["connect"]
    return {
        "blocked": _ms(max(attempt["offset"] - end, 0.0)),
        "dns": -1,
        "connect": _ms(connect) if connect else -1,
        "ssl": -1,
        "send": 0,
        "wait": _ms(max(attempt["duration"] - connect, 0.0)),
        "receive": 0,
    }


def _request(ended: CallEnded, sent: dict[str, Any]) -> dict[str, Any]:
    url = without_private_text(ended.url)
    headers = sent.get("headers", [])
    found: dict[str, Any] = {
        "method": ended.method,
        "url": url,
        "httpVersion": _UNKNOWN,
        "cookies": [],
        "headers": _pairs(headers),
        "queryString": _pairs(parse_qsl(urlsplit(url).query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": sent.get("size", -1),
    }
    if sent.get("size"):
        text = sent["body"]
        found["postData"] = {"mimeType": _header(headers, "content-type"), "text": text or "", "params": []}
        if text is None:
            found["postData"]["comment"] = "no text"
    return found


def _response(attempt: dict[str, Any], answer: dict[str, Any] | None) -> dict[str, Any]:
    status = attempt["status"]
    headers = answer["headers"] if answer is not None else []
    content: dict[str, Any] = {
        "size": answer["size"] if answer is not None else -1,
        "mimeType": _header(headers, "content-type"),
    }
    if answer is not None and answer["body"] is not None:
        content["text"] = answer["body"]
    found = {
        "status": status or 0,
        "statusText": _phrase(status),
        "httpVersion": _UNKNOWN,
        "cookies": [],
        "headers": _pairs(headers),
        "content": content,
        "redirectURL": _header(headers, "location"),
        "headersSize": -1,
        "bodySize": -1,  # content codings are decoded before
    }
    if attempt["error"] is not None and not status:
        found["_error"] = attempt["error"]
    return found


def _phrase(status: int | None) -> str:
    try:
        return HTTPStatus(status or 0).phrase
    except ValueError:
        return ""


def _pairs(pairs: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _header(headers: Any, name: str) -> str:
    return next((str(value) for each, value in headers if each.lower() == name), "")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
