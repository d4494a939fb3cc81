"""Concurrency permits, which limit the requests in flight to one host or API, and the wrapper that takes one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from host.errors import CallError, CallTimeout
from host.http.message import OnWait, Request, Response, Send, host_of, not_sent, origin_of
from host.http.settings import EARLY

if TYPE_CHECKING:
    from host.http.limiter import Limiter

__all__ = ["Permits", "with_permits"]


class Permits(Protocol):
    """Concurrency permits, as :class:`asyncio.Semaphore` has them."""

    def locked(self) -> bool: ...

    async def acquire(self) -> bool: ...

    def release(self) -> None: ...


def with_permits(
    send: Send, limiter: Limiter, *, on_wait: OnWait | None = None, clock: Callable[[], float] = monotonic
) -> Send:
    """Hold a permit while a request is in flight: one of its API's if that has some, else of its host's.

    Waits for it within the call's deadline (``held`` of the result), then ``CallTimeout`` of phase ``limit``.
    """
    of_apis = {name: limiter.permits_of_api(name) for name in limiter.in_flight}
    of_hosts: dict[str, Permits | None] = {}

    async def send_with_permit(request: Request, deadline: float) -> Response:
        host = host_of(origin_of(request.url))
        if host not in of_hosts:
            of_hosts[host] = limiter.permits(host)
        permits = of_apis.get(request.credential or "", of_hosts[host])
        if permits is None:
            return await send(request, deadline)
        held = await _acquire(host, permits, request, deadline, on_wait, clock)
        try:
            answer = await send(request, deadline)
        except CallError as error:
            error.held += held
            raise
        finally:
            permits.release()
        return replace(answer, held=answer.held + held) if held else answer

    return send_with_permit


async def _acquire(
    host: str,
    permits: Permits,
    request: Request,
    deadline: float,
    on_wait: OnWait | None,
    clock: Callable[[], float],
) -> float:
    """Take a permit, or raise an error saying that none became free. Returns the seconds waited."""
    if not permits.locked():
        await permits.acquire()
        return 0.0
    start = clock()
    if on_wait is not None:
        on_wait("permit", None)
    try:
        acquired = await _acquire_within(permits, max(0.0, deadline - start - EARLY))
    except asyncio.CancelledError:
        if clock() < deadline - EARLY:
            raise
        acquired = False  # the call's own time was up before this wait's was seen
    if not acquired:
        error = CallTimeout(
            f"no permit for a request in flight to {host} became free before the call's deadline",
            phase="limit",
            outcome=not_sent(request),
            retryable=True,
            operation=request.operation or None,
            idempotency_key=request.idempotency_key,
        )
        error.held = clock() - start
        raise error
    if on_wait is not None:
        on_wait("permit", 0.0)
    return clock() - start


async def _acquire_within(permits: Permits, seconds: float) -> bool:
    """Whether a permit was taken within the time. Unlike with ``asyncio.timeout``, no task need run it."""
    acquiring = asyncio.ensure_future(permits.acquire())
    try:
        await asyncio.wait((acquiring,), timeout=seconds)
        if not acquiring.done():
            acquiring.cancel()
            await asyncio.wait((acquiring,))
    except BaseException:
        acquiring.add_done_callback(lambda _: permits.release() if _is_taken(acquiring) else None)
        acquiring.cancel()
        raise
    return not acquiring.cancelled() and acquiring.result()


def _is_taken(acquiring: asyncio.Future[bool]) -> bool:
    return not acquiring.cancelled() and acquiring.exception() is None and acquiring.result()
