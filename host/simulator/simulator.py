"""The simulated API: takes requests, gives answers, and keeps the objects.

    begin: fault → API key → route → parameters → idempotency key      (nothing is changed yet)
    finish: references → behaviour → expansion → saved answer → commit

One lock guards all state. :meth:`Simulator.handle` does both steps at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from host import arguments
from host.apis.catalog import Catalog
from host.simulator.agenda import ORDINARY
from host.simulator.api_error import SimulatedError
from host.simulator.context import RequestContext
from host.simulator.event_log import Cause, Listener
from host.simulator.fault_injection import NO_FAULT, Faults, InjectedFault
from host.simulator.idempotency import Claim, IdempotencyKeys, claim_of
from host.simulator.not_simulated import Leniency, Unmodelled
from host.simulator.parsing import path_and_query
from host.simulator.parts import parts_of
from host.simulator.replies import UNKNOWN_ERROR, Answer, Replies, injected
from host.simulator.store import Store
from host.simulator.stripe import clocks
from host.simulator.stripe.hosted import PLACES
from host.simulator.versions import with_older_names

Found = TypeVar("Found")
MOST_SECONDS = 10 * 366 * 86400  # that the clock can be moved forward by at once


class Exchange(msgspec.Struct):
    """A request in progress. Whoever began it waits ``fault.delay`` seconds, then calls ``finish`` once.

    With ``fault.failure == "hang"`` it never answers. ``finish`` raises ``ConnectionResetError`` if the connection is
    to be closed without an answer. ``abandon``, called instead of ``finish``, releases the idempotency key (``claim``).
    """

    simulator: Simulator
    fault: InjectedFault
    request_id: str
    version: str
    call: RequestContext | None = None
    answer: Answer | None = None
    claim: Claim | None = None

    def finish(self) -> Answer:
        """Carry out the operation and return the answer."""
        return self.simulator._finish(self)

    def abandon(self) -> None:
        """Give the request up without carrying it out."""
        self.simulator._release(self.claim)


class Simulator:
    """A stateful double of the API that ``catalog`` describes. Thread-safe. Simulators share nothing.

    ``key`` is the only API key accepted; without it any well-formed test key is. ``clock`` gives seconds since 1970;
    with ``clock`` and ``seed`` given, ids and times are the same every time. ``store`` keeps the state (in memory by
    default). ``faults`` chooses the requests that fail, and may be set at any time. What is not modelled is refused
    with status 501; with ``lenient`` it is stored and answered by its shape, and listed in :attr:`not_modelled`.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        key: str | None = None,
        clock: Callable[[], float] = time.time,
        seed: object = None,
        store: Store | None = None,
        faults: Faults | None = None,
        lenient: bool = False,
    ) -> None:
        self.catalog = arguments.an_instance("catalog", catalog, Catalog)
        if key is not None:
            arguments.a_text("key", key, "the key that is accepted")
        if not callable(clock):
            raise arguments.wrong("clock", clock, "a function that gives seconds since 1970")
        if store is not None:
            arguments.an_instance("store", store, Store)
        self.store = Store() if store is None else store
        self._leniency = Leniency(arguments.a_flag("lenient", lenient))
        parts = parts_of(catalog, self.store, key=key, seed=seed, leniency=self._leniency)
        self.backend, self._transaction, self._reader, self._operations, self._rule = parts
        self._keys = IdempotencyKeys(self.store)
        self._replies = Replies(clock, stripe=self.backend.stripe)
        self._clock = clock
        self.origin = ""  # of the server it is served by, ``http://127.0.0.1:12111``
        self._advanced = 0.0  # seconds that the clock was moved forward by
        self.faults = faults
        self._lock = threading.RLock()

    @property
    def faults(self) -> Faults | None:
        """Chooses which later requests fail; ``None`` for none."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults | None) -> None:
        if faults is not None:
            arguments.an_instance("faults", faults, Faults, "Faults(…), such as Faults.parse('500:3%')")
        self._faults = faults

    @property
    def not_modelled(self) -> tuple[Unmodelled, ...]:
        """What a lenient simulator passed over and answered by its shape alone, each once, in order."""
        with self._lock:
            return self._leniency.notes

    @property
    def now(self) -> float:
        """The time by the simulator's clock, in seconds since 1970."""
        return self._clock() + self._advanced

    def advance(self, seconds: float) -> None:
        """Move the clock forward. What becomes due is carried out in order, each at its own time."""
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MOST_SECONDS:
            raise arguments.wrong("seconds", seconds, f"seconds from 0 to {MOST_SECONDS:,}")
        with self._lock:
            self._advanced += seconds
            if self.backend.agenda.soonest <= self.now:
                self._pass_time(self._background())

    def _pass_time(self, call: RequestContext) -> None:
        """Carry out what is due by now, in a transaction of its own."""
        try:
            self.backend.agenda.run(call, ORDINARY, call.now)
        except BaseException:
            self._transaction.rollback()
            raise
        self._transaction.commit(Cause(None, None, call.now))

    def ledger(self) -> list[tuple[str, str]]:
        """The (kind, id) of every object ever created, in order."""
        with self._lock:
            return self.store.ledger()

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with each later event, of Stripe's API; see :data:`host.simulator.event_log.Listener`."""
        assert self.backend.events is not None
        with self._lock:
            self.backend.events.listen(listener)

    def unlisten(self, listener: Listener) -> None:
        """Stop calling ``listener``."""
        assert self.backend.events is not None
        with self._lock:
            self.backend.events.unlisten(listener)

    def between_requests(self, work: Callable[[Store], Found]) -> Found:
        """Call ``work`` with the store while no request is being carried out; commit its changes, return its result."""
        with self._lock:
            found = work(self.store)
            self.store.commit()
            return found

    def perform(self, work: Callable[[RequestContext], None], account: str = "") -> None:
        """Call ``work`` with a context of ``account``, between two requests; its changes lead to events."""
        with self._lock:
            call = self._background()
            self._begin_work(call)
            try:
                work(call.within(account))
            except BaseException:
                self._transaction.rollback()
                raise
            self._transaction.commit(Cause(None, None, call.now))

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            self.store.close()

    def handle(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        wait: Callable[[float], None] = time.sleep,
    ) -> Answer:
        """The answer to a request: (status, headers, body), with header names in lower case.

        ``target`` is path and query. Raises ``ConnectionResetError`` or ``TimeoutError`` where an injected fault closes
        the connection or lets the server hang.
        """
        exchange = self.begin(method, target, headers, body)
        if exchange.fault.delay:
            wait(exchange.fault.delay)
        if exchange.fault.failure == "hang":
            raise TimeoutError("the simulated server does not answer")
        return exchange.finish()

    def begin(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Exchange:
        """Read the request and claim its idempotency key, without changing anything yet."""
        with self._lock:
            faults = self._faults
            fault = faults.draw() if faults is not None else NO_FAULT
            lower = {name.lower(): value for name, value in headers.items()}
            version = lower.get("stripe-version") or self.catalog.version
            method = method.upper()
            exchange = Exchange(self, fault, self.backend.ids.new("req_", 14), version)
            if fault.failure in ("reset-before", "hang"):
                return exchange
            try:
                if fault.failure in ("500", "429"):
                    raise injected(fault)
                place = path, _ = path_and_query(target)
                if self.backend.stripe and path.startswith(PLACES):
                    exchange.answer = self._page(exchange, method, path, body)
                    return exchange
                call, tree = self._reader.read(self.backend, method, place, lower, body, int(self.now))
                call.origin = self.origin
                exchange.call = call
                if method not in ("GET", "HEAD") and (key := lower.get("idempotency-key", "")):
                    self._claim(exchange, claim_of(call.account, key, method, call.path, tree))
            except SimulatedError as refusal:
                exchange.answer = self._replies.refusal(exchange, refusal)
            except Exception as error:
                exchange.answer = self._replies.failure(exchange, "reading a request", error)
            return exchange

    def _page(self, exchange: Exchange, method: str, path: str, body: bytes) -> Answer:
        """Answer a request for a hosted page, such as a Checkout Session's; a submitted form is carried out at once."""
        from host.simulator.stripe.visitor_pages import answer  # loads most of what is simulated

        call = self._background()
        self._begin_work(call)
        try:
            page = answer(call, method, path, body)
        except BaseException:
            self._transaction.rollback()
            raise
        self._transaction.commit(Cause(exchange.request_id, None, int(self.now)))
        kind = "application/pdf" if page.file else "text/html; charset=utf-8"
        headers = {"content-type": kind, "request-id": exchange.request_id}
        if page.location:
            headers["location"] = page.location
        return page.status, headers, page.file or page.html.encode()

    def _background(self) -> RequestContext:
        """A context for what happens without a request of its own."""
        call = clocks.background(self.backend, int(self.now))
        call.origin = self.origin
        return call

    def _begin_work(self, call: RequestContext) -> None:
        """Carry out what is due first, and set the context's time to that of its test clock."""
        if self.backend.agenda.soonest <= call.now:
            self._pass_time(call)
        if self.backend.stripe:
            clocks.enter(call)

    def _claim(self, exchange: Exchange, claim: Claim) -> None:
        """Claim the idempotency key, or answer with what was saved under it."""
        saved = self._keys.claim(claim, self.now)
        if saved is None:
            exchange.claim = claim
            return
        again = {
            "idempotent-replayed": "true",
            "original-request": saved.request_id,
            "idempotency-key": claim.sent,
        }
        exchange.answer = self._replies.answer(exchange, saved.status, saved.body, again)

    def _finish(self, exchange: Exchange) -> Answer:
        if exchange.fault.failure == "reset-before":
            raise ConnectionResetError("the simulated server closed the connection")
        with self._lock:
            if exchange.answer is None:
                try:
                    exchange.answer = self._work(exchange)
                finally:
                    self._release(exchange.claim)
        if exchange.fault.failure == "reset-after":
            raise ConnectionResetError("the simulated server closed the connection after its work")
        return exchange.answer

    def _work(self, exchange: Exchange) -> Answer:
        call = exchange.call
        assert call is not None
        claim = exchange.claim
        headers = {"idempotency-key": claim.sent} if claim is not None else {}
        cause = Cause(exchange.request_id, headers.get("idempotency-key"), call.now)
        try:
            try:
                self._begin_work(call)
                body = self._operations.answer(call)
                if exchange.fault.failure == "500-after":
                    raise SimulatedError(500, UNKNOWN_ERROR, type="api_error", worked=True, keep=True)
                status = 200 if body or self.backend.stripe else 204
                answer = self._replies.answer(exchange, status, body, {**headers, **call.headers})
            except SimulatedError as refusal:
                if not refusal.keep:
                    self._transaction.rollback()
                answer = self._replies.refusal(exchange, with_older_names(refusal, call.older_names), headers)
                if not refusal.worked:
                    self._transaction.commit(cause)
                    return answer
            if claim is not None:
                self._keys.save(claim, answer[0], answer[2], exchange.request_id, self.now)
            self._transaction.commit(cause)
        except Exception as error:
            self._transaction.rollback()
            return self._replies.failure(exchange, call.plan.operation.id, error)
        except BaseException:
            self._transaction.rollback()
            raise
        return answer

    def _release(self, claim: Claim | None) -> None:
        if claim is not None:
            with self._lock:
                self._keys.release(claim)
