"""Calls that carry their trace context: the ``traceparent`` header of W3C on what they send."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Protocol, cast

from msgspec.structs import replace

from host.calls.call import Call
from host.calls.pipeline import CallPipeline
from host.events import Sink
from host.http.message import Headers, Request
from host.libraries.library import LibraryCall

__all__ = ["TracedPipeline", "traced"]


class TracingSink(Sink, Protocol):
    """A sink that knows which trace a call is in."""

    def trace_headers(self, run_id: str, call_id: int) -> Headers:
        """The headers to send with the requests of a started call; none for a call whose start it did not get."""


class TracedPipeline(CallPipeline):
    """A pipeline for runs with sinks (``tracing``) that make spans of their calls."""

    tracing: tuple[TracingSink, ...]

    def send(self, call: Call) -> None:
        """Submit a call with its trace headers. All attempts carry the same ones, those of the call's span."""
        run_id = call.source.run_id
        found = next(filter(None, (sink.trace_headers(run_id, call.id) for sink in self.tracing)), ())
        payload = call.payload
        if found and isinstance(payload, Request):
            call.payload = replace(payload, headers=with_trace(payload.headers, found))
        elif found and isinstance(payload, LibraryCall):
            call.payload = replace(payload, headers=found)
        super().send(call)


def with_trace(headers: Headers, more: Headers) -> Headers:
    """Headers, plus those of ``more`` whose names are not among them: headers the script sets take precedence."""
    names = {name.lower() for name, _ in headers}
    return (*headers, *(header for header in more if header[0] not in names))


def traced(pipeline: CallPipeline, sinks: Iterable[Sink]) -> CallPipeline:
    """``pipeline``, or, if some of ``sinks`` make spans, one that shares its state and sends their headers."""
    tracing = tuple(cast(TracingSink, sink) for sink in sinks if hasattr(sink, "trace_headers"))
    if not tracing:
        return pipeline
    made = copy(pipeline)
    made.__class__ = TracedPipeline
    cast(TracedPipeline, made).tracing = tracing
    return made
