"""The simulated API: a request in, an answer out, and the objects behind them.

    begin: fault → key → route → parameters → idempotency key      (nothing changed yet)
    finish: references → behaviour → expand → saved answer → commit

All state is behind one lock. :meth:`Simulator.handle` is both halves at once.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from host import arguments
from host.apis.catalog import Catalog
from host.simulator import pagination, resources
from host.simulator.added.behaviours import ACTIONS
from host.simulator.added.parameters import AddedChecker
from host.simulator.added.routes import AddedRoutes
from host.simulator.api_error import Refusal
from host.simulator.checks import Checker
from host.simulator.context import Object, RequestContext, World
from host.simulator.expansion import expand
from host.simulator.fault_injection import NO_FAULT, Faults, InjectedFault
from host.simulator.ids import Ids
from host.simulator.keys import Keys
from host.simulator.object_factory import Shapes
from host.simulator.parsing import Tree, form_tree, json_tree, multipart_tree, path_and_query
from host.simulator.references import References
from host.simulator.routes import Plan, Routes
from host.simulator.store import SavedAnswer, Store
from host.simulator.stripe.behaviours import BEHAVIOURS
from host.simulator.stripe.defaults import DEFAULTS

Answer = tuple[int, dict[str, str], bytes]
KEY_LIFE = 24 * 3600  # seconds an idempotency key is kept: https://docs.stripe.com/api/idempotent_requests
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
    (in memory by default), ``faults`` says which requests fail; it may be set anew at any time. Simulators share
    nothing.
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
        shapes = Shapes(catalog, DEFAULTS if stripe else None)
        self.world = World(catalog, self.store, shapes, ids, references, stripe)
        self._clock = clock
        self.faults = faults
        self._keys = Keys(catalog, key, stripe=stripe)
        self._routes = Routes(catalog) if stripe else AddedRoutes(catalog)
        self._actions = _GENERIC if stripe else ACTIONS
        self._checker = Checker(catalog)
        self._added = AddedChecker(catalog)
        self._lenient = Checker(catalog, ignore_unknown=True)  # for other versions of the API
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
                exchange.call, tree = self._read(method.upper(), target, lower, body)
                if method.upper() not in ("GET", "HEAD") and (key := lower.get("idempotency-key", "")):
                    self._claim(exchange, key, method.upper(), tree)
            except Refusal as refusal:
                exchange.answer = self._refused(exchange, refusal)
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
        if not self.world.stripe:
            return self._read_added(plan, path, query, path_args, headers, body)
        token = asked.pop("page", None) if plan.action == "list" and path.startswith("/v2/") else None
        sent, typed = self._body(plan, headers.get("content-type", ""), body)
        other = headers.get("stripe-version", self.catalog.version) != self.catalog.version
        params = self._parameters(plan, asked, sent, typed, self._lenient if other else self._checker)
        if token is not None:
            params["page"] = token
        call = RequestContext(self.world, plan, path, query, path_args, params, int(self._clock()))
        return call, {"query": asked, "body": sent}

    def _read_added(
        self, plan: Plan, path: str, query: str, path_args: dict[str, str], headers: dict[str, str], body: bytes
    ) -> tuple[RequestContext, Tree]:
        own = "&".join(pair for pair in query.split("&") if pair.partition("=")[0] not in self._keys.query_names)
        params, sent = self._added.request(plan.operation, own, headers.get("content-type", ""), body)
        return RequestContext(self.world, plan, path, own, path_args, params, int(self._clock())), sent

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

    def _parameters(self, plan: Plan, asked: Tree, sent: Any, typed: bool, checker: Checker) -> dict[str, Any]:
        operation = plan.operation
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

    def _claim(self, exchange: Exchange, key: str, method: str, tree: Tree) -> None:
        """Claim ``key``, or make its first answer this one's."""
        assert exchange.call is not None
        text = _sorted([method, exchange.call.path, tree])
        fingerprint = hashlib.blake2b(text, digest_size=16).digest()
        saved = self.store.answer(key, since=self._clock() - KEY_LIFE)
        if saved is not None:
            if saved.fingerprint != fingerprint:
                raise Refusal(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they were first "
                    f"used with. Try using a key other than '{key}' if you meant to execute a different "
                    "request.",
                    type="idempotency_error",
                )
            again = {
                "idempotent-replayed": "true",
                "original-request": saved.request_id,
                "idempotency-key": key,
            }
            exchange.answer = self._answer(exchange, saved.status, saved.body, again)
        elif key in self._busy:
            raise Refusal(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably "
                f"means you submitted twice, and the other request is still going through): {key}. Please "
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
        headers = {"idempotency-key": exchange.key} if exchange.key else {}
        try:
            try:
                body = self._run(call)
                if exchange.fault.failure == "500-after":
                    raise Refusal(500, _OOPS, type="api_error", worked=True, keep=True)
                status = 200 if body or self.world.stripe else 204
                answer = self._answer(exchange, status, body, {**headers, **call.headers})
            except Refusal as refusal:
                if not refusal.keep:
                    self.store.rollback()
                answer = self._refused(exchange, refusal, headers)
                if not refusal.worked:
                    self.store.commit()
                    return answer
            if exchange.key:
                saved = SavedAnswer(exchange.fingerprint, answer[0], answer[2], exchange.request_id, self._clock())
                self.store.save_answer(exchange.key, saved)
            self.store.commit()
        except BaseException:
            self.store.rollback()
            raise
        return answer

    def _run(self, call: RequestContext) -> bytes:
        plan = call.plan
        if self.world.stripe and not call.path.startswith("/v2/"):
            self.world.references.check(call.params, plan.operation.result)
        behaviour = BEHAVIOURS.get(plan.operation.id) if self.world.stripe else None
        result = (behaviour or self._actions[plan.action])(call)
        wanted = call.params.get("expand")
        if wanted:
            whole = msgspec.json.decode(result) if isinstance(result, bytes) else dict(result)
            return _encode(expand(self.world, plan.operation.result, whole, wanted))
        if isinstance(result, bytes):
            return result
        if call.saved is not None and call.saved[0] is result:
            return call.saved[1]
        return _encode(result)

    def _release(self, key: str) -> None:
        if key:
            with self._lock:
                self._busy.discard(key)

    def _refused(self, exchange: Exchange, refusal: Refusal, headers: dict[str, str] | None = None) -> Answer:
        body = _encode(refusal.body(stripe=self.world.stripe))
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
