"""Enforces a rate with permits: each allows one request, and rests for the rate's window before it allows another.

A permit is taken right before a request and returned one window after the answer. The request reached the API between
the two, whatever its transit time, so in any interval of one window the API receives at most as many requests as there
are permits. For requests without an answer, the time of arrival is estimated (:data:`UNANSWERED`).
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from heapq import heappop, heappush
from time import monotonic
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from host.errors import CallError, LimitError
from host.http.message import OnWait, Request, Response, Send, host_of, not_sent, origin_of
from host.http.rate_limiter import Rate
from host.http.retry import retry_after
from host.remote import limit_messages as m
from host.remote.leased_limits import Lease, Tell

__all__ = [
    "RATE_POOL",
    "RatePermits",
    "RatePermitsReturned",
    "RateWindow",
    "StalePermitError",
    "check_permit",
    "with_rate_permits",
]

RATE_POOL: Final = "rate "  # begins the pool of a rate's permits: no host and port do
UNANSWERED: Final = 1.0  # seconds for which a request abandoned without an answer may still be in transit
TOLD: Final = 1.0  # seconds between reports of a wait, which extend the call's deadline
IDLE: Final = 5.0  # seconds without a request after which a lease is not renewed

CallAt = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class RatePermitsReturned(m.Message, frozen=True):
    """Recalled permits have rested and are returned. ``lease`` is the number of the lease they belong to."""

    pool: str
    count: int
    lease: int


class StalePermitError(Exception):
    """The lease of a request's permit ended before the request was written: it needs another."""


class RateWindow(msgspec.Struct, frozen=True):
    """A rate in whole permits: at most ``permits`` requests in any ``seconds``, about ``at_once`` of them at once."""

    permits: int
    seconds: float
    at_once: float

    @classmethod
    def of(cls, rate: Rate) -> RateWindow:
        """One second's requests in any second; with a larger burst, that many in as long as they take at the rate."""
        permits = max(1, math.ceil(rate.per_second), math.floor(rate.burst or 1))
        return cls(permits, permits / rate.per_second, 1.0 if rate.burst is None else rate.burst)


class Waiter(Protocol):
    """As :class:`asyncio.Future` of a lease's number."""

    def done(self) -> bool: ...

    def set_result(self, lease: int, /) -> None: ...

    def set_exception(self, error: BaseException, /) -> None: ...


