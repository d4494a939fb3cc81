"""The options of ``run`` for many runs with one command."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any

import click
import msgspec

from host.cli.struct_options import fields_of, struct_options
from host.limits import MOST_PROCESSES
from host.option import Option

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["CONCURRENCY", "Batch", "MaxFailures", "batch_options"]

CONCURRENCY = 100  # runs at once by default


class MaxFailures(msgspec.Struct, frozen=True):
    """The number of failures, or share of all runs, after which no more runs begin. ``str()`` is what was given."""

    text: str
    number: int | None
    share: Fraction | None

    def of(self, total: int) -> int:
        """The number of failures, at least one, for ``total`` runs."""
        return self.number if self.number is not None else max(1, ceil(total * (self.share or 0)))

    def __str__(self) -> str:
        return self.text


class _MaxFailures(click.ParamType[MaxFailures]):
    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> MaxFailures:
        from fractions import Fraction  # for this option alone

        match = re.fullmatch(r"(\d{1,9})|(\d{1,3}(?:\.\d{1,6})?)%", value.strip(), re.ASCII)
        number = int(match[1]) if match and match[1] else None
        share = Fraction(match[2]) / 100 if match and match[2] else None
        if not number and not (share and share <= 1):
            expected = "a number from 1 (1 stops at the first failure), or a percentage above 0% and at most 100%"
            self.fail(f"{value!r}: expected {expected}.", param, ctx)
        return MaxFailures(value.strip(), number, share)


class Batch(msgspec.Struct, frozen=True):
    """What the options for many runs say; ``None`` is not said."""

    jobs: Annotated[
        int | None,
        Option(
            "--jobs",
            f"With many runs: how many run concurrently (default {CONCURRENCY}).",
            "N",
            click.IntRange(1, 100_000),
        ),
    ] = None
    repeat: Annotated[int | None, Option("--repeat", "Run each script N times.", "N", click.IntRange(1))] = None
    each: Annotated[
        str | None,
        Option("--each", "Run once for each row of a .csv, .tsv or .jsonl file, which is the global row.", "FILE"),
    ] = None
    processes: Annotated[
        int, Option("--processes", "Spread many runs over N worker processes.", "N", click.IntRange(1, MOST_PROCESSES))
    ] = 1
    max_failures: Annotated[
        MaxFailures | None,
        Option(
            "--max-failures", "Start no more runs once N of them, or P% of all, have failed.", "N|P%", _MaxFailures()
        ),
    ] = None
    no_prefix: Annotated[
        bool,
        Option("--no-prefix", "Print the output of many runs without the name of its run or row before each line."),
    ] = False
    stats: Annotated[bool, Option("--stats", "Show statistics of the host on stderr at the end.")] = False

    @property
    def asked(self) -> bool:
        """Whether even one script is to be reported as many runs."""
        said = (self.jobs, self.repeat, self.each, self.max_failures)
        return any(each is not None for each in said)


batch_options = struct_options("batch", fields_of(Batch), Batch)
"""Gives a command the options, which reach it as one value, ``batch``."""
