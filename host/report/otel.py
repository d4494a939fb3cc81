"""Runs as OpenTelemetry spans and metrics: ``pip install 'luahost[otel]'``.

A run is a span, each call of it one by the operation's name, each request of a call a client span by the semantic
conventions for HTTP (https://opentelemetry.io/docs/specs/semconv/http/). The program's own tracer and meter providers
get them; without any, OpenTelemetry drops them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from opentelemetry import context, metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from host.events import CallEnded, CallStarted, Event, Logged, RunEnded, RunStarted
from host.policy.private_members import without_private_text

__all__ = ["OpenTelemetrySink"]

_PORTS = {"http": 80, "https": 443}
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)  # those of the conventions


class OpenTelemetrySink:
    """Makes spans and metrics of events.

    ``parent`` is the context the runs' spans are children in; by default the one that is current where the sink is
    made: ``host.run(script, sinks=[OpenTelemetrySink()])`` puts a run under the request that is being handled.
    """

    detailed = True

    def __init__(
        self,
        parent: Context | None = None,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
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
        self._open: dict[str, dict[int, Span]] = {}  # of calls, by run

    def emit(self, event: Event) -> None:
        match event:
            case RunStarted():
                attributes: dict[str, Any] = {"luahost.script": event.script, "luahost.run.id": event.run_id}
                attributes["luahost.simulated"] = event.simulated
                self._runs[event.run_id] = self._tracer.start_span(
                    f"run {event.script}", self._parent, attributes=attributes, start_time=_ns(event.at)
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

    def _begin(self, event: CallStarted) -> None:
        run = self._runs.get(event.run_id)
        if run is None:
            return
        attributes: dict[str, Any] = {"luahost.operation": event.operation, "luahost.task": event.task}
        if event.line is not None:
            attributes["code.line.number"] = event.line
        self._open[event.run_id][event.call_id] = self._tracer.start_span(
            event.operation, self._under(run), attributes=attributes, start_time=_ns(event.at)
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
            event.method, self._under(call), kind=SpanKind.CLIENT, attributes=attributes, start_time=_ns(at)
        )
        if failed is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end(_ns(at + attempt["duration"]))
        self._durations.record(attempt["duration"], measured, context=self._under(span))

    def _close(self, event: RunEnded) -> None:
        for call in self._open.pop(event.run_id, {}).values():  # what was given up when the run ended
            call.end(_ns(event.at))
        span = self._runs.pop(event.run_id, None)
        if span is None:
            return
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR, event.error))
        span.end(_ns(event.at))

    def _under(self, span: Span) -> Context:
        return trace.set_span_in_context(span, self._parent)


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
