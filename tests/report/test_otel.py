"""The OpenTelemetry sink: spans by the semantic conventions for HTTP, under the program's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from host import Host, Script
from host.events import CallEnded, CallStarted, RunEnded, RunStarted
from host.report.otel import OpenTelemetrySink


class Telemetry:
    """A program's providers, and what they were given."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    def sink(self) -> OpenTelemetrySink:
        """One under the span that is current."""
        return OpenTelemetrySink(tracer_provider=self.tracers, meter_provider=self.meters)

    def spans(self) -> list[ReadableSpan]:
        """All that have ended, by their start."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def points(self, name: str) -> list[Any]:
        """The points of one metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        return [point for metric in found for point in metric.data.data_points]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Providers of this test, closed at its end."""
    made = Telemetry()
    yield made
    made.tracers.shutdown()
    made.meters.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Its attributes as a dict."""
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    """The id of the span above."""
    return None if span.parent is None else span.parent.span_id


def test_a_run_is_under_the_span_that_is_current(telemetry: Telemetry) -> None:
    """Program → run → call → request, each within the one above it, in one trace."""
    with Host(simulate=True) as host, telemetry.tracers.get_tracer("program").start_as_current_span("order") as order:
        script = Script.of('stripe.products.create{name = "x"}\nstripe.products.retrieve("prod_no")', "pay.lua")
        result = host.run(script, sinks=[telemetry.sink()])
    assert result.error is not None
    by_name = {span.name: span for span in telemetry.spans()}
    run, call, request = by_name["run pay.lua"], by_name["stripe.products.create"], by_name["POST"]
    assert [parent(run), parent(call), parent(request)] == [
        order.get_span_context().span_id, run.context.span_id, call.context.span_id,
    ]  # fmt: skip
    for outer, inner in ((run, call), (call, request)):
        assert outer.start_time <= inner.start_time <= inner.end_time
        assert inner.context.trace_id == order.get_span_context().trace_id
    assert (run.status.status_code, call.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert attributes(call)["code.line.number"] == 1
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "api.stripe.com",
        "server.port": 443,
        "url.scheme": "https",
        "url.full": "https://api.stripe.com/v1/products",
    }
    assert request.kind is SpanKind.CLIENT
    missing = by_name["GET"]
    assert attributes(missing)["error.type"] == "404"
    assert missing.status.status_code is StatusCode.ERROR


def test_each_attempt_is_a_request_and_is_counted(telemetry: Telemetry) -> None:
    """The second of two has a resend count, a failed connection its kind; their times are in the histogram."""
    sink = telemetry.sink()
    tries = [
        {"offset": None, "duration": 0.0, "status": None, "error": "rate"},
        {"offset": 0.25, "duration": 0.5, "status": None, "error": "network"},
        {"offset": 1.0, "duration": 0.25, "status": 200, "error": None},
    ]
    sink.emit(RunStarted("r", 100.0, "a.lua"))
    sink.emit(CallStarted("r", 100.0, 1, "x.get"))
    url = "http://api.example:8080/a?token=hushhush"
    sink.emit(CallEnded("r", 102.0, 1, "x.get", 2.0, "GET", url, 200, detail={"tries": tries}))
    sink.emit(CallStarted("r", 103.0, 2, "x.slow"))
    sink.emit(RunEnded("r", 104.0, 4.0, 2, None))
    first, second = (span for span in telemetry.spans() if span.kind is SpanKind.CLIENT)
    assert (first.start_time, first.end_time) == (int(100.25e9), int(100.75e9))
    assert attributes(first)["error.type"] == "network"
    assert attributes(second)["http.request.resend_count"] == 1
    assert attributes(second)["server.port"] == 8080
    assert attributes(second)["url.full"] == "http://api.example:8080/a?token=[redacted]"
    assert {span.name for span in telemetry.spans() if span.end_time == int(104e9)} == {"run a.lua", "x.slow"}
    assert sorted(point.sum for point in telemetry.points("http.client.request.duration")) == [0.25, 0.5]
    assert [(point.value, dict(point.attributes)) for point in telemetry.points("luahost.calls")] == [
        (1, {"luahost.operation": "x.get"})
    ]


def test_events_of_a_run_whose_start_was_not_heard_make_no_span(telemetry: Telemetry) -> None:
    """A sink that comes late, and one without providers, raise nothing."""
    for sink in (telemetry.sink(), OpenTelemetrySink(trace.set_span_in_context(trace.INVALID_SPAN))):
        sink.emit(CallStarted("r", 1.0, 1, "x"))
        sink.emit(CallEnded("r", 2.0, 1, "x", 1.0, error={"kind": "api"}))
        sink.emit(RunEnded("r", 3.0, 2.0, 1))
    assert telemetry.spans() == []
