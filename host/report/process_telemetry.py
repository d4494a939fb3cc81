"""The runs of a process as OpenTelemetry spans and metrics, under the span of the process that started it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from opentelemetry import metrics, trace

from host.errors import ConfigError
from host.report.otel import OpenTelemetrySink, context_of
from host.telemetry import checked_traceparent

__all__ = ["process_telemetry"]


def process_telemetry(stack: ExitStack, environment: Mapping[str, str]) -> OpenTelemetrySink:
    """The sink; ``stack`` makes sure that everything is exported. Raises ``ConfigError`` if nothing would be.

    ``TRACEPARENT`` is the span the process is under, as other tools pass it on
    (https://opentelemetry.io/docs/specs/otel/context/env-carriers/).
    """
    given = environment.get("TRACEPARENT")
    parent = context_of(checked_traceparent("TRACEPARENT", given)) if given else None
    provider = trace.get_tracer_provider()
    if parent is None and isinstance(provider, trace.ProxyTracerProvider):
        raise ConfigError(
            "--otel: no OpenTelemetry SDK is set up in this process, so nothing would be exported",
            hint="opentelemetry-instrument luahost run --otel …, from the package opentelemetry-distro, sets one up "
            "from the variables OTEL_…",
        )
    for each in (provider, metrics.get_meter_provider()):
        flush = getattr(each, "force_flush", None)
        if flush is not None:
            stack.callback(flush)
    return OpenTelemetrySink(parent)
