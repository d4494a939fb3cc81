"""Delivers events to webhook endpoints: signed, retried and, on request, duplicated, delayed or out of order.

https://docs.stripe.com/webhooks
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec

from host.apis.nearest import meant, short
from host.errors import UsageError
from host.run.event_names import matches
from host.serve.signatures import HEADER, sign
from host.simulator.pending_deliveries import PendingDeliveries, PendingDelivery
from host.simulator.simulator import Simulator
from host.simulator.stripe import issuing_requests, thin_events
from host.simulator.stripe.event_destinations import PING, destinations_for
from host.simulator.stripe.issuing_requests import REQUEST
from host.simulator.stripe.webhook_endpoints import endpoints_for

__all__ = ["Deliveries", "DeliveryFaults", "Target", "event_patterns"]

ATTEMPTS: Final = 8
FIRST_DELAY: Final = 1.0  # seconds before the second attempt; doubled for each further one
TIMEOUT: Final = 10.0  # seconds for an answer
CONCURRENCY: Final = 20  # requests in flight
LONGEST_DECISION: Final = 64_000  # bytes
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class Target(msgspec.Struct, frozen=True):
    """An address that events are delivered to.

    Each of ``secrets`` signs them (there are several while a secret is being rolled). ``events`` are names or patterns
    such as ``customer.*``. ``endpoint`` is the id of the webhook endpoint or event destination in the simulator, or ""
    for an address from the command line.
    """

    url: str
    secrets: tuple[str, ...]
    events: tuple[str, ...] = ("*",)
    endpoint: str = ""

    @property
    def shown(self) -> str:
        """The URL without a password."""
        url = urlsplit(self.url)
        return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()

    def wants(self, type: str) -> bool:
        """Whether events of that type are delivered here; thin ones only where ``events`` names them."""
        if thin_events.is_thin(type):
            return thin_events.is_wanted(type, self.events)
        if type == REQUEST and self.endpoint:  # must be selected by name: docs.stripe.com/api/webhook_endpoints/create
            return type in self.events
        return any(fnmatchcase(type, pattern) for pattern in self.events)


def event_patterns(text: str, types: Sequence[str]) -> tuple[str, ...]:
    """The patterns in the value of ``--events``. Raises :class:`UsageError` for one that matches none of ``types``."""
    names = tuple(name.strip() for name in text.split(","))
    thin = [*filter(None, map(thin_events.thin_name, types)), *thin_events.OF_V2]
    for name in names:
        known = thin if thin_events.is_thin(name) else types
        if not name:
            raise UsageError("--events: expected names of events with commas between, such as invoice.paid,customer.*")
        if not any(matches(name, each) for each in known):
            raise UsageError(f'--events: there is no event "{short(name)}"{meant(name, known)}')
    return names


class DeliveryFaults(msgspec.Struct, frozen=True):
    """Faults injected into deliveries, to test a receiver.

    ``duplicate`` and ``reorder`` are shares of the deliveries, from 0 to 1; ``delay`` is in seconds, of each.
    """

    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0

    @classmethod
    def parse(cls, text: str) -> DeliveryFaults:
        """Parse a value of ``--deliver``: ``duplicate:5%,reorder:5%,delay:2s``. Raises :class:`UsageError`."""
        found: dict[str, float] = {}
        for item in (part.strip() for part in text.split(",")):
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
            if name in found:
                raise UsageError(f"--deliver {text!r}: {name} is given twice")
            found[name] = value
        return cls(**found)


class _Delivery(NamedTuple):
    """One event for one target.

    ``attempts`` have failed so far. ``due`` is the time of the next one (seconds since 1970) for a delivery that an
    earlier process began, else ``None``.
    """

    payload: bytes
    id: str
    type: str
    target: Target
    slot: str
    attempts: int
    due: float | None


class Deliveries:
    """Delivers a simulator's events from construction until :meth:`close`, on a thread of its own.

    They go to ``targets`` and to the webhook endpoints that are created in the simulator; without ``anywhere`` only to
    those on this machine. A delivery that gets no answer, or a status other than 2xx, is retried after 1, 2, 4 …
    seconds, up to eight attempts in all. Where the store is a file, pending deliveries are made by the next process
    that opens it. ``report(line)`` is called with a line of text for each attempt.
    """

    def __init__(
        self,
        simulator: Simulator,
        targets: Sequence[Target] = (),
        *,
        faults: DeliveryFaults | None = None,
        anywhere: bool = False,
        seed: object = None,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._simulator = simulator
        self._targets = tuple(targets)
        self._faults = faults or DeliveryFaults()
        self._anywhere = anywhere
        self._random = random.Random(None if seed is None else repr(seed))  # noqa: S311 - repeatable on purpose
        self._report = report
        self._loop = asyncio.new_event_loop()
        self._permits = asyncio.Semaphore(CONCURRENCY)
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = threading.Condition()
        self._open = 0
        self._pending = PendingDeliveries(simulator)
        self._thread = threading.Thread(target=self._run, name="host-deliveries", daemon=True)
        self._thread.start()
        self._resume()
        simulator.listen(self._deliveries_of)

    @property
    def lost(self) -> int:
        """How many deliveries would be lost by closing now: those pending, unless the store is a file."""
        return 0 if self._pending.is_kept else self._open

    def wait(self, timeout: float = 30.0) -> bool:
        """Wait up to ``timeout`` seconds until no delivery is pending; returns whether that is so."""
        with self._idle:
            return self._idle.wait_for(lambda: self._open == 0, timeout)

    def close(self) -> None:
        """Stop delivering. Pending deliveries are left to the next process, or lost. A second call does nothing."""
        if self._loop.is_closed():
            return
        self._simulator.unlisten(self._deliveries_of)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Deliveries:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _resume(self) -> None:
        """Begin the deliveries that an earlier process left pending, where their endpoints still exist."""
        for left in self._pending.left() if self._pending.is_kept else ():
            target = self._target_of(left)
            if target is not None:
                self._begin(left.event, target, left.slot, left.attempts, left.due)
                continue
            self._pending.ended(left.slot)
            type, id = left.event["type"], left.event["id"]
            self._report(f"{type}  {id}  → {Target(left.url, ()).shown}  given up: nothing is delivered there now")

    def _target_of(self, left: PendingDelivery) -> Target | None:
        found = self._simulator.between_requests(lambda store: self._all_targets(left.event))
        return next((each for each in found if (each.endpoint, each.url) == (left.endpoint, left.url)), None)

    # -- called under the simulator's lock

    def _deliveries_of(self, event: dict[str, Any], account: str) -> list[Callable[[], None]]:
        wanted = [target for target in self._all_targets(event) if target.wants(event["type"])]
        return [partial(self._note, event, account, target) for target in wanted]

    def _note(self, event: dict[str, Any], account: str, target: Target) -> None:
        self._begin(event, target, self._pending.add(event, account, target.endpoint, target.url))

    def _all_targets(self, event: dict[str, Any]) -> list[Target]:
        found: list[Target] = []
        store, thin = self._simulator.store, event["object"] == thin_events.KIND
        for endpoint, secret in endpoints_for(store, event) if not thin else ():
            found.append(Target(endpoint["url"], (secret,), tuple(endpoint["enabled_events"]), endpoint["id"]))
        for destination, secret in destinations_for(store, event):
            names = destination["enabled_events"]
            wanted = (*names, *(("v1.*", "v2.*") if thin and "*" in names else ()))
            if event["type"] == PING:
                wanted = (PING,)
            found.append(Target(destination["webhook_endpoint"]["url"], (secret,), wanted, destination["id"]))
        near = [each for each in found if self._anywhere or urlsplit(each.url).hostname in _LOCAL]
        return [*self._targets, *near]

    def _begin(
        self, event: dict[str, Any], target: Target, slot: str, attempts: int = 0, due: float | None = None
    ) -> None:
        with self._idle:
            self._open += 1
        payload = thin_events.notification(event) if event["object"] == thin_events.KIND else event
        delivery = _Delivery(_encode(payload), event["id"], event["type"], target, slot, attempts, due)
        self._loop.call_soon_threadsafe(self._start, delivery)

    # -- on the thread of the deliveries

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(self._client.aclose())

    def _start(self, delivery: _Delivery) -> None:
        chosen = self._faults
        delay = chosen.delay + (0.2 + self._random.random() if self._random.random() < chosen.reorder else 0.0)
        copies = 2 if self._random.random() < chosen.duplicate else 1
        if delivery.due is not None:
            delay, copies = max(0.0, delivery.due - time.time()), 1
        task = self._loop.create_task(self._deliver(delivery, delay, copies))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a delivery failed", exc_info=error)
        with self._idle:
            self._open -= 1
            self._idle.notify_all()

    async def _deliver(self, delivery: _Delivery, delay: float, copies: int) -> None:
        target, line = delivery.target, f"{delivery.type}  {delivery.id}  → {delivery.target.shown}"
        if delay:
            await asyncio.sleep(delay)
        attempts = ATTEMPTS if delivery.type != REQUEST else delivery.attempts + 1
        for attempt in range(delivery.attempts, attempts):
            answer, response = await self._post(delivery.payload, target)
            self._report(f"{line}  {answer}")
            if delivery.type == REQUEST and response is not None:
                self._respond(delivery, response)
            if answer.startswith("2"):
                break
            if attempt + 1 < attempts:
                backoff = FIRST_DELAY * 2**attempt
                self._pending.failed(delivery.slot, attempt + 1, time.time() + backoff)
                await asyncio.sleep(backoff)
        else:
            copies = 0
        self._pending.ended(delivery.slot)
        for _ in range(copies - 1):
            self._report(f"{line}  {(await self._post(delivery.payload, target))[0]} (again)")

    def _respond(self, delivery: _Delivery, response: httpx.Response) -> None:
        """Decide an authorization by the endpoint's response, which counts if it is a 200 with a Stripe-Version header
        and JSON. https://docs.stripe.com/issuing/controls/real-time-authorizations#respond-directly
        """
        event = msgspec.json.decode(delivery.payload)
        decision = None
        valid = response.status_code == 200 and "stripe-version" in response.headers
        if valid and len(response.content) <= LONGEST_DECISION:
            with contextlib.suppress(msgspec.DecodeError):
                decision = msgspec.json.decode(response.content)
        id, account = event["data"]["object"]["id"], event.get("account") or ""
        self._simulator.perform(lambda call: issuing_requests.answer(call, id, decision), account)

    async def _post(self, payload: bytes, target: Target) -> tuple[str, httpx.Response | None]:
        """The response's status and the response, or why there is none and ``None``."""
        headers = {HEADER: sign(payload, target.secrets, int(time.time())), "Content-Type": "application/json"}
        try:
            async with self._permits:
                answer = await self._client.post(target.url, content=payload, headers=headers)
                return str(answer.status_code), answer
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"no answer: {error or type(error).__name__}", None
