"""The way of one call: retried( limited( client ) ), wrappers of one signature."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

from msgspec.structs import replace

from host.errors import CallError, CallTimeout, LimitError, NetworkError, Outcome
from host.http.limits import Breaker
from host.http.message import Answer, Request, origin_of
from host.http.outcome import is_key_in_use
from host.http.owner import Limits, LocalOwner, Owner, Places, Tokens
from host.http.retry import RetryBudget, RetryPolicy, decide, jitter, retry_after
from host.http.settings import EARLY

__all__ = ["Limits", "Send", "chain", "limited", "retried"]

Send = Callable[[Request, float], Awaitable[Answer]]
"""``await send(request, deadline)`` → answer, or raises a :class:`~host.errors.CallError`."""


def chain(
    send: Send,
    *,
    policy: RetryPolicy | None = None,
    limits: Limits | Owner | None = None,
    on_wait: Callable[[float], None] | None = None,
    policies: Mapping[str, RetryPolicy] | None = None,
) -> Send:
    """``send`` with limits and retries.

    ``on_wait(seconds)`` is told before a wait for a rate's token: it does not count against the call's
    deadline, so whoever watches over that must put it off (``AsyncWorker.extend_deadline``).
    ``policies`` are for single APIs, by the request's ``credential``.
    """
    limits = Limits() if limits is None else limits
    if not (isinstance(limits, Limits) and limits.none):
        send = limited(send, limits, on_wait=on_wait)
    return retried(send, policy or RetryPolicy(), policies=policies)


def retried(
    send: Send,
    policy: RetryPolicy,
    *,
    policies: Mapping[str, RetryPolicy] | None = None,
    rng: Callable[[], float] = jitter,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Send:
    """Send again what failed for a while. What comes back tells ``attempts``, ``waited`` and ``held`` of all."""
    budgets: dict[str, RetryBudget] = {}  # by host, and for speed by origin
    by_api = policies or {}

    async def send_with_retries(request: Request, deadline: float) -> Answer:
        origin = origin_of(request.url)
        budget = budgets.get(origin)
        if budget is None:
            budget = budgets[origin] = budgets.setdefault(host_of(origin), RetryBudget())
        budget.earn()
        rules = by_api.get(request.credential, policy) if by_api and request.credential else policy
        attempt, waited, held, in_doubt = 0, 0.0, 0.0, False
        while True:
            attempt += 1
            outcome: Answer | CallError
            try:
                outcome = await send(request, deadline)
            except CallError as error:
                outcome = error
            else:
                if outcome.status < 400 and attempt == 1:
                    return outcome
            # Waiting for a rate is the run's time, not the call's.
            deadline += outcome.waited
            waited += outcome.waited
            held += outcome.held
            delay = decide(rules, attempt, request, outcome, deadline, clock(), rng)
            if delay is None or not budget.spend():
                return _told(outcome, attempt, waited, held, in_doubt)
            in_doubt = in_doubt or _may_have_worked(request, outcome)
            await sleep(delay)

    return send_with_retries


def _may_have_worked(request: Request, outcome: Answer | CallError) -> bool:
    """Whether an attempt that is about to be repeated may have changed something."""
    if not request.mutation:
        return False
    if isinstance(outcome, CallError):
        return outcome.outcome == "unknown"
    return outcome.status >= 500 or is_key_in_use(outcome)


def _told(
    outcome: Answer | CallError, attempts: int, waited: float, held: float, in_doubt: bool
) -> Answer:
    """The last attempt's outcome, with what is known of those before it: once in doubt, "not sent" is untrue."""
    if isinstance(outcome, CallError):
        outcome.attempts = attempts
        outcome.waited, outcome.held = waited, held
        if in_doubt and outcome.outcome == "not_sent":
            outcome.outcome = "unknown"
        raise outcome
    if attempts == 1:
        return outcome
    return replace(outcome, attempts=attempts, waited=waited, held=held, in_doubt=in_doubt)