class RatePermits(Lease):
    """The permits of one rate that this worker has leased. Used only on the loop's thread.

    They are usable until ``until``, which the owner of the lease extends. Requests are spread evenly over the window,
    except for the burst that the rate permits.
    """

    def __init__(
        self,
        name: str,
        window: RateWindow,
        tell: Tell,
        *,
        clock: Callable[[], float] = monotonic,
        call_at: CallAt | None = None,
    ) -> None:
        super().__init__(RATE_POOL + name, tell)
        self.name = name
        self._window = window
        self._clock = clock
        self._call_at = call_at
        self.until = -math.inf
        self.lease = 0
        self._used = 0  # in flight or at rest
        self._resting: list[float] = []  # when permits come back, a heap
        self._nudged = False  # the owner of the lease was told that it is needed again
        self._waiters: deque[tuple[Waiter, int]] = deque()
        self._valid: set[int] = set()  # ids of requests that have a permit and are not written yet
        self._share = 1.0
        self._not_before = self._paced = self._last = -math.inf
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf

    # -- a request's side

    async def take(self, request: Request, on_wait: OnWait | None = None) -> tuple[int, float]:
        """Wait for a permit for this request; returns the number of its lease and the seconds waited.

        The wait extends the call's deadline; ``on_wait`` is called with each part of it. Raises ``LimitError`` if no
        permit is available.
        """
        now = self._last = self._clock()
        if not self._waiters and self._ready_at(now) <= now:
            self._use(id(request), now)
            return self.lease, 0.0
        waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiters.append((waiter, id(request)))
        self.settle()
        told = now
        try:
            while not waiter.done():
                await asyncio.wait((waiter,), timeout=TOLD)
                passed, told = self._clock() - told, self._clock()
                if on_wait is not None and passed > 0:
                    on_wait("rate limit", passed)
        except asyncio.CancelledError:
            if waiter.done() and waiter.exception() is None:
                self.unused(request, waiter.result())
            waiter.cancel()
            raise
        return waiter.result(), told - now

    def check(self, request: Request) -> None:
        """Verify the request's permit right before it is written. Raises ``StalePermitError`` if it has expired."""
        if id(request) not in self._valid or self._clock() >= self.until:
            raise StalePermitError
        self._valid.discard(id(request))

    def unused(self, request: Request, lease: int) -> None:
        """Return the permit of a request that was not sent."""
        if lease == self.lease:
            self._valid.discard(id(request))
            self._used -= 1
            self.settle()

    def ended(self, request: Request, lease: int, *, answered: bool) -> None:
        """Let the permit rest after a request was ``answered`` or abandoned."""
        self._last = now = self._clock()
        if lease == self.lease:
            self._valid.discard(id(request))
            rest = self._window.seconds / self._share
            heappush(self._resting, now + (rest if answered else rest + UNANSWERED))
            self._arm(now)

    def accepted(self) -> None:
        """Record that the server accepted a request."""
        if self._share < 1.0:
            self._tell(m.RateAccepted(self.name))

    def rejected(self, asked: float | None) -> None:
        """Record an answer with status 429; ``asked`` is its ``Retry-After`` in seconds, if any."""
        self._not_before = max(self._not_before, self._clock() + min(asked or 0.0, 60.0))
        self._tell(m.RateRejected(self.name, asked))

    def is_busy(self, now: float) -> bool:
        """Whether the lease is needed; from any thread."""
        return bool(self._waiters) or self._used > 0 or now - self._last < IDLE

    # -- the side of the owner of the lease

    def renewed(self, until: float) -> None:
        """Extend the lease to the time ``until``."""
        self.until, self._nudged = until, False
        self.settle()

    def lease_ended(self, lease: int) -> None:
        """Handle the end of the lease; the new one has the number ``lease`` and no permits yet."""
        self.lease, self.until = lease, -math.inf
        self._used = 0
        self._resting.clear()
        self._valid.clear()
        self.revoked()

    def slowed(self, share: float, wait: float) -> None:
        """Reduce the rate to ``share`` (0 to 1) and send nothing for ``wait`` seconds."""
        self._share = share
        self._not_before = self._clock() + wait
        self.settle()

    def refused(self, text: str) -> None:
        """Make everything that waits for a permit fail with the message ``text``."""
        waiting, self._waiters = self._waiters, deque()
        self._asked, self._nudged = 0, False
        for waiter, _ in waiting:
            if not waiter.done():
                waiter.set_exception(LimitError(text))

    # -- what follows from it

    def used(self) -> int:
        return self._used

    def waiting(self) -> int:
        while self._waiters and self._waiters[0][0].done():  # its call has gone
            self._waiters.popleft()
        return len(self._waiters)

    def settle(self) -> None:
        """Return rested permits, hand out and request permits. Call it after every change."""
        now = self._clock()
        while self._resting and self._resting[0] <= now:
            heappop(self._resting)
            self._used -= 1
        super().settle()
        self._arm(now)

    def _ready_at(self, now: float) -> float:
        """The earliest known time at which a permit may be used."""
        if now >= self.until or self._used >= self.held:
            return math.inf
        window = self._window
        if window.at_once >= window.permits:
            return self._not_before
        part = self.held / window.permits
        ahead = max(0.0, window.at_once * part - 1) * self._spacing()
        return max(self._not_before, self._paced - ahead)

    def _spacing(self) -> float:
        return self._window.seconds / self._share / max(1, self.held)

    def _use(self, request: int, now: float) -> None:
        self._used += 1
        self._valid.add(request)
        self._paced = max(now, self._paced) + self._spacing()

    def serve(self) -> None:
        """Let waiting requests start that may do so now."""
        now = self._clock()
        while self._waiters and self._ready_at(now) <= now:
            waiter, request = self._waiters.popleft()
            if not waiter.done():  # its call has not gone
                self._use(request, now)
                waiter.set_result(self.lease)

    def _returned(self, count: int) -> m.Message:
        return RatePermitsReturned(self.pool, count, self.lease)

    def _ask(self, short: int) -> None:
        # What waits may be for more than there is, and what is idle here may go later.
        short = min(short, self._window.permits - self._asked) - (self.held - self._used)
        if short > 0 or (self._waiters and self._clock() >= self.until and not self._nudged):
            self._nudged = True
            self._want(max(0, short))

    def _arm(self, now: float) -> None:
        """Schedule :meth:`settle` for when a permit has rested or the next request may start."""
        due = self._resting[0] if self._resting else math.inf
        if self._waiters:
            due = min(due, self._ready_at(now))
        if self._alarm is not None:
            if self._alarm_at <= due:
                return
            self._alarm.cancel()
            self._alarm = None
        if due < math.inf:
            call_at = self._call_at or asyncio.get_running_loop().call_at
            self._alarm_at, self._alarm = due, call_at(due, self._rang)

    def _rang(self) -> None:
        self._alarm = None
        self.settle()


def check_permit(send: Send, permits: Callable[[str], RatePermits | None]) -> Send:
    """A client's ``send`` that first verifies that the permit of the request's rate is still valid."""

    def send_with_good_permit(request: Request, deadline: float) -> Awaitable[Response]:
        found = permits(_rate_of(request))
        if found is not None:
            found.check(request)
        return send(request, deadline)

    return send_with_good_permit


def with_rate_permits(
    send: Send, permits: Callable[[str], RatePermits | None], *, on_wait: OnWait | None = None
) -> Send:
    """A ``send`` that holds a permit for each request: of the rate of its ``credential``'s API, else of its host's.

    The wait extends the call's deadline and is added to ``waited`` of the result. If the permit expires before the
    request is written, another one is awaited.
    """

    async def send_at_rate(request: Request, deadline: float) -> Response:
        found = permits(_rate_of(request))
        if found is None:
            return await send(request, deadline)
        waited = 0.0
        while True:
            lease, seconds = await _taken(found, request, on_wait)
            waited += seconds
            try:
                answer = await send(request, deadline + waited)
            except StalePermitError:
                found.unused(request, lease)
                continue
            except BaseException as error:
                _ended_without_answer(found, request, lease, error)
                if isinstance(error, CallError):
                    error.waited = waited
                raise
            found.ended(request, lease, answered=True)
            if answer.status == 429:
                found.rejected(retry_after(answer.headers))
            else:
                found.accepted()
            return replace(answer, waited=waited) if waited else answer

    return send_at_rate


def _rate_of(request: Request) -> str:
    return request.credential or host_of(origin_of(request.url))


async def _taken(permits: RatePermits, request: Request, on_wait: OnWait | None) -> tuple[int, float]:
    try:
        return await permits.take(request, on_wait)
    except LimitError as error:
        raise LimitError(
            error.message,
            hint=error.hint,
            phase="limit",
            outcome=not_sent(request),
            operation=request.operation or None,
            idempotency_key=request.idempotency_key,
        ) from None


def _ended_without_answer(permits: RatePermits, request: Request, lease: int, error: Any) -> None:
    if isinstance(error, CallError) and (error.phase in ("connect", "limit") or error.outcome == "not_sent"):
        permits.unused(request, lease)
    else:
        permits.ended(request, lease, answered=False)
