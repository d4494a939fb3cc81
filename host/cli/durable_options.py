"""The options of ``run`` that make it durable."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import click
import msgspec

from host.cli.struct_options import fields_of, struct_options
from host.option import Option

__all__ = ["DurableOptions", "durable_options"]


class DurableOptions(msgspec.Struct, frozen=True):
    """What the options say. ``run_id`` is set whenever the run is durable."""

    durable: Annotated[bool, Option("--durable", "Record the run, so that it can be resumed.")]
    run_id: Annotated[
        str | None, Option("--run-id", "The run's id; given again, the run is resumed. Implies --durable.", "ID")
    ]
    force_new: Annotated[bool, Option("--force-new", "Start the run --run-id over, with new keys.")]

    @classmethod
    def of(cls, durable: bool, run_id: str | None, force_new: bool) -> DurableOptions:
        """Of the options' values. Raises ``click.UsageError``."""
        if force_new and run_id is None:
            raise click.UsageError("--force-new starts a run over: name it with --run-id")
        if durable and run_id is None:
            run_id = f"run_{uuid.uuid4().hex[:20]}"
        return cls(run_id is not None, run_id, force_new)

    def arguments(self) -> dict[str, Any]:
        """For :meth:`Host.run`."""
        if self.run_id is None:
            return {}
        return {"durable": True, "run_id": self.run_id, "force_new": self.force_new}


durable_options = struct_options("durable", fields_of(DurableOptions), DurableOptions.of)
"""Gives a command the options, which reach it as one value, ``durable``."""
