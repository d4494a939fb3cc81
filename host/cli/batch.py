"""The options of ``run`` that make many runs of one command."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click
import msgspec

__all__ = ["CONCURRENCY", "Batch", "batch_options"]

CONCURRENCY = 100  # runs at once unless told


class Batch(msgspec.Struct, frozen=True):
    """What the options for many runs say; ``None`` is not said."""

    jobs: int | None
    repeat: int | None
    each: str | None
    processes: int
    stats: bool

    @property
    def asked(self) -> bool:
        """Whether even one script is to be reported as many runs."""
        return self.jobs is not None or self.repeat is not None or self.each is not None


def batch_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options, which reach it as one value, ``batch``."""

    @functools.wraps(function)
    def with_batch(
        *args: Any,
        jobs: int | None,
        repeat: int | None,
        each: str | None,
        processes: int,
        stats: bool,
        **rest: Any,
    ) -> Any:
        return function(*args, batch=Batch(jobs, repeat, each, processes, stats), **rest)

    options = (
        click.option(
            "--jobs",
            type=click.IntRange(1, 100_000),
            metavar="N",
            help=f"With many runs: how many at once (default {CONCURRENCY}).",
        ),
        click.option("--repeat", type=click.IntRange(1), metavar="N", help="Run each script N times."),
        click.option(
            "--each", metavar="FILE", help="Run once for each row of a .csv or .jsonl file: the global row."
        ),
        click.option(
            "--processes",
            type=click.IntRange(1, 256),
            default=1,
            metavar="N",
            help="Spread many runs over N worker processes.",
        ),
        click.option("--stats", is_flag=True, help="Show the host's health on stderr at the end."),
    )
    for option in reversed(options):
        with_batch = option(with_batch)
    return with_batch
