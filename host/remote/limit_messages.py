"""The messages between a worker and the source of its limits: on permits in flight, rates and circuit breakers.

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
    """The base of all messages; encoded, a message is an array that begins with its class's name."""


# -- from the source


class PermitsGranted(Message, frozen=True):
    """The worker gets ``count`` further places in flight of a pool."""

    pool: str
    count: int


class PermitsRecalled(Message, frozen=True):
    """The worker must return ``count`` places: idle ones only, or with ``hard`` also ones for which its calls wait."""

    pool: str
    count: int
    hard: bool


class TokensGranted(Message, frozen=True):
    """``waits`` are the seconds to wait before using each of the requested tokens.

    ``slowed`` means that the rate is below its configured value, so the worker must report accepted requests.
    """

    name: str
    waits: list[float]
    slowed: bool


# -- from a worker


class PermitsWanted(Message, frozen=True):
    """The worker requests ``count`` further places in flight of a pool."""

    pool: str
    count: int


class PermitsReturned(Message, frozen=True):
    """The worker returns ``count`` places in flight of a pool."""

    pool: str
    count: int


class TokensWanted(Message, frozen=True):
    """The worker requests ``count`` tokens of the rate ``name``."""

    name: str
    count: int


class TokenReturned(Message, frozen=True):
    """The worker returns a token of the rate ``name`` that it did not use."""

    name: str


class RateRejected(Message, frozen=True):
    """A server answered 429; ``asked`` are the seconds of its ``Retry-After``, if it gave one."""

    name: str
    asked: float | None


class RateAccepted(Message, frozen=True):
    """A server accepted a request that used the rate ``name`` while it was slowed."""

    name: str


# -- in both directions: a worker's observation of a server is passed on to the other workers


class HostFailed(Message, frozen=True):
    """A request to ``host`` failed, for the given reason; every worker's circuit breaker counts it."""

    host: str
    reason: str


class HostRecovered(Message, frozen=True):
    """A request to ``host`` succeeded after failures; every worker's circuit breaker closes."""

    host: str


ToWorker = PermitsGranted | PermitsRecalled | TokensGranted | HostFailed | HostRecovered
ToSource = (
    PermitsWanted | PermitsReturned | TokensWanted | TokenReturned | RateRejected | RateAccepted | HostFailed
    | HostRecovered
)  # fmt: skip
