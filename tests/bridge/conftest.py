from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest

from host.bridge.loops import AsyncioLoop, new_loop
from host.bridge.request import AsyncRequest, Reply
from host.bridge.worker import AsyncWorker


class Inbox:
    """Receives replies like a run's thread does, and refuses a second reply to one request."""

    def __init__(self) -> None:
        self.replies: queue.SimpleQueue[tuple[Any, Reply]] = queue.SimpleQueue()
        self.seen: dict[Any, int] = {}

    def request(
        self, payload: Any = None, *, name: str = "echo", seconds: float = 30.0, **options: Any
    ) -> AsyncRequest:
        key = object()

        def deliver(reply: Reply) -> None:
            self.seen[key] = self.seen.get(key, 0) + 1
            self.replies.put((payload, reply))

        return AsyncRequest(name, payload, monotonic() + seconds, deliver, **options)

    def get(self) -> Reply:
        return self.replies.get(timeout=20)[1]

    def pair(self) -> tuple[Any, Reply]:
        return self.replies.get(timeout=20)

    def check_each_answered_once(self) -> None:
        assert set(self.seen.values()) <= {1}
        assert self.replies.empty()


class Gate:
    """An async function whose calls wait until the test lets them go."""

    def __init__(self) -> None:
        self.entered: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.order: list[Any] = []
        self.cancelled: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._doors: dict[Any, asyncio.Event] = {}
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, payload: Any, deadline: float) -> Any:
        self.loop = asyncio.get_running_loop()
        door = self._doors.setdefault(payload, asyncio.Event())
        self.order.append(payload)
        self.entered.put(payload)
        try:
            await door.wait()
        except asyncio.CancelledError:
            self.cancelled.put(payload)
            raise
        return payload

    def wait_entered(self) -> Any:
        return self.entered.get(timeout=20)

    def open(self, payload: Any) -> None:
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self._doors[payload].set)


async def echo(payload: Any, deadline: float) -> Any:
    return payload


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture(params=["task", "direct"])
def manner(request: pytest.FixtureRequest) -> str:
    """How calls are run: each in a task, or directly."""
    kind: str = request.param
    return kind


@pytest.fixture(params=[new_loop, AsyncioLoop], ids=["default-loop", "asyncio-loop"])
def make_worker(request: pytest.FixtureRequest, gate: Gate, manner: str) -> Iterator[Callable[..., AsyncWorker]]:
    """Makes workers with the functions ``echo`` and ``gate``; stops them, and no thread may be left."""
    before = set(threading.enumerate())
    workers: list[AsyncWorker] = []

    def make(functions: dict[str, Any] | None = None, **options: Any) -> AsyncWorker:
        worker = AsyncWorker({"echo": echo, "gate": gate, **(functions or {})}, loop_factory=request.param, **options)
        workers.append(worker)
        if manner == "direct":
            for name in worker._functions:
                worker.direct(name, lambda: True)
        return worker

    yield make
    for worker in workers:
        worker.stop(grace=0)
        assert worker._loop is None or worker._loop.is_closed()
    assert set(threading.enumerate()) <= before
