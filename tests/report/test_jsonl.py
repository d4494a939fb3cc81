"""The JSONL sink: one JSON object per event."""

from __future__ import annotations

import io
import json

from host.events import CallStarted, Printed, RunEnded
from host.report.jsonl import JsonlSink


def test_every_event_is_one_line_with_its_kind_and_fields() -> None:
    """The kind is in snake case, the fields keep their names, and a line never breaks inside."""
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.emit(CallStarted("r1", 1.5, 1, "stripe.products.create", line=8, arguments={"name": "a\nb"}))
    sink.emit(RunEnded("r1", 2.5, 0.5, 1))
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first == {
        "event": "call_started",
        "run_id": "r1",
        "at": 1.5,
        "call_id": 1,
        "operation": "stripe.products.create",
        "line": 8,
        "arguments": {"name": "a\nb"},
        "task": "",
    }
    assert second["event"] == "run_ended"


def test_a_failing_stream_is_remembered_and_raises_nothing() -> None:
    """A full disk or a closed pipe stops the writing, not the run, and can be told afterwards."""

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    sink = JsonlSink(Full())
    sink.emit(Printed("r1", 0.0, "x"))
    sink.emit(Printed("r1", 0.0, "y"))
    assert isinstance(sink.failure, OSError)
