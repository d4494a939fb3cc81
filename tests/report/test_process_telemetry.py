"""``--otel``: the spans of a process under that of its caller, and a refusal where nothing would be exported."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from opentelemetry import metrics, trace

from host.errors import ConfigError, HostError
from host.events import RunEnded, RunStarted
from host.report.otel import OpenTelemetrySink
from host.report.process_telemetry import process_telemetry

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Tracers(trace.NoOpTracerProvider):
    """A provider that notes when it was flushed."""

    flushed = 0

    def force_flush(self) -> None:
        self.flushed += 1


class Meters(metrics.NoOpMeterProvider):
    """The same for metrics."""

    flushed = 0

    def force_flush(self) -> None:
        self.flushed += 1


def test_without_an_sdk_nothing_would_be_exported() -> None:
    """Asked for spans that nobody would get, the command says how an SDK is set up."""
    with ExitStack() as stack, pytest.raises(ConfigError, match="no OpenTelemetry SDK is set up") as caught:
        process_telemetry(stack, {})
    assert caught.value.hint is not None
    assert "opentelemetry-instrument" in caught.value.hint


def test_a_caller_that_traces_is_enough() -> None:
    """With a TRACEPARENT the trace is carried on to the APIs, whether or not this process exports spans."""
    with ExitStack() as stack:
        sink = process_telemetry(stack, {"TRACEPARENT": PARENT})
        assert isinstance(sink, OpenTelemetrySink)
        sink.emit(RunStarted("r", 1.0, "a.lua"))
        sink.emit(RunEnded("r", 2.0, 1.0, 0))


@pytest.mark.parametrize("given", ["00-1-2-01", "no trace", PARENT.replace("b7ad6b7169203331", "0" * 16)])
def test_a_wrong_parent_is_refused_by_name(given: str) -> None:
    """A TRACEPARENT that is none is an error that names the variable, not a trace of its own."""
    with ExitStack() as stack, pytest.raises(HostError, match="TRACEPARENT"):
        process_telemetry(stack, {"TRACEPARENT": given})


def test_all_is_exported_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both providers are flushed once, when the command ends; a provider that cannot be is left alone."""
    tracers, meters = Tracers(), Meters()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracers)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    with ExitStack() as stack:
        process_telemetry(stack, {"TRACEPARENT": PARENT})
        assert (tracers.flushed, meters.flushed) == (0, 0)
    assert (tracers.flushed, meters.flushed) == (1, 1)
    monkeypatch.setattr(metrics, "get_meter_provider", metrics.NoOpMeterProvider)
    with ExitStack() as stack:
        process_telemetry(stack, {"TRACEPARENT": PARENT})
    assert tracers.flushed == 2
