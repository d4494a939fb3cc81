"""How a request is sent: retried( rate limit( circuit breaker( permit( client ) ) ) ), wrappers of one signature."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

from msgspec.structs import replace

from host.errors import CallError
from host.http.limiter import HttpLimits, Limiter, limited
from host.http.message import Attempt, OnWait, Request, Response, Send, host_of, origin_of
from host.http.outcome import is_key_in_use
from host.http.retry import RetryBudget, RetryPolicy, decide, jitter

__all__ = ["attempt_of", "chain", "retried"]


def chain(
    send: Send,
    *,
    policy: RetryPolicy | None = None,
    limits: HttpLimits | Limiter | None = None,
    on_wait: OnWait | None = None,
    policies: Mapping[str, RetryPolicy] | None = None,
) -> Send:
    """``send`` with limits and retries.

    ``on_wait(reason, seconds)`` is called before a wait. One for a rate's token does not count against the call's
    deadline, so the owner of the deadline must extend it (``HostEngine.on_wait``).
    ``policies`` are for single APIs, by the request's ``credential``.
    """
    send = limited(send, HttpLimits() if limits is None else limits, on_wait=on_wait)
    return retried(send, policy or RetryPolicy(), policies=policies, on_wait=on_wait)


def retried(
    send: Send,
    policy: RetryPolicy,
    *,
    policies: Mapping[str, RetryPolicy] | None = None,
    on_wait: OnWait | None = None,
    rng: Callable[[], float] = jitter,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Send:
    """Repeat what failed and may succeed later. ``attempts``, ``waited`` and ``held`` of the outcome are of all."""
    budgets: dict[str, RetryBudget] = {}  # by host, and for speed by origin
    by_api = policies or {}

    async def send_with_retries(request: Request, deadline: float) -> Response:
        origin = origin_of(request.url)
        budget = budgets.get(origin)
        if budget is None:
            budget = budgets[origin] = budgets.setdefault(host_of(origin), RetryBudget())
        budget.earn()
        rules = by_api.get(request.credential, policy) if by_api and request.credential else policy
        attempt, waited, held, in_doubt = 0, 0.0, 0.0, False
        earlier: tuple[Attempt, ...] = ()
        while True:
            attempt += 1
            outcome: Response | CallError
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
                return _with_attempts(outcome, attempt, waited, held, in_doubt, earlier)
            earlier = (*earlier, attempt_of(outcome))
            in_doubt = in_doubt or _may_have_worked(request, outcome)
            if on_wait is not None:
                on_wait("retry", delay)
            if not await _slept(delay, deadline, clock, sleep):
                return _with_attempts(outcome, attempt, waited, held, in_doubt, earlier[:-1])

    return send_with_retries


async def _slept(
    delay: float, deadline: float, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
) -> bool:
    """Wait; ``False`` if the call's own time was up before the wait was seen to end."""
    try:
        await sleep(delay)
    except asyncio.CancelledError:
        if clock() < deadline:
            raise
        return False
    return True


def _may_have_worked(request: Request, outcome: Response | CallError) -> bool:
    """Whether an attempt that is about to be repeated may have changed something."""
    if not request.mutation:
        return False
    if isinstance(outcome, CallError):
        return outcome.outcome == "unknown"
    return outcome.status >= 500 or is_key_in_use(outcome)


def attempt_of(outcome: Response | CallError) -> Attempt:
    """What is kept of an attempt: without what was sent and answered."""
    error, connected = (None, outcome.connected) if isinstance(outcome, Response) else (outcome.kind, 0.0)
    status = outcome.status
    return Attempt(outcome.began, outcome.elapsed, status, error, outcome.waited, outcome.held, connected)


def _with_attempts(
    outcome: Response | CallError,
    attempts: int,
    waited: float,
    held: float,
    in_doubt: bool,
    earlier: tuple[Attempt, ...],
) -> Response:
    """The last attempt's outcome, with what is known of those before it: once in doubt, "not sent" is untrue."""
    if isinstance(outcome, CallError):
        outcome.attempts = attempts
        outcome.waited, outcome.held, outcome.earlier = waited, held, earlier
        if in_doubt and outcome.outcome == "not_sent":
            outcome.outcome = "unknown"
        raise outcome
    if attempts == 1:
        return outcome
    return replace(outcome, attempts=attempts, waited=waited, held=held, in_doubt=in_doubt, earlier=earlier)
