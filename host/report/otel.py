"""Runs as OpenTelemetry spans and metrics: ``pip install 'luahost[otel]'``.

Each run is a span, each of its calls a span named after the operation, each request of a call a client span by the
semantic conventions for HTTP (https://opentelemetry.io/docs/specs/semconv/http/). They go to the program's own tracer
and meter providers; without any, OpenTelemetry drops them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from opentelemetry import context, metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from host.events import CallEnded, CallStarted, Event, Logged, RunEnded, RunStarted
from host.policy.private_members import without_private_text

__all__ = ["OpenTelemetrySink", "context_of"]

_W3C = TraceContextTextMapPropagator()  # and no baggage: that is the program's own, not for APIs
_PORTS = {"http": 80, "https": 443}
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)  # those of the conventions


class OpenTelemetrySink:
    """Makes spans and metrics from events.

    ``parent`` is the context the runs' spans are children in. By default a run is under the ``traceparent`` it is
    given, else under the span that is current when it starts, else under the one current when the sink is created.
    """

    detailed = True

    def __init__(
        self,
        parent: Context | None = None,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._fixed = parent is not None
        self._parent = context.get_current() if parent is None else parent
        self._tracer = trace.get_tracer("luahost", tracer_provider=tracer_provider)
        meter = metrics.get_meter("luahost", meter_provider=meter_provider)
        self._calls = meter.create_counter("luahost.calls", unit="{call}", description="Calls of scripts.")
        self._durations = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        )
        self._runs: dict[str, Span] = {}
        self._contexts: dict[str, Context] = {}  # of runs that are not in ``parent``
        self._open: dict[str, dict[int, Span]] = {}  # of calls, by run

    def emit(self, event: Event) -> None:
        match event:
            case RunStarted():
                attributes: dict[str, Any] = {"luahost.script": event.script, "luahost.run.id": event.run_id}
                attributes["luahost.simulated"] = event.simulated
                parent = self._parent
                if event.traceparent is not None and not self._fixed:
                    parent = self._contexts[event.run_id] = context_of(event.traceparent)
                self._runs[event.run_id] = self._tracer.start_span(
                    f"run {event.script}", parent, attributes=attributes, start_time=_ns(event.at)
                )
                self._open[event.run_id] = {}
            case CallStarted():
                self._begin(event)
            case CallEnded():
                self._end(event)
            case Logged():
                span = self._runs.get(event.run_id)
                if span is not None:
                    span.add_event("log", {"level": event.level, "message": event.text}, _ns(event.at))
            case RunEnded():
                self._close(event)

    def trace_headers(self, run_id: str, call_id: int) -> tuple[tuple[str, str], ...]:
        """``traceparent`` (and ``tracestate``) of a call's span, for the requests it sends. From any thread."""
        span = self._open.get(run_id, {}).get(call_id)
        if span is None:
            return ()
        found: dict[str, str] = {}
        _W3C.inject(found, self._under(span, run_id))
        return tuple(found.items())

    def _begin(self, event: CallStarted) -> None:
        run = self._runs.get(event.run_id)
        if run is None:
            return
        attributes: dict[str, Any] = {"luahost.operation": event.operation, "luahost.task": event.task}
        if event.line is not None:
            attributes["code.line.number"] = event.line
        self._open[event.run_id][event.call_id] = self._tracer.start_span(
            event.operation, self._under(run, event.run_id), attributes=attributes, start_time=_ns(event.at)
        )

    def _end(self, event: CallEnded) -> None:
        error = None if event.error is None else str(event.error.get("kind") or "_OTHER")
        counted = {"luahost.operation": event.operation}
        self._calls.add(1, counted if error is None else {**counted, "error.type": error})
        span = self._open.get(event.run_id, {}).pop(event.call_id, None)
        if span is None:
            return
        began = event.at - event.duration
        sent = [each for each in (event.detail or {}).get("tries", ()) if each["offset"] is not None]
        for number, each in enumerate(sent):
            self._request(event, span, began + each["offset"], each, number)
        if event.error is not None:
            span.set_attribute("error.type", error or "_OTHER")
            span.set_status(Status(StatusCode.ERROR, str(event.error.get("message", ""))))
        if event.waited:
            span.set_attribute("luahost.waited", event.waited)
        span.end(_ns(event.at))

    def _request(self, event: CallEnded, call: Span, at: float, attempt: dict[str, Any], number: int) -> None:
        """One request: its span, which is over already, and its time."""
        url = urlsplit(event.url)
        measured: dict[str, Any] = {
            "http.request.method": event.method,
            "server.address": url.hostname or "",
            "server.port": url.port or _PORTS.get(url.scheme, 0),
            "url.scheme": url.scheme,
        }
        status = attempt["status"]
        if status is not None:
            measured["http.response.status_code"] = status
        failed = attempt["error"] if status is None else str(status) if status >= 400 else None
        if failed is not None:
            measured["error.type"] = failed
        attributes = {**measured, "url.full": without_private_text(event.url)}
        if number:
            attributes["http.request.resend_count"] = number
        span = self._tracer.start_span(
            event.method,
            self._under(call, event.run_id),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=_ns(at),
        )
        if failed is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end(_ns(at + attempt["duration"]))
        self._durations.record(attempt["duration"], measured, context=self._under(span, event.run_id))

    def _close(self, event: RunEnded) -> None:
        for call in self._open.pop(event.run_id, {}).values():  # what was given up when the run ended
            call.end(_ns(event.at))
        span = self._runs.pop(event.run_id, None)
        self._contexts.pop(event.run_id, None)
        if span is None:
            return
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR, event.error))
        span.end(_ns(event.at))

    def _under(self, span: Span, run_id: str) -> Context:
        return trace.set_span_in_context(span, self._contexts.get(run_id, self._parent))


def context_of(traceparent: str) -> Context:
    """The context that a ``traceparent`` names."""
    return _W3C.extract({"traceparent": traceparent}, Context())


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
