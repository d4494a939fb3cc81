"""The simulator in a child process: the HTTP client's ``send`` interface, answered by the parent's simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import NoReturn
from urllib.parse import urlsplit

from host.errors import UsageError
from host.http.message import Request, Response
from host.http.transport_errors import call_error as http_error
from host.processes.messages import Answered, RequestForwarded
from host.remote.limit_messages import Message
from host.remote.result import call_error

__all__ = ["RemoteClient"]


class RemoteClient:
    """Sends requests to the parent's simulator, on the child's loop. ``tell(message)`` sends to the parent;
    :meth:`receive` handles its answers."""

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self._tell = tell
        self._ids = count(1)
        self._open: dict[int, asyncio.Future[Answered]] = {}

    async def send(self, request: Request, deadline: float) -> Response:
        """As :meth:`host.http.client.HttpClient.send`."""
        start = monotonic()
        seconds = max(0.0, deadline - start)
        id = next(self._ids)
        answered = self._open[id] = asyncio.get_running_loop().create_future()
        self._tell(
            RequestForwarded(
                id,
                request.method,
                request.url,
                list(request.headers),
                request.content,
                request.mutation,
                request.credential,
                request.operation,
                seconds,
            )
        )
        try:
            async with asyncio.timeout(seconds):
                form = await answered
        except TimeoutError:
            where = urlsplit(request.url).hostname or "simulator"
            raise http_error("response_timeout", request, where, seconds=seconds) from None
        finally:
            self._open.pop(id, None)
        if form.error is not None:
            raise call_error(form.error)
        return Response(form.status, form.headers, form.body, monotonic() - start, 1, request.url, began=start)

    is_own, is_direct = True, False  # as of :class:`host.http.client.HttpClient`

    def replace(self, name: str, simulator: object) -> NoReturn:
        """As :meth:`host.simulator.inprocess.SimulatedClient.replace`, which a child must not do."""
        raise UsageError(
            f"the API {name} would be simulated by each worker process for itself, with other objects",
            hint="Add it to the host that starts the processes: Host(apis=…), or its add_api(…).",
        )

    def receive(self, answer: Answered) -> None:
        """Deliver the parent's answer; it is dropped if its request was cancelled."""
        waiting = self._open.get(answer.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def aclose(self) -> None:
        """Nothing to close."""
