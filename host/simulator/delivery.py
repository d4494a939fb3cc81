"""Events on their way to webhook endpoints: signed, tried again, and on request duplicated, late and out of order."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from host.errors import UsageError
from host.serve.signatures import HEADER, sign
from host.simulator.simulator import Simulator
from host.simulator.stripe.webhook_endpoints import endpoints_for

__all__ = ["Deliveries", "Disturbance", "Target"]

ATTEMPTS: Final = 8
FIRST_DELAY: Final = 1.0  # seconds before the second attempt, doubled each time
PATIENCE: Final = 10.0  # seconds for an answer
AT_ONCE: Final = 20
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class Target(msgspec.Struct, frozen=True):
    """Where events go. Each of ``secrets`` signs them (several while one is rolled); ``events`` are names, or ``*``."""

    url: str
    secrets: tuple[str, ...]
    events: tuple[str, ...] = ("*",)

    def wants(self, type: str) -> bool:
        """Whether an event of that type goes there."""
        return any(fnmatchcase(type, pattern) for pattern in self.events)


class Disturbance(msgspec.Struct, frozen=True):
    """What is done to deliveries on purpose: shares from 0 to 1 of ``duplicate`` and ``reorder``; ``delay`` seconds."""

    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Disturbance:
        """``duplicate:5%,reorder:5%,delay:2s``. Raises :class:`UsageError`."""
        found: dict[str, float] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            name, _, amount = item.partition(":")
            unit = {"duplicate": ("%", 100.0), "reorder": ("%", 100.0), "delay": ("s", 1.0)}.get(name)
            if unit is None or not amount.endswith(unit[0]):
                raise UsageError(f"--deliver {item!r}: expected duplicate:5%, reorder:5% or delay:2s")
            try:
                value = float(amount.removesuffix(unit[0])) / unit[1]
            except ValueError:
                value = -1.0
            if not 0 <= value <= (1 if unit[0] == "%" else 3600):
                raise UsageError(f"--deliver {item!r}: expected 0% to 100%, or 0s to 3600s")
            found[name] = value
        return cls(**found)


class Deliveries:
    """Delivers a simulator's events from construction until :meth:`close`, on a thread of its own.

    They go to ``targets``, and to the webhook endpoints that are made in the simulator: those on this machine, unless
    ``anywhere``. What is answered with another status than 2xx, or not at all, is tried again after 1, 2, 4 … seconds,
    eight times in all. ``tell(line)`` is told of each attempt.
    """

    def __init__(
        self,
        simulator: Simulator,
        targets: Sequence[Target] = (),
        *,
        disturbance: Disturbance | None = None,
        anywhere: bool = False,
        seed: object = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._simulator = simulator
        self._targets = tuple(targets)
        self._disturbance = disturbance or Disturbance()
        self._anywhere = anywhere
        self._random = random.Random(None if seed is None else repr(seed))  # noqa: S311 - repeatable on purpose
        self._tell = tell
        self._loop = asyncio.new_event_loop()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._client = httpx.AsyncClient(timeout=PATIENCE, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = threading.Condition()
        self._open = 0
        self._thread = threading.Thread(target=self._run, name="host-deliveries", daemon=True)
        self._thread.start()
        simulator.listen(self._of)

    def wait(self, timeout: float = 30.0) -> bool:
        """Whether all that happened so far is delivered, or given up, within ``timeout`` seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: self._open == 0, timeout)

    def close(self) -> None:
        """Deliver nothing more; what is under way is given up. Twice is fine."""
        if self._loop.is_closed():
            return
        self._simulator.unlisten(self._of)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Deliveries:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- under the simulator's lock

    def _of(self, event: dict[str, Any]) -> list[Callable[[], None]]:
        return [
            partial(self._begin, event, target) for target in self._all_targets(event) if target.wants(event["type"])
        ]

    def _all_targets(self, event: dict[str, Any]) -> list[Target]:
        found = list(self._targets)
        for endpoint, secret in endpoints_for(self._simulator.store, event):
            if self._anywhere or urlsplit(endpoint["url"]).hostname in _LOCAL:
                found.append(Target(endpoint["url"], (secret,), tuple(endpoint["enabled_events"])))
        return found

    def _begin(self, event: dict[str, Any], target: Target) -> None:
        with self._idle:
            self._open += 1
        self._loop.call_soon_threadsafe(self._start, _encode(event), event["id"], event["type"], target)

    # -- on the thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(self._client.aclose())

    def _start(self, payload: bytes, id: str, type: str, target: Target) -> None:
        chosen = self._disturbance
        late = chosen.delay + (0.2 + self._random.random() if self._random.random() < chosen.reorder else 0.0)
        copies = 2 if self._random.random() < chosen.duplicate else 1
        task = self._loop.create_task(self._deliver(payload, id, type, target, late, copies))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a delivery failed", exc_info=error)
        with self._idle:
            self._open -= 1
            self._idle.notify_all()

    async def _deliver(self, payload: bytes, id: str, type: str, target: Target, late: float, copies: int) -> None:
        if late:
            await asyncio.sleep(late)
        for attempt in range(ATTEMPTS):
            answer = await self._post(payload, target)
            self._tell(f"{type}  {id}  → {target.url}  {answer}")
            if answer.startswith("2"):
                break
            if attempt + 1 == ATTEMPTS:
                return
            await asyncio.sleep(FIRST_DELAY * 2**attempt)
        for _ in range(copies - 1):
            self._tell(f"{type}  {id}  → {target.url}  {await self._post(payload, target)} (again)")

    async def _post(self, payload: bytes, target: Target) -> str:
        """The status of the answer, or why there is none."""
        headers = {HEADER: sign(payload, target.secrets, int(time.time())), "Content-Type": "application/json"}
        try:
            async with self._places:
                return str((await self._client.post(target.url, content=payload, headers=headers)).status_code)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"no answer: {error or type(error).__name__}"
