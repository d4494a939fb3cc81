"""What the simulator does not model: refused with status 501 or, by a lenient simulator, recorded and passed over."""

from __future__ import annotations

from typing import NamedTuple

from host.simulator.api_error import SimulatedError

CODE = "not_simulated"
MOST_NOTES = 1_000  # kept; many calls usually leave the same few
MOST_NAMES = 24  # in one message


class Unmodelled(NamedTuple):
    """One thing that is not modelled: the operation, and the part of it; ``what`` is "" for the whole operation."""

    operation: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.operation}: {self.what}" if self.what else self.operation


class Leniency:
    """Whether what is not modelled is passed over instead of refused, and a record of what was."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self._notes: dict[Unmodelled, None] = {}

    @property
    def notes(self) -> tuple[Unmodelled, ...]:
        """What was passed over so far, each once, in order; at most :data:`MOST_NOTES`."""
        return tuple(self._notes)

    def pass_over(self, operation: str, what: str, instead: str = "", param: str | None = None) -> None:
        """Record it where the simulator is lenient; else raise a :class:`SimulatedError` of status 501.

        ``what`` completes the sentence "The simulator does not model … of ``operation``"
        (``the parameter discounts[0][coupon]``), "" stands for all of it. ``instead`` is a sentence on what is
        modelled. ``param`` is the parameter at fault, if there is one.
        """
        if not self.lenient:
            raise refused(operation, what, instead, param)
        if len(self._notes) < MOST_NOTES:
            self._notes[Unmodelled(operation, what)] = None


def refused(operation: str, what: str = "", instead: str = "", param: str | None = None) -> SimulatedError:
    """The refusal, with a header that keeps official clients from retrying; see :meth:`Leniency.pass_over`."""
    subject = f"{what} of {operation}" if what else operation
    fault = f"The simulator does not model {subject}, so nothing was done."
    message = " ".join(filter(None, (fault, instead, "A lenient simulator stores and answers it by its shape.")))
    return SimulatedError(
        501, message, type="api_error", code=CODE, param=param, headers={"stripe-should-retry": "false"}
    )


def names(found: list[str]) -> str:
    """Names as a list in a sentence; of many the first, and how many more there are."""
    more = len(found) - MOST_NAMES
    return ", ".join(found[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
