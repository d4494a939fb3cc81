"""The options that say what a command reports of its runs, and the sinks they ask for."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, TextIO

import msgspec

from host.cli.struct_options import fields_of, struct_options
from host.errors import ConfigError
from host.option import Option
from host.report.terminal import TerminalSink
from host.settings import Settings

if TYPE_CHECKING:
    from host.events import Sink

__all__ = ["Reporting", "report_options"]

TRACE = "Write what happens to FILE, in the format its ending names: .jsonl (events), .har (requests), .html (a page)."


class Reporting(msgspec.Struct, frozen=True):
    """What the options say."""

    verbose: Annotated[
        int, Option("-v --verbose", "Show calls and answers on stderr; -vv also arguments.", kind="count")
    ] = 0
    as_json: Annotated[bool, Option("--json", "Print the returned value as JSON.")] = False
    quiet: Annotated[bool, Option("-q --quiet", "Do not show a live view of what is in progress at a terminal.")] = (
        False
    )
    trace: Annotated[str | None, Option("--trace", TRACE, "FILE")] = None
    otel: Annotated[
        bool, Option("--otel", "Send spans and metrics to OpenTelemetry, under the span of TRACEPARENT.")
    ] = False
    debug: Annotated[bool, Option("--debug", "Show Python tracebacks.")] = False

    def sinks(
        self, stack: ExitStack, stderr: TextIO, settings: Settings, *, name: Callable[[str], str] | None = None
    ) -> list[Sink]:
        """The sinks the options ask for; ``stack`` closes their files. ``name(run_id)`` distinguishes several runs."""
        sinks: list[Sink] = [TerminalSink(stderr, verbosity=self.verbose, log_level=settings.log_level, name=name)]
        if self.trace is not None:
            from host.report.trace_files import open_trace

            sinks.append(open_trace(self.trace, stack, lambda text: print(text, file=stderr)))
        if self.otel:
            sinks.append(_telemetry(stack))
        return sinks


def _telemetry(stack: ExitStack) -> Sink:
    try:
        from host.report.process_telemetry import process_telemetry
    except ImportError as error:
        hint = "pip install 'luahost[otel]'"
        raise ConfigError("--otel needs OpenTelemetry, which is not installed", hint=hint) from error
    return process_telemetry(stack, os.environ)


report_options = struct_options("reporting", fields_of(Reporting), Reporting)
"""Gives a command the options, which reach it as one value, ``reporting``."""
