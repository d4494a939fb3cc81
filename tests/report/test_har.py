"""The HAR sink: requests as the network tools of browsers take them."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from host import Host, Script
from host.events import CallEnded, CallStarted, Printed, RunEnded, RunStarted
from host.report.har import HarSink

REQUIRED = {
    # https://w3c.github.io/web-performance/specs/HAR/Overview.html: what is not "optional" there
    "entry": {"startedDateTime", "time", "request", "response", "cache", "timings"},
    "request": {
        "method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize",
    },
    "response": {
        "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize",
        "bodySize",
    },
    "timings": {"send", "wait", "receive"},
    "content": {"size", "mimeType"},
}  # fmt: skip


def call(detail: dict[str, Any] | None = None, **members: Any) -> CallEnded:
    """A call of two seconds that ended at 1000."""
    given = {"method": "GET", "url": "https://api.example/v1/things?limit=2", "status": 200, **members}
    return CallEnded("r", 1000.0, 1, "example.things.list", 2.0, detail=detail, **given)


def attempt(**members: Any) -> dict[str, Any]:
    """One of its requests."""
    plain = {"offset": 0.5, "duration": 1.0, "connect": 0.0, "waited": 0.0, "held": 0.0, "status": 200, "error": None}
    return {**plain, **members}


def written(*events: Any) -> dict[str, Any]:
    """The log that sink writes of events."""
    stream = io.StringIO()
    sink = HarSink(stream)
    for event in events:
        sink.emit(event)
    sink.close()
    log: dict[str, Any] = json.loads(stream.getvalue())["log"]
    return log


def test_a_run_is_a_log_with_all_that_the_format_requires() -> None:
    """Each call of a simulated script is an entry with every required member, and its times add up."""
    stream = io.StringIO()
    sink = HarSink(stream)
    with Host(simulate=True, sinks=[sink]) as host:
        code = 'local p = stripe.products.create{name = "a b"} stripe.products.list{limit = 2} print(p.id)'
        assert host.run(Script.of(code)).error is None
    sink.close()
    log = json.loads(stream.getvalue())["log"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "luahost")
    assert [entry["request"]["method"] for entry in log["entries"]] == ["POST", "GET"]
    for entry in log["entries"]:
        for part, names in REQUIRED.items():
            members = entry if part == "entry" else entry.get(part) or entry["response"][part]
            assert names <= members.keys(), part
        assert entry["time"] == pytest.approx(sum(ms for ms in entry["timings"].values() if ms > 0), abs=0.01)
        assert entry["response"]["content"]["size"] == len(entry["response"]["content"]["text"].encode())
    made, listed = log["entries"]
    assert made["request"]["postData"]["text"] == "name=a+b"
    assert made["_line"] == 1
    assert listed["request"]["queryString"] == [{"name": "limit", "value": "2"}]


def test_each_attempt_is_an_entry_with_what_was_before_it() -> None:
    """A call that was sent three times: the waits before each are ``blocked``, one without an answer has status 0."""
    tries = [
        attempt(offset=0.25, duration=0.5, connect=0.2, status=500),
        attempt(offset=1.0, duration=0.25, status=None, error="network"),
        attempt(offset=1.5, duration=0.5),
    ]
    entries = written(CallStarted("r", 998.0, 1, "x", line=7, task="1.2"), call({"tries": tries}, attempts=3))[
        "entries"
    ]
    assert [entry["response"]["status"] for entry in entries] == [500, 0, 200]
    assert [entry["timings"]["blocked"] for entry in entries] == [250, 250, 250]
    assert [entry["timings"]["connect"] for entry in entries] == [200, -1, -1]
    assert [entry["timings"]["wait"] for entry in entries] == [300, 250, 500]
    assert entries[1]["response"]["_error"] == "network"
    assert [entry["comment"] for entry in entries] == [f"attempt {number} of 3" for number in (1, 2, 3)]
    assert entries[0]["startedDateTime"] == "1970-01-01T00:16:38.000+00:00"
    assert (entries[0]["_line"], entries[0]["_task"]) == (7, "1.2")


def test_what_was_not_sent_is_no_entry() -> None:
    """A function, a refused call, one whose permit never came, and all other events leave no request."""
    unsent = {"tries": [attempt(offset=None, status=None, error="timeout")]}
    log = written(
        RunStarted("r", 1.0, "a.lua"),
        Printed("r", 2.0, "x"),
        CallEnded("r", 3.0, 1, "own_function", 0.1),
        call(unsent, status=None),
        RunEnded("r", 4.0, 3.0, 2),
    )
    assert log["entries"] == []


def test_the_file_is_whole_after_each_request(tmp_path: Path) -> None:
    """A run that is killed leaves a log that can be read, with what had ended."""
    path = tmp_path / "t.har"
    with path.open("w") as stream:
        sink = HarSink(stream)
        for count in range(4):
            assert len(json.loads(path.read_text())["log"]["entries"]) == count
            sink.emit(call())


def test_a_pipe_gets_its_end_when_it_is_closed() -> None:
    """What cannot be written from another place is whole in the end."""
    reader, writer = os.pipe()
    with open(writer, "w") as stream:
        sink = HarSink(stream)
        sink.emit(call())
        sink.close()
    with open(reader) as read:
        assert len(json.load(read)["log"]["entries"]) == 1


def test_private_members_are_not_shown() -> None:
    """Secrets of an answer that the host has never seen before, and cards, stay out: in bodies, headers and URLs."""
    stream = io.StringIO()
    sink = HarSink(stream)
    with Host(simulate=True, sinks=[sink]) as host:
        done = host.run(
            Script.of('local m = stripe.payment_intents.create{amount = 100, currency = "usd"} return m.client_secret')
        )
    sink.close()
    assert done.error is None
    assert str(done.value) not in stream.getvalue()
    assert '\\"client_secret\\":\\"[redacted]\\"' in stream.getvalue()
    log = written(call(url="https://x.example/?token=hushhush&a=1"))
    assert log["entries"][0]["request"]["url"] == "https://x.example/?token=[redacted]&a=1"
