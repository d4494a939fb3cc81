"""The thread of a worker that receives notifications from the database."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from host.errors import HostError
from host.fleet.database import FleetDatabase
from host.fleet.jobs import CHANNEL

__all__ = ["Listener"]

INSERTED: Final = "procrastinate_any_queue_v1"  # where Procrastinate notifies of new jobs
TURN: Final = 0.5  # seconds between checks whether the thread should end
AGAIN: Final = 1.0  # seconds between attempts to connect, during which the worker polls


class Listener:
    """Calls ``notified(text)`` on ``loop`` with each payload of :data:`~host.fleet.jobs.CHANNEL`, or ``"job"``."""

    def __init__(
        self, database: FleetDatabase, loop: asyncio.AbstractEventLoop, notified: Callable[[str], None]
    ) -> None:
        self._database = database
        self._loop = loop
        self._notified = notified
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="host-fleet-listener", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopped.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                connection = self._database.listen(CHANNEL, INSERTED)
            except HostError:
                self._stopped.wait(AGAIN)
                continue
            with suppress(*self._database.errors), connection:
                while not self._stopped.is_set():
                    for each in connection.notifies(timeout=TURN):
                        self._tell(each.channel, each.payload)
            self._stopped.wait(0 if self._stopped.is_set() else TURN)

    def _tell(self, channel: str, payload: str) -> None:
        text = payload
        if channel == INSERTED:
            text = "job" if json.loads(payload).get("type") == "job_inserted" else "other"
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._notified, text)
