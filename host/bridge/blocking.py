"""Refuses calls that would block a loop's own thread, which would then wait for itself."""

from __future__ import annotations

import asyncio
import sys
import warnings

from host.errors import UsageError

__all__ = ["refuse_own_thread", "warn_of_another_loop"]


def refuse_own_thread(what: str, instead: str) -> UsageError:
    """The error of a blocking call on the loop's own thread."""
    return UsageError(
        f"{what}() blocks and was called on the worker's own thread, which it would wait for",
        hint=instead or "Await the async form there instead.",
    )


def warn_of_another_loop(what: str, instead: str) -> None:
    """Warn a caller whose own running loop stands still during a blocking call."""
    if asyncio._get_running_loop() is not None:
        text = f"{what}() blocks the running event loop until it is done. {instead}"
        warnings.warn(text, RuntimeWarning, stacklevel=_outside())


def _outside() -> int:
    """The ``stacklevel``, for the caller of this, of the first frame that is not the host's own."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "host":
        level, frame = level + 1, frame.f_back
    return level
