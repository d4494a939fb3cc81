"""The host's side of ``clock.now`` and ``clock.advance`` in Lua tests, which read and move the simulator's time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from host import arguments
from host.errors import InvalidCall, UsageError
from host.host import Host
from host.http.sender import Sender
from host.simulator.simulator import MOST_SECONDS, Simulator
from host.simulator.stripe.periods import later

__all__ = ["ClockWords"]

_FORM = 'expected seconds, or a string such as "3 days", "2 hours 30 minutes" or "1 month"'
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) *([a-z]+)(?: *,? *(?:and +)?)")
_SECONDS = {
    name: seconds
    for names, seconds in (
        ("s sec second", 1),
        ("m min minute", 60),
        ("h hour", 3600),
        ("d day", 86400),
        ("w week", 7 * 86400),
    )
    for name in names.split()
}
MOST_MONTHS = 120


class ClockWords:
    """``words`` are the functions of a test, by name. All simulators of the host share one time.

    A host that replays a cassette has no simulator. The passed time is computed all the same, but nothing is moved.
    """

    def __init__(self, host: Host) -> None:
        self._in_processes = host._worker_processes is not None
        self._simulator: Simulator | None = host._simulator
        self._sender: Sender = host._sender
        self._replaying = host._tape is not None and host._tape.replaying
        self.words: dict[str, Callable[..., Any]] = {"clock.now": self._now, "clock.advance": self._advance}

    def _now(self) -> int:
        self._check_simulated("clock.now")
        return 0 if self._simulator is None else int(self._simulator.now)

    def _advance(self, amount: Any, now: int | None = None) -> float:
        """Return the seconds that pass. ``now`` is the start of a month's seconds, by default the simulator's time."""
        self._check_simulated("clock.advance")
        seconds = _seconds(amount, self._now() if now is None else int(now))
        if seconds > MOST_SECONDS:
            most = f"{MOST_SECONDS // 86400:,} days"
            raise InvalidCall(f"clock.advance moves the time by at most {most} at once, got {_shown(amount)}")
        if self._simulator is not None:
            self._sender.client.advance(seconds)
        return seconds

    def _check_simulated(self, word: str) -> None:
        if self._in_processes:
            raise UsageError(f"{word} needs the test's scripts in this process: omit processes")
        if self._simulator is None and not self._replaying:
            raise InvalidCall(f"{word} uses the simulator's time, but these tests call the API itself")


def _seconds(amount: Any, now: int) -> float:
    """The seconds in an amount of time that begins at ``now``."""
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        if amount < 0:
            raise InvalidCall(f"clock.advance moves the time forward only: {_FORM}, got {amount}")
        return amount
    text = amount.strip().lower() if isinstance(amount, str) else ""
    at, then = 0, float(now)
    while at < len(text) or not text:
        part = _PART.match(text, at)
        if part is None:
            raise InvalidCall(f"clock.advance: {_FORM}, got {_shown(amount)}")
        then, at = _after(then, part[1], part[2], amount), part.end()
    return then - now


def _after(then: float, count: str, word: str, amount: str) -> float:
    """The time that is ``count`` units later than ``then``."""
    unit = word.removesuffix("s") if len(word) > 1 else word
    if unit in _SECONDS:
        return then + float(count) * _SECONDS[unit]
    if unit not in ("month", "year"):
        raise InvalidCall(f"clock.advance: {_FORM}, got {_shown(amount)}")
    if "." in count or int(count) > MOST_MONTHS:
        raise InvalidCall(
            f"clock.advance: expected a whole number of {unit}s, at most {MOST_MONTHS}, got {_shown(amount)}"
        )
    return later(int(then), unit, int(count))


def _shown(amount: Any) -> str:
    if amount is None or isinstance(amount, bool):
        return "nothing" if amount is None else str(amount).lower()
    return "a table" if isinstance(amount, list | dict) else arguments.shown(amount)
