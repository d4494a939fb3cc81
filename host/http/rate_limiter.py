"""Rate limits of APIs: a token bucket, and the wrapper that waits for its tokens.

All times are seconds on one clock that never goes back (:func:`time.monotonic`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol

import msgspec
from msgspec.structs import replace

from host.errors import CallError, ConfigError
from host.http.message import OnWait, Request, Response, Send, host_of, origin_of
from host.http.retry import retry_after

__all__ = ["Rate", "RateTokens", "TokenBucket", "rate_limited"]


class Rate(msgspec.Struct, frozen=True):
    """``per_second`` requests on average, ``burst`` at once (by default one second's worth)."""

    per_second: float
    burst: float | None = None

    def __post_init__(self) -> None:
        if self.per_second <= 0 or (self.burst is not None and self.burst < 1):
            raise ConfigError(f"a rate is above 0 per second, with a burst of at least 1, not {self}")


class RateTokens(Protocol):
    """The tokens of one rate, as :class:`TokenBucket` has them, in this process or another."""

    async def take(self, now: float) -> float:
        """Take one token; returns the seconds to wait until it is there."""

    def give_back(self) -> None:
        """Return a token that was not used."""

    def rejected(self, now: float, asked: float | None) -> None:
        """The server answered 429, with ``asked`` seconds to wait if it named any."""

    def accepted(self) -> None:
        """The server accepted a request."""


class TokenBucket:
    """A token bucket that hands out tokens in line, and slows down when the server says 429.

    Tokens are taken at once, even before they exist: later requests wait behind. After a 429 the
    rate is halved, down to a sixteenth; each success gives back a hundredth of the full rate.
    """

    __slots__ = ("_burst", "_full", "_last", "_not_before", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._full = self._rate = rate.per_second
        self._burst = max(1.0, rate.per_second) if rate.burst is None else rate.burst
        self._tokens = self._burst
        self._last = now
        self._not_before = now

    @property
    def rate(self) -> float:
        """Requests per second at present."""
        return self._rate

    def take(self, now: float) -> float:
        """Take one token; returns the seconds to wait until it is valid."""
        self._fill(now)
        self._tokens -= 1.0
        wait = -self._tokens / self._rate if self._tokens < 0 else 0.0
        return max(wait, self._not_before - now)

    def give_back(self) -> None:
        """Return a token that was not used."""
        self._tokens = min(self._burst, self._tokens + 1.0)

    def rejected(self, now: float, asked: float | None) -> None:
        """The server answered 429, with ``asked`` seconds to wait if it named any."""
        self._fill(now)
        # Many answers of one moment say the same thing once.
        if now >= self._not_before:
            self._rate = max(self._full / 16, self._rate / 2)
        self._tokens = min(self._tokens, 0.0)
        pause = 1.0 / self._rate if asked is None else min(asked, 60.0)
        self._not_before = max(self._not_before, now + pause)

    def accepted(self) -> None:
        """The server accepted a request."""
        if self._rate < self._full:
            self._rate = min(self._full, self._rate + self._full / 100)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._last) * self._rate)
        self._last = now


def rate_limited(
    send: Send,
    tokens_of: Callable[[str], RateTokens | None],
    *,
    on_wait: OnWait | None = None,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Send:
    """Wait for a token of the API's rate, by ``credential``, else of its host's.

    The wait moves the call's deadline, so ``on_wait("rate limit", seconds)`` is called before it. It is ``waited`` of
    what comes back.
    """
    known: dict[str, RateTokens | None] = {}

    async def send_at_rate(request: Request, deadline: float) -> Response:
        name = request.credential or host_of(origin_of(request.url))
        if name not in known:
            known[name] = tokens_of(name)
        tokens = known[name]
        if tokens is None:
            return await send(request, deadline)
        waited = await tokens.take(clock())
        if waited:
            if on_wait is not None:
                on_wait("rate limit", waited)
            await _sleep(tokens, waited, sleep)
        try:
            answer = await send(request, deadline + waited)
        except CallError as error:
            error.waited = waited
            raise
        if answer.status == 429:
            tokens.rejected(clock(), retry_after(answer.headers))
        else:
            tokens.accepted()
        return replace(answer, waited=waited) if waited else answer

    return send_at_rate


async def _sleep(tokens: RateTokens, seconds: float, sleep: Callable[[float], Awaitable[None]]) -> None:
    try:
        await sleep(seconds)
    except BaseException:
        tokens.give_back()
        raise
