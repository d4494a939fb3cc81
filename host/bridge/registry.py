"""AsyncFunctionRegistry: name → async function, and the blocking call of one from Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from time import monotonic
from types import MappingProxyType
from typing import Any

from host import arguments
from host.bridge.in_flight import AsyncFunction
from host.bridge.request import AsyncRequest, Reply
from host.bridge.waiting import Begin, wait, wait_async
from host.bridge.worker import AsyncWorker
from host.errors import UsageError
from host.limits import is_seconds

__all__ = ["AsyncFunctionRegistry", "Router"]

Router = Callable[[str, str, dict[str, Any]], tuple[str, Any, bool]]
"""``(endpoint, method, data)`` → ``(function's name, its payload, whether it is a mutation)``."""


class AsyncFunctionRegistry:
    """The functions a host can call, and how to call them from any thread.

    ``functions`` is a live, read-only view: give it to the :class:`AsyncWorker`, then ``attach`` the
    worker. ``router`` says how an endpoint becomes a call; without one, ``endpoint`` is the function's name
    and ``{"method": …, "data": …}`` its payload. ``timeout`` is the default deadline in seconds.
    """

    def __init__(self, *, router: Router | None = None, timeout: float = 30.0) -> None:
        self._functions: dict[str, AsyncFunction] = {}
        self._router = router or _by_name
        self._timeout = timeout
        self._worker: AsyncWorker | None = None

    @property
    def functions(self) -> Mapping[str, AsyncFunction]:
        return MappingProxyType(self._functions)

    def attach(self, worker: AsyncWorker) -> None:
        """Set the worker that runs the functions."""
        self._worker = worker

    def register(self, name: str, function: AsyncFunction) -> None:
        """Have ``await function(payload, deadline)`` answer the calls of ``name``.

        ``UsageError`` for an empty name, one that is taken, or a plain function.
        """
        if not isinstance(name, str) or not name:
            raise UsageError(f"a registered function needs a name, a text; name is {arguments.shown(name)}")
        if name in self._functions:
            raise UsageError(f"a function is already registered as {name!r}")
        if not callable(function) or inspect.isgeneratorfunction(function):
            raise UsageError(f"{name!r} is registered with {function!r}, which is not an async function")
        self._functions[name] = function

    def submit(self, request: AsyncRequest) -> None:
        """Submit a request to the worker; its one reply goes to ``request.deliver``. Never blocks."""
        worker = self._worker or self._attached()
        worker.submit(request)

    def cancel(self, request: AsyncRequest) -> None:
        """Give a request up; see :meth:`AsyncWorker.cancel`."""
        self._attached().cancel(request)

    def make_request(
        self,
        endpoint: str,
        method: str = "POST",
        data: dict[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Any:
        """Call ``endpoint`` and wait for the answer: ``make_request("products", "POST", {"name": "x"})``.

        ``timeout`` is in seconds, for the whole wait. Returns the decoded answer or raises the
        :class:`~host.errors.CallError`. On the worker's own thread it raises ``UsageError`` at once.
        """
        worker = self._attached()
        worker.check_may_block("make_request", "Await make_request_async() there instead.")
        return _value(wait(self._begins(endpoint, method, data, timeout)))

    async def make_request_async(
        self,
        endpoint: str,
        method: str = "POST",
        data: dict[str, Any] | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 -- the call's deadline also binds the worker
    ) -> Any:
        """The same from any running loop, without blocking it. Cancelling it cancels the call."""
        worker = self._attached()
        worker.step_aside()  # in a plain function that turns a loop of its own
        return _value(await wait_async(self._begins(endpoint, method, data, timeout)))

    def _begins(self, endpoint: str, method: str, data: dict[str, Any] | None, timeout: float | None) -> Begin[Reply]:
        def begin(deliver: Callable[[Reply], None]) -> Callable[[], object]:
            request = self._request(endpoint, method, data, timeout, deliver)
            self.submit(request)
            return lambda: self.cancel(request)

        return begin

    def _attached(self) -> AsyncWorker:
        if self._worker is None:
            raise UsageError("the registry has no worker yet", hint="Call attach(worker) first.")
        return self._worker

    def _request(
        self,
        endpoint: str,
        method: str,
        data: dict[str, Any] | None,
        timeout: float | None,
        deliver: Callable[[Reply], None],
    ) -> AsyncRequest:
        seconds = self._timeout if timeout is None else timeout
        if not is_seconds(seconds):
            shown = arguments.shown(seconds)
            raise UsageError(f"make_request: timeout is {shown}, expected seconds above 0, at most a year")
        arguments.a_text("endpoint", endpoint, "an API's endpoint such as 'products', or a function's name")
        arguments.a_text("method", method, "an HTTP method such as 'POST'")
        if data is not None:
            arguments.mapping("data", data, "parameters by their names")
        name, payload, mutation = self._router(endpoint, method.upper(), dict(data or {}))
        return AsyncRequest(name, payload, monotonic() + seconds, deliver, mutation=mutation)


def _by_name(endpoint: str, method: str, data: dict[str, Any]) -> tuple[str, Any, bool]:
    return endpoint, {"method": method, "data": data}, method not in ("GET", "HEAD", "OPTIONS")


def _value(reply: Reply) -> Any:
    error = reply.error
    if error is not None:
        if error.outcome == "unknown" and error.retryable:
            error.retryable = False  # the next make_request makes a key of its own
        raise error
    return reply.value
