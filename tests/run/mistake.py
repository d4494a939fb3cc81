"""A mistake of a script writer's, and what has to be said of it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Mistake"]


class Mistake(NamedTuple):
    """A script, the line of the mistake, what the message says of the cause, and of the next step.

    ``cause`` and ``step`` are regular expressions that the text at the terminal has to match: the cause the message or
    its hint, the next step what follows the place. Only where nobody but the script's author knows one is it empty.
    """

    script: str
    line: int
    cause: str
    step: str
    module: str = ""  # the text of module.lua beside the script
    in_module: bool = False  # whether the line is that module's