def limited(
    send: Send,
    limits: Limits | Owner,
    *,
    on_wait: Callable[[float], None] | None = None,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Send:
    """Wait for a rate's token, for the host's breaker and for a place in flight, in this order."""
    owner = LocalOwner(limits) if isinstance(limits, Limits) else limits
    known: dict[str, Tokens | None] = {}
    hosts: dict[str, _Host] = {}  # by host, and for speed by origin
    of_apis = {name: owner.places_of_api(name) for name in owner.in_flight}

    def tokens_of(request: Request, host: str) -> Tokens | None:
        name = request.credential or host
        if name not in known:
            known[name] = owner.tokens(name)
        return known[name]

    async def wait_for_token(tokens: Tokens) -> float:
        wait = await tokens.take(clock())
        if wait > 0:
            if on_wait is not None:
                on_wait(wait)
            try:
                await sleep(wait)
            except BaseException:
                tokens.give_back()
                raise
        return wait

    async def send_within_limits(request: Request, deadline: float) -> Answer:
        origin = origin_of(request.url)
        host = hosts.get(origin)
        if host is None:
            name = host_of(origin)
            host = hosts[origin] = hosts[name] = hosts.get(name) or _Host(name, owner)
        tokens = tokens_of(request, host.name) if owner.rates else None
        waited = 0.0 if tokens is None else await wait_for_token(tokens)
        deadline += waited
        held = 0.0
        try:
            if host.breaker is not None and not host.breaker.closed:
                held = await _pass(host, host.breaker, request, deadline, clock, sleep)
            places = of_apis.get(request.credential or "", host.places) if of_apis else host.places
            if places is None:
                answer = await send(request, deadline)
            else:
                held += await _place(host, places, request, deadline, clock)
                try:
                    answer = await send(request, deadline)
                finally:
                    places.release()
        except BaseException as error:
            if isinstance(error, CallError):
                error.waited = waited
                error.held += held
            host.heard_error(error, clock())
            raise
        host.heard(answer, clock())
        if tokens is not None:
            if answer.status == 429:
                tokens.rejected(clock(), retry_after(answer.headers))
            else:
                tokens.accepted()
        return replace(answer, waited=waited, held=held) if waited or held else answer

    return send_within_limits


class _Host:
    """What is known of one host and port."""

    __slots__ = ("breaker", "name", "places")

    def __init__(self, name: str, owner: Owner) -> None:
        self.name = name
        self.breaker = owner.breaker(name)
        self.places = owner.places(name)

    def heard(self, answer: Answer, now: float) -> None:
        if self.breaker is not None:
            if answer.status >= 500:
                self.breaker.failed(now, f"status {answer.status}")
            else:
                self.breaker.succeeded()

    def heard_error(self, error: BaseException, now: float) -> None:
        if self.breaker is None:
            return
        if isinstance(error, NetworkError | CallTimeout) and error.phase != "limit":
            self.breaker.failed(now, error.message)
        elif not isinstance(error, LimitError):  # which the breaker itself raised
            self.breaker.abandoned()


async def _pass(
    host: _Host,
    breaker: Breaker,
    request: Request,
    deadline: float,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> float:
    """Wait until the breaker lets the request through, or say why it does not. Gives the seconds waited."""
    start = clock()
    while (wait := breaker.wait(now := clock())) > 0:
        if now + wait >= deadline:
            error = LimitError(
                f"{host.name} is left alone for {wait:.1f} s after {breaker.failures} failures in a row"
                f" (the last: {breaker.reason})",
                phase="limit",
                outcome=_not_sent(request),
                retryable=False,  # it would be asked after again at once; retry_after says when it can help
                retry_after=wait,
                operation=request.operation or None,
                idempotency_key=request.idempotency_key,
            )
            error.held = now - start
            raise error
        await sleep(wait)
    return now - start


async def _place(
    host: _Host, places: Places, request: Request, deadline: float, clock: Callable[[], float]
) -> float:
    """Take a place in flight, or say that none became free. Gives the seconds waited."""
    if not places.locked():
        await places.acquire()
        return 0.0
    start = clock()
    acquired = await _acquire(places, max(0.0, deadline - start - EARLY))
    if not acquired:
        error = CallTimeout(
            f"no place in flight to {host.name} became free before the call's deadline",
            phase="limit",
            outcome=_not_sent(request),
            retryable=True,
            operation=request.operation or None,
            idempotency_key=request.idempotency_key,
        )
        error.held = clock() - start
        raise error
    return clock() - start


async def _acquire(places: Places, seconds: float) -> bool:
    """Whether a place was taken within the time. Unlike with ``asyncio.timeout``, no task need run it."""
    acquiring = asyncio.ensure_future(places.acquire())
    try:
        await asyncio.wait((acquiring,), timeout=seconds)
        if not acquiring.done():
            acquiring.cancel()
            await asyncio.wait((acquiring,))
    except BaseException:
        acquiring.add_done_callback(lambda _: places.release() if _is_taken(acquiring) else None)
        acquiring.cancel()
        raise
    return not acquiring.cancelled() and acquiring.result()


def _is_taken(acquiring: asyncio.Future[bool]) -> bool:
    return not acquiring.cancelled() and acquiring.exception() is None and acquiring.result()


def _not_sent(request: Request) -> Outcome | None:
    return "not_sent" if request.mutation else None


def host_of(url: str) -> str:
    """Host and port of an absolute URL, without user and password, as limits and messages name it."""
    start = url.find("//") + 2
    end = url.find("/", start)
    netloc = url[start:] if end < 0 else url[start:end]
    return netloc.rpartition("@")[2].partition("?")[0]
