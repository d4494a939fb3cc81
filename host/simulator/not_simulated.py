"""What the simulator does not model: refused with status 501, or, where it is lenient, noted and passed over."""

from __future__ import annotations

from typing import NamedTuple

from host.simulator.api_error import Refusal

CODE = "not_simulated"
MOST_NOTES = 1_000  # kept; a run of many calls leaves the same few
MOST_NAMES = 24  # of what is modelled instead, in one message


class Unmodelled(NamedTuple):
    """One thing that an answer could not be right about: the operation, and what of it ("" is all of it)."""

    operation: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.operation}: {self.what}" if self.what else self.operation


class Leniency:
    """Whether what is not modelled is refused, and what was passed over instead, each once and in order."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self._notes: dict[Unmodelled, None] = {}

    @property
    def notes(self) -> tuple[Unmodelled, ...]:
        """What was passed over so far."""
        return tuple(self._notes)

    def pass_over(self, operation: str, what: str, instead: str = "", param: str | None = None) -> None:
        """Note it where the simulator is lenient; else raise the :class:`Refusal`.

        ``what`` finishes the sentence "the simulator does not model …" (``parameter discounts[0][coupon]``);
        ``instead`` is a sentence that says what is modelled. ``param`` is the parameter at fault, if one is.
        """
        if not self.lenient:
            raise refused(operation, what, instead, param)
        if len(self._notes) < MOST_NOTES:
            self._notes[Unmodelled(operation, what)] = None


def refused(operation: str, what: str = "", instead: str = "", param: str | None = None) -> Refusal:
    """The 501, as an answer of the API that no client tries again."""
    about = f"{what} of {operation}" if what else operation
    said = f"The simulator does not model {about}, so nothing was done."
    message = " ".join(filter(None, (said, instead, "A lenient simulator stores and answers it by its shape.")))
    return Refusal(501, message, type="api_error", code=CODE, param=param, headers={"stripe-should-retry": "false"})


def names(found: list[str]) -> str:
    """Names in a sentence, the first of many."""
    more = len(found) - MOST_NAMES
    return ", ".join(found[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
