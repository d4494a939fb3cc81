"""The host's side of every call: nothing a script says is trusted before it.

    check + encode → permission → budget → registry → (worker) → interpret

The gate works on the run's thread: it refuses at once what cannot be sent, hands on what can, and reads the answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from host.apis.answers import created, interpret, request_id
from host.apis.api import Api
from host.apis.catalog import Catalog, Operation
from host.apis.encode import in_order
from host.apis.methods import builder_method, has_method
from host.apis.nearest import meant, short
from host.apis.options import CallOptions
from host.apis.pages import Shown, link_of, next_page, page_request
from host.apis.prepare import beyond_catalog, bind, check_value, prepare
from host.apis.unknown_names import Beyond, other_version
from host.apis.validation_error import shown
from host.bridge.registry import AsyncFunctionRegistry
from host.bridge.request import AsyncRequest, Reply
from host.calls.keys_in_doubt import Doubt, Doubts, Key
from host.errors import CallError, FunctionError, InvalidCall, UnexpectedAnswer, UsageError
from host.events import Event, Logged
from host.functions.invocation import Invocation
from host.functions.iterators import IteratorStep, Streams
from host.http.idempotency import RandomKeys
from host.http.message import Request, Response, origin_of
from host.http.outcome import IDEMPOTENT, settles
from host.libraries.library import Libraries, LibraryCall, LibraryFunction
from host.policy.budget import Quota, Reservation, admit, keeps, release, settle
from host.policy.permissions import Permissions
from host.policy.policy import secret_names
from host.policy.redaction import Redactor

if TYPE_CHECKING:
    from host.apis.raw_request import RawRequest as AskedOf
    from host.functions.functions import Function

REQUEST = ".request"  # how an API's own word for any request ends


class CallingRun(Protocol):
    """What the gate needs to know of the run a call belongs to."""

    run_id: str
    permissions: Permissions
    meters: tuple[Quota, ...]

    @property
    def replaying(self) -> bool:
        """Whether what it does now it did before it broke off (durable runs)."""
        ...

    def emit(self, event: Event) -> None: ...

    def answered(self, call: Call) -> None:
        """A call of it has its reply. From any thread."""
        ...


class Call(AsyncRequest, eq=False):
    """One call of a script, from its check to the connection and back: the record that all on its way work on.

    ``source`` is its run. ``payload`` is what its function gets: of an API's operation a :class:`Request`. ``reply`` is
    set exactly once, then the run is told.
    """

    id: int = 0
    kind: int = 0
    line: int | None = None
    api: Api | None = None
    operation: Operation | None = None
    reply: Reply | None = None
    claims: tuple[Reservation, ...] = ()  # what it took from budgets
    started: float = 0.0
    tell: bool = False  # whether the run's sinks are told of it
    seconds: float | None = None  # until its deadline, where that is not the usual time
    again: bool = False  # the script's own repeat of it carries the same idempotency key
    web_key: Key | None = None  # of a library's request that has an idempotency key of the script's
    # Of a durable run: what takes the call instead of the registry, its key, and its place in the journal.
    hold: Callable[[Call], None] | None = None
    key: str | None = None
    place: tuple[str, int, bytes] | None = None
    beyond: tuple[str, ...] = ()  # names it sends that its catalog does not know
    asks: AskedOf | None = None  # what <api>.request asks for
    pages: bytes | None = None  # of <api>.request: how the list it gives goes on
    place_of_page: Any = None  # of a further page of a list: the arguments that lead to it, or its URL

    __repr__ = object.__repr__  # it holds answers as they came

    @property
    def request(self) -> Request | None:
        """What is sent for it, where that goes to an API."""
        return self.payload if type(self.payload) is Request else None

    def deliver(self, reply: Reply) -> None:
        """Take the worker's one reply, on the loop's thread."""
        self.reply = reply
        if self.claims:
            settle(self.claims, reply)
        self.source.answered(self)

    def deliver_error(self, error: CallError) -> None:
        """Answers it with an error found on this side."""
        self.deliver(Reply(error=error))


class CallPipeline:
    """Checks, sends and interprets the calls of all runs of a host. Thread-safe.

    ``functions`` are the registered functions a script may call by name. ``deadline`` is seconds for a whole call.
    """

    def __init__(
        self,
        registry: AsyncFunctionRegistry,
        apis: Mapping[str, Api],
        functions: Mapping[str, Function],
        builders: Mapping[str, Api] | None = None,
        *,
        default_api: str = "stripe",
        deadline: float = 30.0,
        mask: Redactor | None = None,
        libraries: Libraries | None = None,
    ) -> None:
        self._registry = registry
        self.apis = apis
        self.functions = functions
        self.builders = {} if builders is None else builders  # of the program's own classes, by name
        self._default_api = default_api
        self._deadline = deadline
        self._mask = mask or Redactor()
        self.libraries = libraries or Libraries()
        self._operations: dict[str, tuple[Api, Operation]] = {}
        self._methods: dict[tuple[str, str], tuple[bytes, ...]] = {}  # of builders, as Lua is told of them
        self._told: dict[tuple[str, tuple[str, ...]], tuple[bytes | None, ...]] = {}  # the same of builders
        self._keys = RandomKeys()
        self._streams = Streams()
        self._warned: dict[str, set[tuple[str, ...]]] = {}  # what was said to a run's log, by its id
        self._live: dict[str, bool] = {}  # whether the key of an operation's API is, by the operation
        self._doubts = Doubts()

    # -- names

    def builder(self, name: str) -> tuple[Api, Operation] | None:
        """The API and operation behind the global ``new_<name>``."""
        api = self.builders.get(name) or self.apis.get(self._default_api)
        operation = api.catalog.builder(name) if api is not None else None
        return (api, operation) if api is not None and operation is not None else None

    def operation(self, label: str) -> tuple[Api, Operation]:
        """The API and operation of ``stripe.products.create``. Raises ``InvalidCall``."""
        found = self._operations.get(label)
        if found is None:
            name, _, rest = label.partition(".")
            api = self.apis.get(name) or self.builders.get(name.removeprefix("new_"))
            operation = api.catalog.operation(rest) if api is not None else None
            if api is None or operation is None:
                raise InvalidCall(f"there is no operation {label}")
            found = self._operations[label] = (api, operation)
        return found

    def member(self, path: str, key: str) -> str | tuple[Api, Operation | None, bool]:
        """What ``key`` is below a namespace: a longer path, or an operation (None: ``request``, any) and whether it is
        a builder's.

        Raises ``InvalidCall`` with the nearest name.
        """
        name, _, prefix = path.partition(".")
        api = self.apis[name]
        if not prefix and key.startswith("new_"):
            operation = api.catalog.builder(key[4:])
            if operation is not None:
                return api, operation, True
            near = meant(key, [f"new_{each}" for each in api.catalog.builder_names()])
            raise InvalidCall(f'{name} has no "{short(key)}"{near}')
        full = f"{prefix}.{key}" if prefix else key
        operation = api.catalog.operation(full)
        if operation is not None:
            return api, operation, False
        if api.catalog.children(full):
            return f"{name}.{full}"
        if full == REQUEST[1:]:
            return api, None, False
        from host.apis.legacy_names import missing_member  # where an error is made only

        kind = "operation" if prefix else "resource"
        raise InvalidCall(f'{path} has no {kind} "{short(key)}"{missing_member(api.catalog, prefix, key)}')

    def method(self, label: str, name: str) -> tuple[bytes, ...]:
        """(kind, parameter, letter, field, field) of a builder's method. Raises ``InvalidCall``."""
        found = self._methods.get((label, name))
        if found is None:
            api, operation = self.operation(label)
            try:
                method = builder_method(api.catalog, operation, name)
            except InvalidCall:
                if not other_version(api.catalog.facts, None):
                    raise
                return b"set", name.encode(), b""
            told = (method.kind, method.param, method.code, *method.fields)
            found = self._methods[label, name] = tuple(each.encode() for each in told)
        return found

    def told(self, api: Api, operation: Operation, names: tuple[str, ...]) -> tuple[bytes | None, ...]:
        """What Lua is told of a builder: its operation; what it is about; of ``names`` those that are methods of it,
        each followed by the five values of :meth:`method`.
        """
        label = f"{api.name}.{operation.id}"
        found = self._told.get((label, names))
        if found is None:
            flags = ("i" if "id" in operation.params else "") + ("d" if "data" in operation.params else "")
            values: list[bytes | None] = [label.encode(), f"{operation.resource} {flags}".encode()]
            for name in names:
                if has_method(api.catalog, operation, name):
                    method = self.method(label, name)
                    values += (name.encode(), *method, *(None,) * (5 - len(method)))
            if len(self._told) > 1000:
                self._told.clear()
            found = self._told[label, names] = tuple(values)
        return found

    def check(self, label: str, name: str, value: Any, currency: str | None = None, version: str | None = None) -> None:
        """Raises ``InvalidCall`` unless ``value`` may be given for that parameter (``:with``: as options).

        ``currency`` is what the builder has been given, for the message; ``version`` the API's version it asks for.
        """
        api, operation = self.operation(label)
        if name == ":with":
            CallOptions.parse(value)
        else:
            check_value(api.catalog, operation, name, value, currency, version)

    # -- calls

    def create(self, run: CallingRun, call: Call, arguments: dict[str, Any], options: dict[str, Any] | None) -> None:
        """Send the create operation ``call.name``. Raises ``CallError`` where it is refused at once."""
        api, operation = self.operation(call.name)
        call.again = operation.keyed  # a builder keeps its key
        if call.key is not None:  # a durable run's: the next process makes the same request of it
            arguments = dict(in_order(arguments))
        self._send(run, call, api, operation, arguments, CallOptions.parse(options))

    def operate(self, run: CallingRun, call: Call, args: list[Any]) -> None:
        """Send ``stripe.<…>(path arguments…, params, options)``. Raises ``CallError``."""
        if call.asks is not None:
            self._ask_api(run, call, call.asks)
            return
        api, operation = self.operation(call.name)
        arguments, options = bind(operation, args)
        parsed = CallOptions.parse(options)
        call.again = parsed.idempotency_key is not None
        self._send(run, call, api, operation, dict(in_order(arguments)), parsed)

    def resolve(self, call: Call, arguments: Any) -> None:
        """Read the arguments of ``<api>.request(method, path, params, options)``: the call gets the name of the
        operation it asks for, where the catalog has it. Raises ``InvalidCall``.
        """
        name = call.name.removesuffix(REQUEST)
        api = self.apis.get(name)
        if api is None or api.catalog.operation(REQUEST[1:]) is not None:
            return  # an operation of that very name
        from host.apis.raw_request import RawRequest as AskedOf  # for those that leave the catalog

        call.asks = AskedOf.read(api.catalog, list(arguments or ()), api.base_url)
        call.name = call.asks.label

    def _ask_api(self, run: CallingRun, call: Call, asked: AskedOf) -> None:
        """Send what ``<api>.request`` asks for."""
        api = self.apis[call.name.partition(".")[0]]
        operation, options = asked.operation, asked.options
        call.again = options.idempotency_key is not None
        if asked.keyed and options.idempotency_key is None:
            options = options.keyed(call.key or self._keys.next())
        request = asked.request(api.catalog, options, api.base_url)
        call.beyond = asked.beyond(api.catalog)
        words = asked.words(api.catalog)
        call.pages = words.encode() if words else None
        if asked.known:
            self._dispatch(run, call, api, operation, request)
            return
        call.api, call.operation, call.payload = api, operation, request
        run.permissions.check_raw(api.name, request.mutation, api.is_live, REQUEST[1:])
        if run.meters:
            call.claims = admit(
                run.meters, call.name, request.mutation, account=api.account, raw=True, request=request,
                replayed=run.replaying, counted=self._counted(call),
            )  # fmt: skip
        self._ask(call, request, mutation=request.mutation, function=api.function)

    def page(
        self,
        run: CallingRun,
        call: Call,
        args: list[Any] | None,
        page: Any,
        place: Any = None,
        count: int | None = None,
        again: bool = False,
        most: int | None = None,
    ) -> bool:
        """Send for the page after ``page``, or for that one ``again``; False if there is none. Raises ``CallError``.

        ``args`` are those of the list's call, None for a list inside an object. ``page`` may have its first and last
        item only, of ``count``; ``most`` is how many the first one had, where this is a later one. ``place`` is what
        :meth:`place` gave for it, None of a first page of which there is nothing to say.
        """
        place, link = place or (None, None)
        if call.asks is not None:
            shown = Shown(page, count, most, link)
            return self._page_asked(run, call, call.asks, shown, place, again)
        options: dict[str, Any] = {}
        if args is None:
            found = self._list_inside(call, page)
            if found is None:
                return False
            api, operation, arguments = found
        else:
            api, operation = self.operation(call.name)
            arguments, options = bind(operation, args)
        parsed = CallOptions.parse(options)
        here = {**arguments, **place} if isinstance(place, dict) else arguments
        following: dict[str, Any] | str | None = place if isinstance(place, str) else here
        if not again:
            following = next_page(
                api.catalog, operation, here, Shown(page, count, most, link), base_url=api.base_url, options=parsed
            )
        if following is None:
            return False
        if isinstance(following, str):
            call.place_of_page = following
            request = page_request(
                api.catalog, operation, following, parsed, arguments=arguments, base_url=api.base_url
            )
            self._dispatch(run, call, api, operation, request)
        else:
            call.place_of_page = {k: v for k, v in following.items() if arguments.get(k) != v}
            self._send(run, call, api, operation, following, parsed)
        return True

    def place(self, call: Call) -> Any:
        """Where the page is that a call was answered with: what leads to it, and its ``Link`` header; None where there
        is nothing to say."""
        reply = call.reply
        link = link_of(call.operation, reply.value) if reply is not None and call.operation is not None else None
        return None if link is None and call.place_of_page is None else (call.place_of_page, link)

    def _page_asked(self, run: CallingRun, call: Call, asked: AskedOf, shown: Shown, place: Any, again: bool) -> bool:
        """The same of a list that ``<api>.request`` gave."""
        api = self.apis[call.name.partition(".")[0]]
        following = asked.after(api.catalog, shown, place, api.base_url, again=again)
        if following is None:
            return False
        call.place_of_page = following.place
        self._ask_api(run, call, following)
        return True

    def _list_inside(self, call: Call, page: Any) -> tuple[Api, Operation, dict[str, Any]] | None:
        """The list operation behind a list inside an object, which its ``url`` names; None where it has no more."""
        api = self.apis.get(call.name)
        if api is None or not isinstance(page, dict) or not page.get("has_more"):
            return None
        url = page.get("url")
        found = _operation_at(api.catalog, url.partition("?")[0]) if isinstance(url, str) else None
        if found is None:
            raise UnexpectedAnswer(
                f"{call.name}: a list inside an answer goes on, but where is not told: its url is {shown(url)}"
            )
        call.name = f"{api.name}.{found[0].id}"
        return api, *found

    def function(self, run: CallingRun, call: Call, args: list[Any]) -> bool:
        """Call a registered Python function; True if it has its answer already. Raises ``CallError``."""
        function = self.functions.get(call.name)
        if function is None:
            return self._library(run, call, args)
        if secret_names(args):
            raise InvalidCall(
                f"{call.name}: an opaque secret cannot be given to a function; it has the key itself if it needs it"
            )
        invocation = function.bind(args, run, call.line)
        run.permissions.check_function(call.name, function.effect)
        if run.meters:
            call.claims = admit(run.meters, call.name, False, replayed=run.replaying)
        if function.iterates:
            call.reply = Reply(self._streams.add(run.run_id, function.open(invocation)))
        elif function.inline and call.hold is None:
            call.reply = function.now(invocation)
        else:
            self._ask(call, invocation, mutation=function.mutation)
            return False  # a reply that is there already comes through the run's inbox all the same
        return True

    def _library(self, run: CallingRun, call: Call, args: list[Any]) -> bool:
        found = self.libraries.find(call.name)
        if found is None:
            raise InvalidCall(f"there is no function {call.name}")
        asked = LibraryCall(call.name, args, run.permissions, run.run_id)
        mutation = found.effect_of(asked) == "write"
        seconds = found.seconds(asked) if found.seconds is not None else None
        if mutation and found.key is not None:
            call.web_key = found.key(asked)
            call.again = call.web_key is not None
        run.permissions.check_effect(call.name, mutation)
        keys = secret_names(args)
        for name in keys:  # past the catalog, with an API's key
            api = self.apis.get(name)
            run.permissions.check_raw(name, mutation, api is not None and api.is_live)
        if run.meters:
            call.claims = admit(run.meters, call.name, mutation, raw=bool(keys), replayed=run.replaying)
        if seconds is not None and seconds > self._deadline:
            call.seconds = seconds
        self._know(call.name, found)
        self._ask(call, asked, mutation=mutation)
        return False

    def ask(self, run: CallingRun, name: str, args: list[Any], deliver: Callable[[Reply], None]) -> None:
        """Have a library's function called for the host itself, with what the run may do."""
        found = self.libraries.find(name)
        assert found is not None
        self._know(name, found)
        asked = LibraryCall(name, args, run.permissions, run.run_id)
        self._registry.submit(AsyncRequest(name, asked, monotonic() + self._deadline, deliver, run, True))

    def _know(self, name: str, function: LibraryFunction) -> None:
        if name not in self._registry.functions:
            with contextlib.suppress(UsageError):  # another thread was first
                self._registry.register(name, function.run)

    def next(self, run: CallingRun, call: Call, args: list[Any]) -> None:
        """Ask for the next item of a function's iterator. Raises ``CallError``."""
        step = self._streams.step(run.run_id, args[0] if args else None)
        self._ask(call, step, mutation=False, function="iterator.next")

    def ended(self, run: CallingRun) -> None:
        """A run is over: let the iterators it has open end."""
        self._warned.pop(run.run_id, None)
        for stream in self._streams.end(run.run_id):
            self._registry.submit(AsyncRequest("iterator.close", stream, monotonic() + 5.0, _ignore))
        for left in self.libraries.ended(run.run_id):
            self._registry.submit(AsyncRequest("library.ended", left, monotonic() + 30.0, _ignore, None, True))

    def cancel(self, call: Call) -> None:
        """Give a call up; its reply still comes, once."""
        if call.started and call.reply is None:
            if isinstance(call.payload, Invocation | IteratorStep):
                call.payload.cancel()
            self._registry.cancel(call)

    def _send(
        self,
        run: CallingRun,
        call: Call,
        api: Api,
        operation: Operation,
        arguments: dict[str, Any],
        options: CallOptions,
    ) -> None:
        key = None
        if operation.keyed and options.idempotency_key is None and operation.mutation:
            key = call.key or self._keys.next()
        beyond: Beyond | None = None
        if options.extra or options.api_version is not None or api.catalog.facts.asked_version:
            beyond = beyond_catalog(api.catalog, options)
        files = _files_of(run.permissions) if operation.files else None
        request = prepare(
            api.catalog,
            operation,
            arguments,
            options,
            base_url=api.base_url,
            beyond=beyond,
            key=key,
            read_file=files,
        )
        if beyond is None or not beyond.names:
            self._dispatch(run, call, api, operation, request)
            return
        call.beyond = tuple(beyond.names)
        self._dispatch(run, call, api, operation, request)
        self._note(run, call, beyond)

    def _note(self, run: CallingRun, call: Call, beyond: Beyond) -> None:
        """Say once a run what a call sends unchecked as another version of the API is asked for."""
        said = (call.name, *beyond.names)
        told = self._warned.setdefault(run.run_id, set())
        if beyond.lenient and said not in told and not run.replaying:
            told.add(said)
            names = ", ".join(dict.fromkeys(beyond.names))
            text = f"{call.name}: sent unchecked, as the catalog is of another version of the API: {names}"
            run.emit(Logged(run.run_id, time(), "warn", self._mask(text), call.line))

    def _dispatch(self, run: CallingRun, call: Call, api: Api, operation: Operation, request: Request) -> None:
        call.api, call.operation, call.payload = api, operation, request
        label, mutation = request.operation, request.mutation
        live = self._live.get(label)
        if live is None:
            live = self._live[label] = api.is_live
        run.permissions.check_operation(label, mutation, live)
        if run.meters:
            known = operation if api.name == "stripe" else None  # whose amounts are known
            call.claims = admit(
                run.meters,
                label,
                mutation,
                account=api.account,
                operation=known,
                request=request,
                beyond=call.beyond,
                replayed=run.replaying,
                counted=self._counted(call),
            )
        self._ask(call, request, mutation=mutation, function=api.function)

    def _ask(self, call: Call, payload: Any, *, mutation: bool, function: str | None = None) -> None:
        call.payload, call.mutation, call.function = payload, mutation, function
        call.started = now = monotonic()
        call.deadline = now + (call.seconds or self._deadline)
        try:
            if call.hold is None:
                self._registry.submit(call)
            else:
                call.hold(call)
        except BaseException:
            claims, call.claims = call.claims, ()
            release(claims)
            raise

    def submit(self, call: Call) -> None:
        """Send a call that was held; its deadline counts from now."""
        call.deadline = monotonic() + (call.seconds or self._deadline)
        self._registry.submit(call)

    # -- answers

    def value(self, call: Call) -> Any:
        """The decoded answer of an answered call. Raises its ``CallError``, complete with what is known here."""
        doubt = self._doubts.find(self.key(call)) if self._doubts else None
        try:
            value = self._value(call, doubt)
        except CallError as error:
            self._noted(call, error.outcome)
            raise
        if doubt is not None or call.web_key is not None:
            return self._cleared(call, doubt, value)
        return value

    def _value(self, call: Call, doubt: Doubt | None) -> Any:
        reply = call.reply
        assert reply is not None
        if reply.error is not None:
            if doubt is not None and reply.error.outcome == "not_sent":
                reply.error.outcome = "unknown"  # this one was not, but one before it may have been
            raise self._completed(reply.error, call)
        if call.api is None or call.operation is None:
            return reply.value
        answer: Response = reply.value
        body = self._mask.body(answer.body)
        if body is not answer.body or doubt is not None:  # the API echoed a secret
            answer = msgspec.structs.replace(answer, body=body, in_doubt=answer.in_doubt or doubt is not None)
        try:
            return interpret(call.api.catalog, call.operation, answer)
        except CallError as error:
            if error.attempts is None:
                error.attempts = reply.value.attempts
            raise self._completed(error, call) from None

    # -- changes in doubt

    def key(self, call: Call) -> Key | None:
        """Where the change of a call goes, and its idempotency key; ``None`` without one."""
        request = call.request
        if request is None:
            return call.web_key
        if request.idempotency_key is None or not request.mutation:
            return None
        return origin_of(request.url), request.idempotency_key

    def recall(self, call: Call, reply: Reply | None) -> None:
        """Take note of what a durable run's earlier life knows of a call: how it was answered, or that it was sent and
        nothing more (``None``)."""
        key = self.key(call)
        if key is None:
            return
        if reply is None:
            claims, call.claims = call.claims, ()  # they are the first request's
            self._doubts.note(key, _digest(call.request), claims)
        elif reply.error is None:
            self._doubts.settle(key, reply)
        else:
            self._noted(call, reply.error.outcome, reply)

    def _noted(self, call: Call, outcome: str | None, reply: Reply | None = None) -> None:
        """The script is told an error: its key is in doubt from now on, or no more."""
        key = self.key(call)
        reply = reply or call.reply
        if key is None or reply is None:
            return
        if outcome == "unknown":
            self._doubts.note(key, _digest(call.request), call.claims if keeps(reply) else ())
        elif outcome == "rejected":
            self._doubts.settle(key, _REJECTED)

    def _cleared(self, call: Call, doubt: Doubt | None, value: Any) -> Any:
        """The value of a call whose key was in doubt, or is now: http.* give what is no success as a value too."""
        key, reply = self.key(call), call.reply
        outcome = value.get("outcome") if call.web_key is not None and type(value) is dict else None
        if key is None or reply is None:
            return value
        if outcome == "rejected" and doubt is not None and not settles(_web_answer(value)):
            outcome = "unknown"
            value = {**value, "outcome": outcome}
        if outcome == "unknown":
            self._doubts.note(key, None, ())
        else:
            self._doubts.settle(key, _REJECTED if outcome == "rejected" else reply)
        return value

    def _counted(self, call: Call) -> tuple[Reservation, ...]:
        """What the same request took from budgets when it was sent before, if it is in doubt."""
        doubt = self._doubts.find(self.key(call)) if self._doubts else None
        return doubt.claims if doubt is not None and doubt.digest == _digest(call.request) else ()

    def created(self, call: Call) -> tuple[str | int, bytes] | None:
        """Id and JSON of the object that a call has created, or None: then :meth:`value` tells."""
        reply, api, operation = call.reply, call.api, call.operation
        if reply is None or reply.error is not None or api is None or operation is None:
            return None
        if self._doubts and self._doubts.find(self.key(call)) is not None:
            return None
        answer: Response = reply.value
        body = answer.body
        if self._mask.body(body) is not body:  # the API echoed a secret
            return None
        id = created(api.catalog, operation, answer)
        return (id, body) if id else None

    def _completed(self, error: CallError, call: Call) -> CallError:
        error.operation = call.name
        request = call.request
        if request is not None and request.mutation and error.idempotency_key is None:
            error.idempotency_key = request.idempotency_key
        if error.retryable and error.outcome == "unknown" and not call.again:
            self._advise(error, call)
        return error

    def _advise(self, error: CallError, call: Call) -> None:
        """What the script itself would repeat goes out without this call's key: it might be done twice."""
        if call.request is not None and call.request.method in IDEMPOTENT:
            return
        if call.api is None and self.libraries.has(call.name):
            function = self.libraries.find(call.name)
            if function is not None and function.repeatable is not None and function.repeatable(call.payload):
                return
        error.retryable = False
        if error.idempotency_key is not None and error.hint is None:
            error.hint = (
                "It may have been done. To repeat it and not do it twice, give the same key as a request option: "
                "{idempotency_key = err.idempotency_key}."
            )

    def refused(self, error: CallError, call: Call) -> CallError:
        """An error raised before anything was sent, complete with what is known here."""
        error.operation = call.name
        if error.outcome is None:
            name, _, rest = call.name.partition(".")
            api = self.apis.get(name)
            operation = api.catalog.operation(rest) if api is not None else None
            if operation is not None and operation.mutation:
                error.outcome = "not_sent"
        key = self.key(call) if self._doubts else None
        if key is not None and error.outcome == "not_sent" and self._doubts.find(key) is not None:
            error.outcome, error.idempotency_key = "unknown", key[1]
        return error

    def facts(self, call: Call) -> dict[str, Any]:
        """Method, URL, status, request id, attempts and waiting of an answered call, for its event."""
        request, reply = call.request, call.reply
        if request is None:
            return {}
        found: dict[str, Any] = {"method": request.method, "url": request.url}
        if reply is not None and isinstance(reply.value, Response):
            answer = reply.value
            found.update(status=answer.status, request_id=request_id(answer), attempts=answer.attempts)
            found["waited"] = answer.waited + answer.held
        elif reply is not None and reply.error is not None:
            error = reply.error
            found.update(status=error.status, attempts=error.attempts or 1, waited=error.waited + error.held)
        return found


