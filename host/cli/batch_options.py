"""The options of ``run`` that make many runs of one command."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["CONCURRENCY", "Batch", "MaxFailures", "batch_options"]

CONCURRENCY = 100  # runs at once unless told


class MaxFailures(msgspec.Struct, frozen=True):
    """From how many failures on no more runs begin: a number, or a share of all runs. ``str()`` is what was given."""

    text: str
    number: int | None
    share: Fraction | None

    def of(self, total: int) -> int:
        """The number of failures, at least one, where ``total`` runs are to be."""
        return self.number if self.number is not None else max(1, ceil(total * (self.share or 0)))

    def __str__(self) -> str:
        return self.text


def _max_failures(ctx: click.Context, param: click.Parameter, value: str | None) -> MaxFailures | None:
    if value is None:
        return None
    from fractions import Fraction  # for this option alone

    match = re.fullmatch(r"(\d{1,9})|(\d{1,3}(?:\.\d{1,6})?)%", value.strip(), re.ASCII)
    number = int(match[1]) if match and match[1] else None
    share = Fraction(match[2]) / 100 if match and match[2] else None
    if not number and not (share and share <= 1):
        expected = "a number from 1 (1 stops at the first failure), or a share above 0% and at most 100%"
        raise click.BadParameter(f"{value!r}: expected {expected}.", ctx, param)
    return MaxFailures(value.strip(), number, share)


class Batch(msgspec.Struct, frozen=True):
    """What the options for many runs say; ``None`` is not said."""

    jobs: int | None
    repeat: int | None
    each: str | None
    processes: int
    stats: bool
    max_failures: MaxFailures | None = None

    @property
    def asked(self) -> bool:
        """Whether even one script is to be reported as many runs."""
        said = (self.jobs, self.repeat, self.each, self.max_failures)
        return any(each is not None for each in said)


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
        max_failures: MaxFailures | None,
        **rest: Any,
    ) -> Any:
        return function(*args, batch=Batch(jobs, repeat, each, processes, stats, max_failures), **rest)

    options = (
        click.option(
            "--jobs",
            type=click.IntRange(1, 100_000),
            metavar="N",
            help=f"With many runs: how many at once (default {CONCURRENCY}).",
        ),
        click.option("--repeat", type=click.IntRange(1), metavar="N", help="Run each script N times."),
        click.option(
            "--each", metavar="FILE", help="Run once for each row of a .csv, .tsv or .jsonl file: the global row."
        ),
        click.option(
            "--processes",
            type=click.IntRange(1, 256),
            default=1,
            metavar="N",
            help="Spread many runs over N worker processes.",
        ),
        click.option(
            "--max-failures",
            callback=_max_failures,
            metavar="N|P%",
            help="Begin no more runs once N, or P% of all, have failed.",
        ),
        click.option("--stats", is_flag=True, help="Show the host's health on stderr at the end."),
    )
    for option in reversed(options):
        with_batch = option(with_batch)
    return with_batch
