"""Opens the worker processes of a host that has several, or a ``setup``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from host.bridge.registry import AsyncFunctionRegistry
from host.bridge.request import AsyncRequest, Reply
from host.events import Sink
from host.http.api_limits import limits_of
from host.http.message import Request
from host.http.sender import HttpxParts, Sender
from host.processes.startup import start_worker_processes
from host.settings import Settings

if TYPE_CHECKING:
    from host.apis.api import Api
    from host.processes.forwarding import Answer
from host.processes.pool import WorkerProcesses

__all__ = ["open_processes"]


def open_processes(
    processes: int,
    setup: str | None,
    options: Mapping[str, Any],
    *,
    settings: Settings,
    simulated: bool,
    parts: HttpxParts,
    apis: Sequence[Api],
    sinks: Sequence[Sink],
    registry: AsyncFunctionRegistry,
    sender: Sender,
) -> WorkerProcesses:
    """Start the worker processes and wait until they are ready. ``options`` are further options of their hosts, as
    plain values; ``apis`` are the added APIs.

    Raises ``UsageError`` for options that cannot be passed to another process, ``ConfigError`` if one cannot start.
    """
    return start_worker_processes(
        processes,
        settings=settings,
        simulated=simulated,
        http_limits=limits_of(settings, simulated=simulated),
        setup=setup,
        sinks=sinks,
        answer=_simulation(registry, sender),
        options=options,
        local=asdict(parts),
        apis=apis,
    )


def _simulation(registry: AsyncFunctionRegistry, sender: Sender) -> Answer:
    registry.register("api.simulated", sender.client.send)

    def answer(request: Request, seconds: float, deliver: Callable[[Reply], None]) -> None:
        asked = AsyncRequest("api.simulated", request, monotonic() + seconds, deliver, mutation=request.mutation)
        registry.submit(asked)

    return answer
