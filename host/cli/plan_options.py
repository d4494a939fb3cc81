"""The options of ``plan``: what is planned, from where it reads, and where the plan goes."""

from __future__ import annotations

from typing import Annotated

import msgspec

from host.cli.arguments import SECONDS
from host.cli.struct_options import fields_of, struct_options
from host.option import Option

__all__ = ["PlanOptions", "plan_options"]


class PlanOptions(msgspec.Struct, frozen=True):
    """What the options say; ``run --dry-run`` makes them of its own."""

    code: Annotated[str | None, Option("-e", "Plan the script CODE instead of a file.", "CODE")] = None
    each: Annotated[
        str | None, Option("--each", "Plan one run for each row of a .csv, .tsv or .jsonl file.", "FILE")
    ] = None
    out: Annotated[str | None, Option("--out", "Write the plan to FILE, for apply.", "FILE")] = None
    simulate: Annotated[bool, Option("--simulate", "Read from the built-in simulator; no key is needed or used.")] = (
        False
    )
    timeout: Annotated[float | None, Option("--timeout", "Time limit of the script.", "SECONDS", SECONDS)] = None


plan_options = struct_options("options", fields_of(PlanOptions), PlanOptions)
"""Gives a command the options, which reach it as one value, ``options``."""
