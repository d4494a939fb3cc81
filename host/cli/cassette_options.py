"""The options that record a command's requests, or answer them from a recording."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from host.cli.struct_options import fields_of, struct_options
from host.errors import UsageError
from host.option import Option

__all__ = ["NO_CASSETTE", "CassetteOptions", "cassette_options"]


class CassetteOptions(msgspec.Struct, frozen=True):
    """What the options say: at most one of them is given."""

    record: Annotated[
        str | None,
        Option("--record", "Write all requests and answers to FILE, a cassette; secrets are left out.", "FILE"),
    ] = None
    replay: Annotated[
        str | None, Option("--replay", "Answer all requests from the cassette FILE; nothing is sent.", "FILE")
    ] = None

    @classmethod
    def of(cls, record: str | None, replay: str | None) -> CassetteOptions:
        """Of the options' values. Raises ``UsageError``."""
        if record is not None and replay is not None:
            raise UsageError(
                "--record and --replay cannot be combined: a cassette is recorded first and replayed later"
            )
        return cls(record, replay)

    @property
    def given(self) -> str | None:
        """The one that was given."""
        return "--record" if self.record is not None else "--replay" if self.replay is not None else None

    def arguments(self) -> dict[str, Any]:
        """For ``Host(…)``."""
        return {name: value for name in ("record", "replay") if (value := getattr(self, name)) is not None}

    def refuse_with(self, **others: object) -> None:
        """Raise ``UsageError`` for an option that excludes these; options are given by name, with ``_`` for ``-``."""
        for name, value in others.items():
            if self.given is not None and value:
                raise UsageError(
                    f"{self.given} cannot be combined with --{name.replace('_', '-')}{_REASONS.get(name, '')}"
                )


NO_CASSETTE = CassetteOptions()

_REASONS = {
    "durable": ": a durable run has a record of its own",
    "processes": ": a cassette is of one process",
    "require_live": ": nothing is sent",
    "require_test": ": nothing is sent",
    "dry_run": ": a plan is neither recorded nor replayed",
}

cassette_options = struct_options("cassette", fields_of(CassetteOptions), CassetteOptions.of)
"""Gives a command the options, which reach it as one value, ``cassette``."""
