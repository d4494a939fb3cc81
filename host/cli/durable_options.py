"""The options of ``run`` that make it durable."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any

import click
import msgspec

__all__ = ["DurableOptions", "keeping_options"]


class DurableOptions(msgspec.Struct, frozen=True):
    """What the options say. ``run_id`` is there whenever the run is to be durable."""

    run_id: str | None
    journal: str | None
    force_new: bool

    def arguments(self) -> dict[str, Any]:
        """For :meth:`Host.run`."""
        if self.run_id is None:
            return {}
        return {"durable": True, "run_id": self.run_id, "force_new": self.force_new}


def keeping_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options, which reach it as one value, ``keeping``."""

    @functools.wraps(function)
    def with_keeping(
        *args: Any, durable: bool, run_id: str | None, journal: str | None, force_new: bool, **rest: Any
    ) -> Any:
        if force_new and run_id is None:
            raise click.UsageError("--force-new starts a run over: say which with --run-id")
        if durable and run_id is None:
            run_id = f"run_{uuid.uuid4().hex[:20]}"
        return function(*args, keeping=DurableOptions(run_id, journal, force_new), **rest)

    for option in reversed(
        (
            click.option("--durable", is_flag=True, help="Record the run, so that it can be resumed."),
            click.option(
                "--run-id", metavar="ID", help="Its name; given again, the run is resumed. Implies --durable."
            ),
            click.option("--journal", metavar="URL", help="Where it is recorded: a file, or a database's URL."),
            click.option("--force-new", is_flag=True, help="Start --run-id over, with new keys."),
        )
    ):
        with_keeping = option(with_keeping)
    return with_keeping
