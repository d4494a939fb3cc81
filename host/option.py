"""How a field of a struct is set on the command line: written beside the field, read by ``host.cli``."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Option"]


class Option(NamedTuple):
    """``Annotated[field's type, Option(…)]``. ``flags`` are names apart by spaces: ``-v --verbose``.

    What a string is read as follows from the field's type; ``kind`` is a type of click's where that is not enough, and
    ``"count"`` for a flag whose repetitions count.
    """

    flags: str
    help: str
    metavar: str | None = None
    kind: Any = None
