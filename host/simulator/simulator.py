"""The simulated API: a request in, an answer out, and the objects behind them.

    begin: fault → key → route → parameters → idempotency key      (nothing changed yet)
    finish: references → behaviour → expand → saved answer → commit

All state is behind one lock. :meth:`Simulator.handle` is both halves at once.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from host import arguments
from host.apis.catalog import Catalog
from host.simulator import pagination, resources
from host.simulator.agenda import ORDINARY, Agenda
from host.simulator.api_error import Refusal
from host.simulator.checks import Checker
from host.simulator.context import Object, RequestContext, World
from host.simulator.expansion import Expander
from host.simulator.fault_injection import NO_FAULT, Faults, InjectedFault
from host.simulator.ids import Ids
from host.simulator.keys import Keys
from host.simulator.modelled import ModelRule
from host.simulator.not_simulated import Leniency, Unmodelled
from host.simulator.object_factory import Shapes
from host.simulator.parsing import Tree, form_tree, json_tree, multipart_tree, path_and_query
from host.simulator.references import ELSEWHERE, References
from host.simulator.routes import Plan, Routes
from host.simulator.store import SavedAnswer, Store
from host.simulator.stripe import account_access, clocks, formats, versions, visitor_pages
from host.simulator.stripe.behaviours import DUE, EARLY, MODEL, WATCHERS
from host.simulator.stripe.checkout_completion import PLANS
from host.simulator.stripe.defaults import DEFAULTS
from host.simulator.versions import Versions

Answer = tuple[int, dict[str, str], bytes]
KEY_LIFE = 24 * 3600  # seconds an idempotency key is kept: https://docs.stripe.com/api/idempotent_requests
MOST_SECONDS = 10 * 366 * 86400  # that a clock can be advanced at once
_GENERIC: dict[str, Callable[[RequestContext], Object | bytes]] = {
    "create": resources.create,
    "retrieve": resources.retrieve,
    "list": pagination.page,
    "search": pagination.page,
    "update": resources.update,
    "delete": resources.delete,
    "act": resources.act,
    "single": resources.single,
    "compute": resources.compute,
}
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_sorted = msgspec.json.Encoder(order="sorted").encode


class Exchange(msgspec.Struct):
    """A request under way. The transport waits ``fault.delay`` seconds, then calls ``finish`` once.

    With ``fault.failure == "hang"`` it never answers. ``finish`` raises ``ConnectionResetError`` where the
    connection is to be closed without an answer. ``abandon`` instead of ``finish`` lets go of the key.
    """

    simulator: Simulator
    fault: InjectedFault
    request_id: str
    version: str
    call: RequestContext | None = None
    answer: Answer | None = None
    key: str = ""
    fingerprint: bytes = b""

    def finish(self) -> Answer:
        """Do the work and give the answer."""
        return self.simulator._finish(self)

    def abandon(self) -> None:
        """Give up before the work."""
        self.simulator._release(self.key)


class Simulator:
    """A stateful double of the API that ``catalog`` describes. Thread-safe.

    ``key``: the only key accepted; without it any well-formed test key is. ``clock`` gives seconds since
    1970; with ``clock`` and ``seed`` given, ids and times are the same every time. ``store`` keeps the state
    (in memory by default), ``faults`` says which requests fail; it may be set anew at any time.
    What is not modelled is refused with status 501; ``lenient`` stores and answers it by its shape instead, and
    :attr:`not_modelled` tells what that was. Simulators share nothing.
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
        stripe = catalog.name == "stripe"
        # A store that holds something already continues with other ids than it began with.
        made = len(self.store.ledger())
        ids = Ids(seed if seed is None or not made else (seed, made))
        references = References(catalog, self.store)
        shapes = Shapes(catalog, DEFAULTS if stripe else None, omit=MODEL.includable if stripe else None)
        self._leniency = Leniency(arguments.a_flag("lenient", lenient))
        self._routes = Routes(catalog, PLANS if stripe else ())
        agenda = Agenda(self.store, DUE if stripe else {}, EARLY)
        watchers = WATCHERS if stripe else {}
        self.world = World(
            catalog,
            self.store,
            shapes,
            ids,
            references,
            stripe,
            self._leniency,
            agenda,
            watchers,
            self._routes,
        )
        self._expander = Expander(self.world, MODEL.includable if stripe else {})
        self._clock = clock
        self.origin = ""  # of the server it is on, ``http://127.0.0.1:12111``
        self._advanced = 0.0  # seconds that the clock was told to be ahead
        self.faults = faults
        self._keys = Keys(catalog, key, stripe=stripe)
        self._rule = ModelRule(MODEL, self.world, self._routes.plans) if stripe else None
        reader = formats.reader if stripe else None
        self._checker = Checker(catalog, reader=reader)
        known = (versions.RENAMED, versions.MOVED) if stripe else ()
        self._versions = Versions(catalog.version, versions.OLDEST, versions.TRAINS, *known)
        self._lock = threading.RLock()
        self._busy: set[str] = set()

    @property
    def faults(self) -> Faults | None:
        """Which requests fail, from now on; ``None``: none."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults | None) -> None:
        if faults is not None:
            arguments.an_instance("faults", faults, Faults, "Faults(…), such as Faults.parse('500:3%')")
        self._faults = faults

    @property
    def not_modelled(self) -> tuple[Unmodelled, ...]:
        """What a lenient simulator answered by shape alone, each once, in order."""
        with self._lock:
            return self._leniency.notes

    @property
    def now(self) -> float:
        """Seconds since 1970, by the ordinary clock."""
        return self._clock() + self._advanced

    def advance(self, seconds: float) -> None:
        """Let time pass: what is due in it happens at its own time, in order."""
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MOST_SECONDS:
            raise arguments.wrong("seconds", seconds, f"seconds from 0 to {MOST_SECONDS:,}")
        with self._lock:
            self._advanced += seconds
            if self.world.agenda.soonest <= self.now:
                self._pass_time(clocks.background(self.world, int(self.now)))

    def _pass_time(self, call: RequestContext) -> None:
        """Do what is due by now, in a transaction of its own."""
        try:
            self.world.agenda.run(call, ORDINARY, call.now)
        except BaseException:
            self.store.rollback()
            raise
        self.store.commit()

    def ledger(self) -> list[tuple[str, str]]:
        """(kind, id) of every object ever made, in order."""
        with self._lock:
            return self.store.ledger()

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
        """(status, headers, body) for a request; header names of the answer are lower case.

        ``target`` is path and query. Raises ``ConnectionResetError`` and ``TimeoutError`` where a fault says
        that the connection breaks or the server hangs.
        """
        exchange = self.begin(method, target, headers, body)
        if exchange.fault.delay:
            wait(exchange.fault.delay)
        if exchange.fault.failure == "hang":
            raise TimeoutError("the simulated server does not answer")
        return exchange.finish()

    def begin(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Exchange:
        """Read the request and claim its idempotency key; nothing is changed yet."""
        with self._lock:
            faults = self._faults
            fault = faults.draw() if faults is not None else NO_FAULT
            lower = {name.lower(): value for name, value in headers.items()}
            version = lower.get("stripe-version") or self.catalog.version
            exchange = Exchange(self, fault, self.world.ids.new("req_", 14), version)
            if fault.failure in ("reset-before", "hang"):
                return exchange
            try:
                if fault.failure in ("500", "429"):
                    raise _failure(fault)
                path = path_and_query(target)[0]
                if self.world.stripe and path.startswith(visitor_pages.PLACES):
                    exchange.answer = self._page(exchange, method.upper(), path, body)
                    return exchange
                exchange.call, tree = self._read(method.upper(), target, lower, body)
                if method.upper() not in ("GET", "HEAD") and (key := lower.get("idempotency-key", "")):
                    # An account's keys are its own; "\n" is in no header.
                    own = exchange.call.account
                    self._claim(exchange, f"{own}\n{key}" if own else key, method.upper(), tree)
            except Refusal as refusal:
                exchange.answer = self._refused(exchange, refusal)
            except Exception as error:
                exchange.answer = self._failed(exchange, error)
            return exchange

    def _read(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[RequestContext, Tree]:
        path, query = path_and_query(target)
        asked = form_tree(query) if query else {}
        self._keys.check(headers, asked)
        for name in self._keys.query_names:
            asked.pop(name, None)
        found = self._routes.find("GET" if method == "HEAD" else method, path)
        if found is None:
            raise Refusal(404, f"Unrecognized request URL ({method}: {path}).")
        plan, path_args = found
        token = asked.pop("page", None) if plan.action == "list" and path.startswith("/v2/") else None
        sent, typed = self._body(plan, headers.get("content-type", ""), body)
        day = self._day(plan, headers, asked, sent)
        params = self._parameters(plan, asked, sent, typed)
        if token is not None:
            params["page"] = token
        world = self.world
        if account := headers.get("stripe-account"):
            world = account_access.world_of(world, account, headers.get("authorization", ""))
        call = RequestContext(world, plan, path, query, path_args, params, int(self.now), day)
        call.origin = self.origin
        return call, {"query": asked, "body": sent}

    def _day(self, plan: Plan, headers: dict[str, str], asked: Tree, sent: Any) -> str:
        """The day of the version to answer in, "" for the newest; parameters get the names they have in that."""
        if not self.world.stripe:
            return ""
        said = headers.get("stripe-version")
        if said == self.catalog.version:
            return ""
        day = self._versions.day(said) if said else ""
        for tree in (asked, sent):
            if isinstance(tree, dict) and tree:  # a client that says no version may mean any
                self._versions.request(plan.operation.id, day, tree, self.world)
        return day

    def _body(self, plan: Plan, content_type: str, body: bytes) -> tuple[Any, bool]:
        if not body:
            return {}, False
        kind = content_type.partition(";")[0].strip().lower()
        if kind.endswith("json"):
            return json_tree(body), True
        if kind == "multipart/form-data":
            return multipart_tree(content_type, body), False
        if kind == "application/x-www-form-urlencoded" or (not kind and plan.operation.body == "form"):
            return form_tree(body.decode("utf-8", "replace")), False
        if plan.operation.whole_body:
            return body.decode("utf-8", "replace"), True
        raise Refusal(400, f"Invalid request body: the content type {kind or 'none'} is not understood")

    def _parameters(self, plan: Plan, asked: Tree, sent: Any, typed: bool) -> dict[str, Any]:
        operation, checker = plan.operation, self._checker
        if not isinstance(sent, dict) or operation.whole_body:
            inner = operation.params.get("body")
            if inner is None:
                raise Refusal(400, "Invalid request body: an object is expected")
            value = checker.value(inner.schema, sent, "body", typed)
            found = value if isinstance(value, dict) else {"body": value}
            return {**checker.parameters(operation, asked, "query", typed=False), **found}
        if operation.method in ("GET", "HEAD") or (operation.method == "DELETE" and not operation.body):
            # Some clients send a DELETE's parameters in its body.
            return checker.parameters(operation, {**asked, **sent}, "query", typed=typed)
        if self.world.stripe and operation.body is None and not asked:
            return checker.parameters(operation, sent, "query", typed=typed)
        found = checker.parameters(operation, sent, "body", typed=typed)
        return {**checker.parameters(operation, asked, "query", typed=False), **found}

    def _page(self, exchange: Exchange, method: str, path: str, body: bytes) -> Answer:
        """A page for people: what its form does is done at once."""
        call = clocks.background(self.world, int(self.now))
        call.origin = self.origin
        self._begin_work(call)
        try:
            page = visitor_pages.answer(call, method, path, body)
        except BaseException:
            self.store.rollback()
            raise
        self.store.commit()
        headers = {"content-type": "text/html; charset=utf-8", "request-id": exchange.request_id}
        if page.location:
            headers["location"] = page.location
        return page.status, headers, page.html.encode()

    def _begin_work(self, call: RequestContext) -> None:
        """Let what is due happen first, and give the call its clock's time."""
        if self.world.agenda.soonest <= call.now:
            self._pass_time(call)
        if self.world.stripe:
            clocks.enter(call)

    def _claim(self, exchange: Exchange, key: str, method: str, tree: Tree) -> None:
        """Claim ``key``, or make its first answer this one's."""
        assert exchange.call is not None
        text = _sorted([method, exchange.call.path, tree])
        fingerprint = hashlib.blake2b(text, digest_size=16).digest()
        said = key.rpartition("\n")[2]
        saved = self.store.answer(key, since=self.now - KEY_LIFE)
        if saved is not None:
            if saved.fingerprint != fingerprint:
                raise Refusal(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they were first "
                    f"used with. Try using a key other than '{said}' if you meant to execute a different "
                    "request.",
                    type="idempotency_error",
                )
            again = {
                "idempotent-replayed": "true",
                "original-request": saved.request_id,
                "idempotency-key": said,
            }
            exchange.answer = self._answer(exchange, saved.status, saved.body, again)
        elif key in self._busy:
            raise Refusal(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably "
                f"means you submitted twice, and the other request is still going through): {said}. Please "
                "try again later.",
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        else:
            self.store.check_room()
            self._busy.add(key)
            exchange.key, exchange.fingerprint = key, fingerprint

    def _finish(self, exchange: Exchange) -> Answer:
        if exchange.fault.failure == "reset-before":
            raise ConnectionResetError("the simulated server closed the connection")
        with self._lock:
            if exchange.answer is None:
                try:
                    exchange.answer = self._work(exchange)
                finally:
                    self._release(exchange.key)
        if exchange.fault.failure == "reset-after":
            raise ConnectionResetError("the simulated server closed the connection after its work")
        return exchange.answer

    def _work(self, exchange: Exchange) -> Answer:
        call = exchange.call
        assert call is not None
        headers = {"idempotency-key": exchange.key.rpartition("\n")[2]} if exchange.key else {}
        try:
            try:
                body = self._run(call)
                if exchange.fault.failure == "500-after":
                    raise Refusal(500, _OOPS, type="api_error", worked=True, keep=True)
                status = 200 if body or self.world.stripe else 204
                answer = self._answer(exchange, status, body, headers)
            except Refusal as refusal:
                if not refusal.keep:
                    self.store.rollback()
                answer = self._refused(exchange, refusal, headers)
                if not refusal.worked:
                    self.store.commit()
                    return answer
            if exchange.key:
                saved = SavedAnswer(exchange.fingerprint, answer[0], answer[2], exchange.request_id, self.now)
                self.store.save_answer(exchange.key, saved)
            self.store.commit()
        except Exception as error:
            self.store.rollback()
            return self._failed(exchange, error)
        except BaseException:
            self.store.rollback()
            raise
        return answer

    def _failed(self, exchange: Exchange, error: Exception) -> Answer:
        """A fault of the simulator itself, told as the API tells its own; logged with its place."""
        _log.error("the simulator failed at a request (%s)", exchange.request_id, exc_info=error)
        doing = exchange.call.plan.operation.id if exchange.call is not None else "reading a request"
        message = f"The simulator itself failed at {doing} ({type(error).__name__}); nothing was done."
        return self._refused(exchange, Refusal(500, message, type="api_error"))

    def _run(self, call: RequestContext) -> bytes:
        plan = call.plan
        self._begin_work(call)
        if self.world.stripe and not call.path.startswith("/v2/") and plan.operation.id not in ELSEWHERE:
            call.world.references.check(call.params, plan.operation.result)
        result = self._act(call)
        wanted = call.params.get("expand")
        if wanted:
            whole = msgspec.json.decode(result if isinstance(result, bytes) else _encode(result))
            self._expander.strip(whole)
            older = self._versions.older(call.day) if call.day else {}
            self._expander.within(call.world).expand(plan.operation.result, whole, wanted, older)
            return self._in_version(call, whole)
        if isinstance(result, bytes):
            body = result
        elif call.saved is not None and call.saved[0] is result:
            body = call.saved[1]
        else:
            body = _encode(result)
        if self.world.stripe and (call.day or self._expander.is_due(plan.operation, body)):
            whole = msgspec.json.decode(body or b"{}")
            self._expander.strip(whole)
            return self._in_version(call, whole)
        return body

    def _in_version(self, call: RequestContext, answer: Any) -> bytes:
        if call.day:
            self._versions.answer(call.day, answer, call.world)
        return _encode(answer)

    def _act(self, call: RequestContext) -> Object | bytes:
        """What the operation does: of its own, or as any other of its kind."""
        generic = _GENERIC[call.plan.action]
        if self._rule is None:
            return generic(call)
        self._rule.before(call)
        result = (self._rule.behaviour(call.plan) or generic)(call)
        self._rule.after(call, result)
        return result

    def _release(self, key: str) -> None:
        if key:
            with self._lock:
                self._busy.discard(key)

    def _refused(self, exchange: Exchange, refusal: Refusal, headers: dict[str, str] | None = None) -> Answer:
        said = refusal.body(stripe=self.world.stripe)
        if self.world.stripe:
            logs = f"https://dashboard.stripe.com/test/logs/{exchange.request_id}"
            said["error"]["request_log_url"] = f"{logs}?t={int(self._clock())}"
        body = _encode(said)
        return self._answer(exchange, refusal.status, body, {**(headers or {}), **refusal.headers})

    def _answer(self, exchange: Exchange, status: int, body: bytes, more: dict[str, str]) -> Answer:
        headers = {"content-type": "application/json", "request-id": exchange.request_id}
        if self.world.stripe:
            headers["stripe-version"] = exchange.version
        if more:
            headers.update(more)
        return status, headers, body


_OOPS = "An unknown error occurred"


def _failure(fault: InjectedFault) -> Refusal:
    if fault.failure == "429":
        return Refusal(
            429,
            "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
            code="rate_limit",
            headers={"retry-after": f"{fault.retry_after:g}"},
        )
    return Refusal(500, _OOPS, type="api_error")
