"""The options of ``submit``: to which queue a script goes, when, how often and under which name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from host.cli.struct_options import fields_of, struct_options
from host.errors import UsageError
from host.option import Option

__all__ = ["SubmitOptions", "submit_options"]


class SubmitOptions(msgspec.Struct, frozen=True):
    """What the options say; ``None`` is not said."""

    queue: Annotated[str, Option("--queue", "The queue, from which workers take it.", "Q")] = "default"
    priority: Annotated[int, Option("--priority", "Priority; higher ones go first.", "N", int)] = 0
    at: Annotated[
        str | None,
        Option("--at", "Earliest time, such as 2026-03-01T12:00Z; without a zone, in this machine's.", "TIME"),
    ] = None
    cron: Annotated[
        str | None, Option("--cron", "Submit it repeatedly, such as '30 2 * * 1-5'; --name names the schedule.", "EXPR")
    ] = None
    timezone: Annotated[
        str | None, Option("--timezone", "Time zone of --cron, such as Europe/Berlin (default: UTC).", "ZONE")
    ] = None
    name: Annotated[
        str | None, Option("--name", "Name of a schedule or of a batch, whose runs are N.1, N.2 …", "N")
    ] = None
    dedup: Annotated[
        str | None,
        Option("--dedup", "Deduplicates: submitted again with this key, the first run's id is printed.", "KEY"),
    ] = None
    each: Annotated[
        str | None,
        Option("--each", "Submit a run for each row of a .csv, .tsv or .jsonl file, which is the global row.", "FILE"),
    ] = None
    run_id: Annotated[str | None, Option("--run-id", "The run's id (default: a new one).", "ID")] = None

    def check(self) -> None:
        """Raise ``UsageError`` for options that cannot be combined."""
        several = [option for option, said in (("--cron", self.cron), ("--each", self.each)) if said is not None]
        if len(several) > 1:
            raise UsageError("--cron and --each cannot be combined")
        if self.cron is not None and self.name is None:
            raise UsageError("--cron needs --name: it names the schedule, which runs cancel removes")
        if self.timezone is not None and self.cron is None:
            raise UsageError("--timezone applies only to --cron")
        if self.name is not None and not several:
            raise UsageError("--name names a schedule (--cron) or a batch (--each); --run-id names a run")
        for option, said in (("--dedup", self.dedup), ("--run-id", self.run_id)):
            if said is not None and several:
                raise UsageError(f"{option} is for one run; with {several[0]}, --name makes it one batch or schedule")
        if self.at is not None and self.cron is not None:
            raise UsageError("--cron sets the time; omit --at")

    @property
    def time(self) -> float | None:
        """``--at`` in seconds since 1970. Raises ``UsageError``."""
        if self.at is None:
            return None
        try:
            return datetime.fromisoformat(self.at).timestamp()
        except ValueError:
            raise UsageError(f"--at {self.at}: expected a time such as 2026-03-01T12:00Z") from None


submit_options = struct_options("submission", fields_of(SubmitOptions), SubmitOptions)
"""Gives a command the options, which reach it as one value, ``submission``."""
