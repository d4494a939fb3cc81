"""A circuit breaker for each host, and the wrapper that asks it before each request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from host.errors import CallError, CallTimeout, ConfigError, LimitError, NetworkError
from host.http.message import OnWait, Request, Response, Send, host_of, not_sent, origin_of

if TYPE_CHECKING:
    from host.http.limiter import Limiter

__all__ = ["CircuitBreaker", "CircuitBreakerPolicy", "with_circuit_breaker"]


class CircuitBreakerPolicy(msgspec.Struct, frozen=True):
    """Opens after ``failures`` in a row, for ``pause`` seconds, doubled up to ``longest`` while it fails."""

    failures: int = 10
    pause: float = 1.0
    longest: float = 30.0

    def __post_init__(self) -> None:
        if self.failures < 1 or self.pause <= 0 or self.longest < self.pause:
            raise ConfigError(f"a circuit breaker needs failures >= 1 and 0 < pause <= longest, not {self}")


class CircuitBreaker:
    """Stops sending to a host that fails every time, and tries it now and then.

    Closed: everything passes. Open: nothing passes until the pause is over. Then half-open: one request
    passes as a probe; its success closes the breaker, its failure opens it for twice as long.
    All times are seconds on one clock that never goes back, passed in.
    """

    __slots__ = ("_pause", "_policy", "_probing", "failures", "open_until", "reason")

    def __init__(self, policy: CircuitBreakerPolicy) -> None:
        self._policy = policy
        self.failures = 0  # in a row
        self._pause = policy.pause
        self.open_until: float | None = None  # None: closed
        self._probing = False
        self.reason = ""  # the last failure, for messages

    @property
    def closed(self) -> bool:
        """Whether everything passes."""
        return self.open_until is None

    def wait(self, now: float) -> float:
        """Seconds to wait before asking again, or 0.0 to proceed: a caller that gets 0.0 while it is open makes the
        probe.
        """
        if self.open_until is None:
            return 0.0
        if now < self.open_until:
            return self.open_until - now
        if self._probing:
            return self._policy.pause / 10
        self._probing = True
        return 0.0

    def succeeded(self) -> None:
        """Note that the host answered."""
        self.failures = 0
        self._probing = False
        if self.open_until is not None:
            self.open_until = None
            self._pause = self._policy.pause

    def failed(self, now: float, reason: str) -> None:
        """Note that the host failed; ``reason`` is for messages."""
        self.failures += 1
        self.reason = reason
        if self._probing:
            self._probing = False
            self._pause = min(self._policy.longest, self._pause * 2)
            self.open_until = now + self._pause
        elif self.open_until is None and self.failures >= self._policy.failures:
            self.open_until = now + self._pause

    def abandoned(self) -> None:
        """A request ended without showing anything about the host (it was cancelled): another may be the probe."""
        self._probing = False

    def heard_error(self, error: BaseException, now: float) -> None:
        """Note that no answer came."""
        if isinstance(error, NetworkError | CallTimeout) and error.phase != "limit":
            self.failed(now, error.message)
        else:
            self.abandoned()


def with_circuit_breaker(
    send: Send,
    limiter: Limiter,
    *,
    on_wait: OnWait | None = None,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Send:
    """Wait while the host's breaker is open, within the call's deadline; ``kind="limit"`` if the deadline comes first.

    The wait is counted in ``held`` of the result.
    """
    breakers: dict[str, tuple[str, CircuitBreaker]] = {}  # by origin, with the host's name

    def breaker_of(origin: str) -> tuple[str, CircuitBreaker]:
        name = host_of(origin)
        known = next((breaker for host, breaker in breakers.values() if host == name), None)
        found = breakers[origin] = name, known or limiter.breaker(name)
        return found

    async def send_unless_open(request: Request, deadline: float) -> Response:
        origin = origin_of(request.url)
        name, breaker = breakers.get(origin) or breaker_of(origin)
        held = 0.0
        if breaker.open_until is not None:
            held = await _until_closed(name, breaker, request, deadline, on_wait, clock, sleep)
        try:
            answer = await send(request, deadline)
        except BaseException as error:
            if isinstance(error, CallError):
                error.held += held
            breaker.heard_error(error, clock())
            raise
        if answer.status < 500 or answer.status == 501:  # 501 is about what was asked (RFC 9110, 15.6.2)
            if breaker.failures or breaker.open_until is not None:
                breaker.succeeded()
        else:
            breaker.failed(clock(), f"status {answer.status}")
        return replace(answer, held=answer.held + held) if held else answer

    return send_unless_open


async def _until_closed(
    name: str,
    breaker: CircuitBreaker,
    request: Request,
    deadline: float,
    on_wait: OnWait | None,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> float:
    """Wait until the breaker lets the request through, or raise an error that says why it does not. Returns the
    seconds waited.
    """
    start = clock()
    while (wait := breaker.wait(now := clock())) > 0:
        if now + wait >= deadline:
            raise _still_open(name, breaker, request, wait, now - start)
        if on_wait is not None:
            on_wait("circuit breaker", wait)
        try:
            await sleep(wait)
        except asyncio.CancelledError:
            if clock() < deadline:
                raise
            raise _still_open(name, breaker, request, 0.0, clock() - start) from None  # the loop was late for both
    return now - start


def _still_open(name: str, breaker: CircuitBreaker, request: Request, wait: float, held: float) -> LimitError:
    at = time.strftime("%H:%M:%S", time.localtime(time.time() + wait))
    error = LimitError(
        f"the circuit breaker of {name} is open for {wait:.1f} s ({breaker.failures} consecutive failures,"
        f" the last: {breaker.reason}); next attempt at {at}",
        hint="The calls before this one failed; this one was not sent. See docs/http.md, Limits.",
        phase="limit",
        outcome=not_sent(request),
        retryable=False,  # an immediate retry would fail too; retry_after says when one can help
        retry_after=wait,
        operation=request.operation or None,
        idempotency_key=request.idempotency_key,
    )
    error.held = held
    return error
