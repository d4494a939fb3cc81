"""The options of ``worker``: what it takes, how many at once, how long it waits and where it is asked how it is."""

from __future__ import annotations

from typing import Annotated

import click
import msgspec

from host.cli.arguments import SECONDS
from host.cli.struct_options import fields_of, struct_options
from host.option import Option

__all__ = ["WorkerArguments", "worker_options"]


class WorkerArguments(msgspec.Struct, frozen=True):
    """What the options say."""

    queues: Annotated[
        tuple[str, ...], Option("--queue", "Queue to take runs from (repeatable; default: default).", "Q")
    ] = ()
    concurrency: Annotated[
        int, Option("--concurrency", "How many runs to execute concurrently.", "N", click.IntRange(1, 10_000))
    ] = 10
    setup: Annotated[
        str | None,
        Option("--setup", "Function that is called with the host to add functions and APIs.", "MODULE:FUNCTION"),
    ] = None
    grace: Annotated[
        float,
        Option(
            "--grace",
            "How long runs may take to end after SIGTERM; other workers continue the rest.",
            "SECONDS",
            SECONDS,
        ),
    ] = 30.0
    metrics_port: Annotated[
        int | None,
        Option(
            "--metrics-port",
            "Serve /metrics, /healthz and /readyz on this port; 0 takes a free one.",
            "P",
            click.IntRange(0, 65535),
        ),
    ] = None
    metrics_address: Annotated[str, Option("--metrics-address", "Address to serve them on.", "ADDRESS")] = "127.0.0.1"
    keep: Annotated[float, Option("--keep", "Delete runs this long after they ended.", "SECONDS", SECONDS)] = (
        7 * 86400.0
    )
    simulate: Annotated[bool, Option("--simulate", "Call the built-in simulator; no key is needed or used.")] = False

    @property
    def taken(self) -> tuple[str, ...]:
        """The queues to take from."""
        return self.queues or ("default",)


worker_options = struct_options("options", fields_of(WorkerArguments), WorkerArguments)
"""Gives a command the options, which reach it as one value, ``options``."""
