"""Webhooks of a host: an ASGI application, and the thread that has what came handled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec

from host.errors import ClosedError
from host.serve.server import Scope
from host.webhooks.dispatcher import Dispatcher, Ended, Handled, Retry
from host.webhooks.endpoint import Receive, Send, WebhookEndpoint
from host.webhooks.inbox import DueEvent, Inbox
from host.webhooks.poller import Ask, Poller
from host.webhooks.senders import WebhookSender

__all__ = ["Polling", "WebhookOptions", "Webhooks"]


class Polling(msgspec.Struct, frozen=True):
    """``ask`` gives the API's events, every ``interval`` seconds; at the first time from ``since`` on (seconds since
    1970; ``None``: what is new).
    """

    ask: Ask
    interval: float
    since: float | None


class WebhookOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How events are taken and handled. ``secrets`` empty: whoever reaches the endpoint is believed."""

    sender: WebhookSender
    secrets: Sequence[str] = ()
    path: str | None = None
    tolerance: float = 300.0
    concurrency: int = 20
    retry: Retry = Retry()
    ordered: bool = False


class Webhooks:
    """An ASGI application; mount it where events are to be sent to. Also a context manager.

    What came is handled on a thread of its own from :meth:`start` until :meth:`close`, also what an earlier process
    left. ``tell(ended)`` is called, on that thread, with what became of each event. ``asked`` is set once the API was
    asked for its events: what comes from then on is new.
    """

    def __init__(
        self,
        inbox: Inbox,
        handle: Callable[[DueEvent], Awaitable[Handled]],
        options: WebhookOptions,
        *,
        polling: Polling | None = None,
        tell: Callable[[Ended], None] = lambda ended: None,
    ) -> None:
        self.inbox = inbox
        self._dispatcher = Dispatcher(
            inbox,
            handle,
            concurrency=options.concurrency,
            retry=options.retry,
            ordered=options.ordered,
            tell=tell,
        )
        self._endpoint = WebhookEndpoint(
            inbox,
            options.sender,
            options.secrets,
            path=options.path,
            tolerance=options.tolerance,
            came=self._wake,
            closed=lambda: self._closed,
        )
        self._polling = polling
        self.asked = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._grace = 0.0
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. An event is answered with 200 when it is recorded, and handled afterwards.

        After :meth:`close` the answer is 503: the sender tries again, the next process takes it. A server that says how
        long it lives (ASGI's lifespan) starts and closes them.
        """
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if not self._closed:
            self.start()
        await self._endpoint(scope, receive, send)

    def start(self) -> None:
        """Begin handling; a second time does nothing. Raises ``ClosedError``."""
        with self._lock:
            if self._closed:
                raise ClosedError("these webhooks are closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="host-webhooks", daemon=True)
                self._thread.start()
        self._ready.wait()

    def close(self, grace: float = 5.0) -> None:
        """Take nothing more, and let what is being handled end for ``grace`` seconds. A second call does nothing.

        What was not handled stays in the inbox for the next process.
        """
        with self._lock:
            self._closed, self._grace = True, grace
            thread = self._thread
        if thread is None:
            return
        self._ready.wait()  # begun on another thread just now
        assert self._loop is not None
        assert self._stop is not None
        with suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join()

    def __enter__(self) -> Webhooks:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
            else:
                await asyncio.to_thread(self.close)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # closed meanwhile: the next process handles it
                loop.call_soon_threadsafe(self._dispatcher.wake)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        tasks = [asyncio.create_task(self._dispatcher.run())]
        if self._polling is not None:
            asked = self._polling
            poller = Poller(
                self.inbox,
                asked.ask,
                interval=asked.interval,
                since=asked.since,
                came=self._wake,
                asked=self.asked.set,
            )
            tasks.append(asyncio.create_task(poller.run()))
        await self._stop.wait()
        await self._dispatcher.stop(self._grace)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
