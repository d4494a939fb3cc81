"""How fast and how much may go to one place: decided purely, with the time handed in.

All times are seconds on one clock that never goes back (:func:`time.monotonic`).
"""

from __future__ import annotations

import msgspec

from host.errors import ConfigError

__all__ = ["Breaker", "BreakerPolicy", "Rate", "TokenBucket"]


class Rate(msgspec.Struct, frozen=True):
    """``per_second`` requests on average, ``burst`` at once (by default one second's worth)."""

    per_second: float
    burst: float | None = None

    def __post_init__(self) -> None:
        if self.per_second <= 0 or (self.burst is not None and self.burst < 1):
            raise ConfigError(f"a rate is above 0 per second, with a burst of at least 1, not {self}")


class TokenBucket:
    """A token bucket that hands out places in line, and slows down when the server says 429.

    Tokens are taken at once, also those not there yet: whoever comes next waits behind. After a 429 the
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
        """Take one token: seconds to wait until it is there."""
        self._fill(now)
        self._tokens -= 1.0
        wait = -self._tokens / self._rate if self._tokens < 0 else 0.0
        return max(wait, self._not_before - now)

    def give_back(self) -> None:
        """Return a token that was not used."""
        self._tokens = min(self._burst, self._tokens + 1.0)

    def rejected(self, now: float, asked: float | None) -> None:
        """The server said 429, and to come back after ``asked`` seconds, if it said so."""
        self._fill(now)
        # Many answers of one moment say the same thing once.
        if now >= self._not_before:
            self._rate = max(self._full / 16, self._rate / 2)
        self._tokens = min(self._tokens, 0.0)
        pause = 1.0 / self._rate if asked is None else min(asked, 60.0)
        self._not_before = max(self._not_before, now + pause)

    def accepted(self) -> None:
        """The server took a request."""
        if self._rate < self._full:
            self._rate = min(self._full, self._rate + self._full / 100)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._last) * self._rate)
        self._last = now


class BreakerPolicy(msgspec.Struct, frozen=True):
    """Opens after ``failures`` in a row, for ``pause`` seconds, doubled up to ``longest`` while it fails."""

    failures: int = 10
    pause: float = 1.0
    longest: float = 30.0

    def __post_init__(self) -> None:
        if self.failures < 1 or self.pause <= 0 or self.longest < self.pause:
            raise ConfigError(f"a breaker needs failures >= 1 and 0 < pause <= longest, not {self}")


class Breaker:
    """A circuit breaker for one host: stops sending to what fails every time, and tries it now and then.

    Closed: everything passes. Open: nothing passes until the pause is over. Then half open: one request
    passes as a probe; its success closes the breaker, its failure opens it for twice as long.
    """

    __slots__ = ("_failures", "_open_until", "_pause", "_policy", "_probing", "reason")

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._pause = policy.pause
        self._open_until: float | None = None  # None: closed
        self._probing = False
        self.reason = ""  # the last failure, for messages

    @property
    def closed(self) -> bool:
        return self._open_until is None

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self._failures

    def wait(self, now: float) -> float:
        """Seconds to wait before asking again, or 0.0 to go on: whoever gets it while open is the probe."""
        if self._open_until is None:
            return 0.0
        if now < self._open_until:
            return self._open_until - now
        if self._probing:
            return self._policy.pause / 10
        self._probing = True
        return 0.0

    def succeeded(self) -> None:
        self._failures = 0
        self._probing = False
        if self._open_until is not None:
            self._open_until = None
            self._pause = self._policy.pause

    def failed(self, now: float, reason: str) -> None:
        self._failures += 1
        self.reason = reason
        if self._probing:
            self._probing = False
            self._pause = min(self._policy.longest, self._pause * 2)
            self._open_until = now + self._pause
        elif self._open_until is None and self._failures >= self._policy.failures:
            self._open_until = now + self._pause

    def abandoned(self) -> None:
        """A request ended without saying anything of the host (cancelled): another may be the probe."""
        self._probing = False
