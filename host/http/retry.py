"""When to send a request again, and how long to wait before: pure functions, tested as a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from host.errors import CallError, ConfigError
from host.http.message import Request, Response

__all__ = ["RetryBudget", "RetryPolicy", "decide", "jitter", "retry_after"]


class RetryPolicy(msgspec.Struct, frozen=True):
    """``retries`` beyond the first attempt; times in seconds.

    The delays are Stripe's: 0.5 s doubled each time, up to 8 s, of which a random part is taken ("full
    jitter"), so that clients that failed together do not retry together. Two retries bridge the loss of
    one connection or the restart of one server; a longer outage is for the script or a durable run.
    A server's ``Retry-After`` is honoured up to ``longest_wait``; if it asks for more, the error is
    better than the wait, and carries ``retry_after``.
    """

    retries: int = 2
    base: float = 0.5
    cap: float = 8.0
    longest_wait: float = 60.0

    def __post_init__(self) -> None:
        if self.retries < 0 or self.base < 0 or self.cap < self.base:
            raise ConfigError(f"a retry policy needs retries >= 0 and 0 <= base <= cap, not {self}")


def decide(
    policy: RetryPolicy,
    attempt: int,
    request: Request,
    outcome: Response | CallError,
    deadline: float,
    now: float,
    rng: Callable[[], float],
) -> float | None:
    """Seconds to wait before the next attempt, or ``None`` to accept this outcome.

    ``attempt`` is the number of the one that has just ended, from 1. ``deadline`` and ``now`` are on one
    clock. ``rng()`` gives a number from 0 to 1.
    """
    retries = policy.retries if request.retries is None else request.retries
    if attempt > retries or not _worth(outcome) or not _safe(request, outcome):
        return None
    delay = rng() * min(policy.cap, policy.base * 2.0 ** (attempt - 1))
    asked = retry_after(outcome.headers) if isinstance(outcome, Response) else outcome.retry_after
    if asked is not None:
        if asked > policy.longest_wait:
            return None
        delay = max(delay, asked)
    return delay if now + delay < deadline else None


def jitter() -> float:
    """A number from 0 to 1 at random."""
    from random import random  # most commands end without a retry

    return random()  # noqa: S311 - spreads waits, guards nothing


def _worth(outcome: Response | CallError) -> bool:
    """Whether the next attempt may end differently."""
    if isinstance(outcome, CallError):
        return bool(outcome.retryable)
    # Stripe's own word on it, both ways: https://docs.stripe.com/error-low-level
    word = outcome.headers.get("stripe-should-retry")
    if word in ("true", "false"):
        return word == "true"
    return outcome.status in (409, 429) or outcome.status >= 500


def _safe(request: Request, outcome: Response | CallError) -> bool:
    """Whether sending it again cannot make the change twice."""
    if not request.mutation or request.idempotency_key is not None:
        return True
    return isinstance(outcome, CallError) and outcome.outcome == "not_sent"


def retry_after(headers: Mapping[str, str], wall: float | None = None) -> float | None:
    """``Retry-After`` in seconds from now, both forms of RFC 9110, 10.2.3; ``None`` without a valid one."""
    text = headers.get("retry-after")
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    from email.utils import parsedate_to_datetime  # the date form is rare

    try:
        at = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, at - (time.time() if wall is None else wall))


class RetryBudget:
    """Keeps the retries to one host below a share of its requests, so that they do not overload a failing API.

    Each request earns ``share`` of a retry, each retry spends one; ``reserve`` is what there is at the start
    and what can be saved up five times over.
    """

    __slots__ = ("_balance", "_most", "_share")

    def __init__(self, share: float = 0.2, reserve: float = 100.0) -> None:
        self._share = share
        self._balance = reserve
        self._most = reserve * 5

    def earn(self) -> None:
        if self._balance < self._most:
            self._balance += self._share

    def spend(self) -> bool:
        """Whether a retry may be made; it is then paid for."""
        if self._balance < 1.0:
            return False
        self._balance -= 1.0
        return True
