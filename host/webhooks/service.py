"""The webhooks of a host: an ASGI application, and the thread on which events are handled."""

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
    """How events are polled: with ``ask``, every ``interval`` seconds. The first poll begins at ``since`` (seconds
    since 1970); ``None`` means only events that are new.
    """

    ask: Ask
    interval: float
    since: float | None


class WebhookOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How events are received and handled. With no ``secrets``, requests are not verified."""

    sender: WebhookSender
    secrets: Sequence[str] = ()
    path: str | None = None
    tolerance: float = 300.0
    concurrency: int = 20
    retry: Retry = Retry()
    ordered: bool = False


class Webhooks:
    """An ASGI application to mount at the path that events are sent to. Also a context manager.

    Events are handled on a thread of its own from :meth:`start` until :meth:`close`, including those that an earlier
    process has left. ``tell(ended)`` is called on that thread with the outcome of each attempt. ``polled`` is set after
    the first poll of the API: events after it are new.
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
        self.polled = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._grace = 0.0
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. An event is answered with 200 once it is recorded, and handled afterwards.

        After :meth:`close` the answer is 503, so that the sender tries again and the next process receives the event.
        A server that supports ASGI's lifespan protocol starts and closes the webhooks by it.
        """
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if not self._closed:
            self.start()
        await self._endpoint(scope, receive, send)

    def start(self) -> None:
        """Begin to handle events. A second call does nothing. Raises ``ClosedError`` after :meth:`close`."""
        with self._lock:
            if self._closed:
                raise ClosedError("these webhooks are closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="host-webhooks", daemon=True)
                self._thread.start()
        self._ready.wait()

    def close(self, grace: float = 5.0) -> None:
        """Refuse further events, and wait up to ``grace`` seconds for those being handled. A second call does nothing.

        Events that were not handled stay in the inbox for the next process.
        """
        with self._lock:
            self._closed, self._grace = True, grace
            thread = self._thread
        if thread is None:
            return
        self._ready.wait()  # another thread may just have started it
        assert self._loop is not None
        assert self._stop is not None
        with suppress(RuntimeError):  # the loop has ended
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
                polled=self.polled.set,
            )
            tasks.append(asyncio.create_task(poller.run()))
        await self._stop.wait()
        await self._dispatcher.stop(self._grace)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
