"""Injects faults: how often requests to the simulated API fail, and in which way."""

from __future__ import annotations

import random
import re
import threading
from typing import Literal

import msgspec

from host import arguments
from host.errors import UsageError
from host.limits import YEAR

Failure = Literal["500", "reset-before", "reset-after", "429", "hang", "500-after"]
_TIMES = ("latency", "retry_after")
FAILURES: tuple[Failure, ...] = ("500", "reset-before", "reset-after", "429", "hang", "500-after")


class Rates(msgspec.Struct, frozen=True):
    """How often each failure happens, as a share of the requests, from 0 to 1. ``latency`` is in seconds, for each.

    ``error_before``: status 500, and nothing is done. ``reset_before``, ``reset_after``: the connection is closed
    without an answer, before or after the operation was carried out. ``too_many``: status 429, with ``retry_after``
    seconds in its Retry-After header. ``hang``: there is never an answer, and nothing is done. ``error_after``: status
    500 after the operation was carried out, saved under the request's idempotency key.
    """

    error_before: float = 0.0
    reset_before: float = 0.0
    reset_after: float = 0.0
    too_many: float = 0.0
    hang: float = 0.0
    error_after: float = 0.0
    latency: float = 0.0
    retry_after: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value, timed = getattr(self, name), name in _TIMES
            most = YEAR if timed else 1
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                expected = "seconds from 0, at most a year" if timed else "a share from 0 to 1"
                raise arguments.wrong(f"Rates.{name}", value, expected)

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares, in the order of :data:`FAILURES`."""
        return (
            self.error_before,
            self.reset_before,
            self.reset_after,
            self.too_many,
            self.hang,
            self.error_after,
        )


class InjectedFault(msgspec.Struct, frozen=True):
    """What is done to one request: ``failure``, or ``None`` to answer it, after ``delay`` seconds.

    ``retry_after`` is in seconds, of a 429.
    """

    failure: Failure | None = None
    delay: float = 0.0
    retry_after: float = 0.0


NO_FAULT = InjectedFault()


class Faults:
    """Draws a :class:`InjectedFault` for each request; the same ``seed`` draws the same ones in the same order."""

    def __init__(self, rates: Rates, seed: object = None) -> None:
        arguments.an_instance("rates", rates, Rates, "Rates(…)")
        if sum(rates.shares) > 1:
            raise UsageError("the rates of faults must be from 0% to 100%, and together at most 100%")
        self.rates = rates
        self._random = random.Random(None if seed is None else repr(seed))  # noqa: S311 - repeatable on purpose
        self._lock = threading.Lock()

    @classmethod
    def parse(cls, text: str, seed: object = None) -> Faults:
        """Parse a value of ``--faults``: ``500:3%,reset-before:2%,429:3%,latency:50ms``. Raises :class:`UsageError`."""
        arguments.a_text("text", text, "faults such as '500:3%,latency:50ms'")
        values: dict[str, float] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            name, _, amount = item.partition(":")
            field = _FIELDS.get(name.strip())
            if field is None:
                raise UsageError(f"unknown fault {name.strip()!r}; known are {', '.join(_FIELDS)}")
            if field in values:
                raise UsageError(f"faults {text!r}: {name.strip()} is given twice")
            values[field] = _seconds(name, amount) if field in _TIMES else _share(name, amount)
        return cls(Rates(**values), seed)

    def draw(self) -> InjectedFault:
        """Draw the fault of the next request. Thread-safe."""
        with self._lock:
            point = self._random.random()
        for failure, share in zip(FAILURES, self.rates.shares, strict=True):
            if point < share:
                return InjectedFault(failure, self.rates.latency, self.rates.retry_after)
            point -= share
        return InjectedFault(None, self.rates.latency)


_FIELDS = {
    "500": "error_before",
    "reset-before": "reset_before",
    "reset-after": "reset_after",
    "429": "too_many",
    "hang": "hang",
    "500-after": "error_after",
    "latency": "latency",
    "retry-after": "retry_after",
}


def _share(name: str, text: str) -> float:
    number = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text)
    if number is None or float(number[1]) > 100:
        raise UsageError(f"fault {name!r} needs a share from 0% to 100%, not {text!r}")
    return float(number[1]) / 100


def _seconds(name: str, text: str) -> float:
    number = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*", text)
    if number is None:
        raise UsageError(f"fault {name!r} needs a time such as 50ms or 1.5s, not {text!r}")
    return float(number[1]) / (1000 if number[2] == "ms" else 1)
