"""What a worker and the source of its limits say to each other: of permits in flight, of rates, of circuit breakers.

The source is the parent of a worker process (``host/processes/shared_limits.py``, in memory) or the fleet's database
(``host/fleet/permits.py``, in rows); the worker's side (``leased_limits.py``) is the same for both.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "HostFailed",
    "HostRecovered",
    "Message",
    "PermitsGranted",
    "PermitsRecalled",
    "PermitsReturned",
    "PermitsWanted",
    "RateAccepted",
    "RateRejected",
    "ToSource",
    "ToWorker",
    "TokenReturned",
    "TokensGranted",
    "TokensWanted",
]


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What all messages have: a kind."""


# -- from the source


class PermitsGranted(Message, frozen=True):
    pool: str
    count: int


class PermitsRecalled(Message, frozen=True):
    """Give back ``count`` places: those that are idle, and with ``hard`` also those others wait for here."""

    pool: str
    count: int
    hard: bool


class TokensGranted(Message, frozen=True):
    """Seconds to wait for each token asked for. ``slowed``: the rate is below its own, so successes count."""

    name: str
    waits: list[float]
    slowed: bool


# -- from a worker


class PermitsWanted(Message, frozen=True):
    """So many more places in flight are wanted."""

    pool: str
    count: int


class PermitsReturned(Message, frozen=True):
    pool: str
    count: int


class TokensWanted(Message, frozen=True):
    name: str
    count: int


class TokenReturned(Message, frozen=True):
    name: str


class RateRejected(Message, frozen=True):
    """The server said 429, and to come back after ``asked`` seconds if it said so."""

    name: str
    asked: float | None


class RateAccepted(Message, frozen=True):
    name: str


# -- both ways: what one worker sees of a server reaches the others


class HostFailed(Message, frozen=True):
    host: str
    reason: str


class HostRecovered(Message, frozen=True):
    host: str


ToWorker = PermitsGranted | PermitsRecalled | TokensGranted | HostFailed | HostRecovered
ToSource = (
    PermitsWanted | PermitsReturned | TokensWanted | TokenReturned | RateRejected | RateAccepted | HostFailed
    | HostRecovered
)  # fmt: skip