def _web_answer(value: dict[str, Any]) -> Response:
    """What an http.* call gave, as the answer it was."""
    return Response(value["status"], value["headers"], value["body"])


_REJECTED = Reply(error=CallError("rejected", outcome="rejected"))


def _digest(request: Request | None) -> int | None:
    """By which the same request is known when it is sent again."""
    return None if request is None else hash((request.url, request.headers, request.content))


def _operation_at(catalog: Catalog, path: str) -> tuple[Operation, dict[str, Any]] | None:
    """The list operation that lives at a path such as ``/v1/subscription_items``."""
    steps = path.strip("/").split("/")
    for id in catalog.operation_ids():
        if not id.endswith(".list"):
            continue
        operation = catalog.operation(id)
        assert operation is not None
        wanted = operation.path.strip("/").split("/")
        if len(wanted) != len(steps):
            continue
        names: dict[str, Any] = {}
        for want, have in zip(wanted, steps, strict=True):
            if want.startswith("{"):
                names[want[1:-1]] = have
            elif want != have:
                break
        else:
            return operation, names
    return None


def _ignore(_: Reply) -> None:
    pass


def wrapped(error: Exception, name: str) -> CallError:
    """Any exception as a ``CallError``."""
    if isinstance(error, CallError):
        return error
    found = FunctionError(f"{name}: {error}" if str(error) else f"{name} raised {type(error).__name__}")
    found.type = type(error).__name__
    found.__cause__ = error
    return found


def _files_of(permissions: Permissions) -> Callable[[str], bytes]:
    """What reads the files that a call names by their path."""
    from host.libraries.fs.uploads import read_upload  # for operations that take files only

    return lambda path: read_upload(permissions, path)
