"""The simulator without a network: a client with the HTTP client's ``send``, answered in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic
from urllib.parse import urlsplit

from host.http.message import Request, Response
from host.http.transport_errors import call_error
from host.simulator.simulator import Simulator

KEY = "sk_test_simulated"


class SimulatedClient:
    """Sends each request to the simulator of its API; ``simulators`` are by the API's name.

    Credentials are not read: requests carry a key of the simulator's own.
    """

    def __init__(self, simulators: Mapping[str, Simulator]) -> None:
        self._simulators = dict(simulators)

    is_own = is_direct = True  # see :class:`host.http.client.HttpClient`

    def replace(self, name: str, simulator: Simulator) -> None:
        """Use another simulator for the API ``name``; to be called before the first request to it."""
        self._simulators[name] = simulator

    def advance(self, seconds: float) -> None:
        """Move the clock of every simulator forward by ``seconds``."""
        for simulator in self._simulators.values():
            simulator.advance(seconds)

    async def send(self, request: Request, deadline: float) -> Response:
        """See :meth:`host.http.client.HttpClient.send`. Injected faults raise the errors that real ones would."""
        start = monotonic()
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = dict(request.headers)
        simulator = self._simulators[request.credential or request.operation.partition(".")[0]]
        headers["Authorization"] = f"Bearer {KEY}"
        exchange = simulator.begin(request.method, target, headers, request.content)
        host = parts.hostname or "simulator"
        if exchange.fault.failure == "hang":
            await asyncio.sleep(max(0.0, deadline - start))
            raise call_error("response_timeout", request, host, seconds=deadline - start)
        if exchange.fault.delay:
            await asyncio.sleep(exchange.fault.delay)
        try:
            status, fields, body = exchange.finish()
        except ConnectionResetError as error:
            raise call_error("reset", request, host) from error
        return Response(status, dict(fields), body, monotonic() - start, 1, request.url, began=start)

    async def aclose(self) -> None:
        """Nothing to close."""
