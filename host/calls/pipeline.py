"""The host's side of every call: nothing from a script is trusted before it has passed here.

    check + encode → permission → budget → registry → (worker) → interpret

The pipeline works on the run's thread: it refuses immediately what cannot be sent, and passes on what can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from host.apis.api import Api
from host.apis.catalog import Operation
from host.apis.encode import in_order
from host.apis.options import NO_OPTIONS, CallOptions
from host.apis.prepare import beyond_catalog, bind, prepare
from host.apis.unknown_names import Beyond
from host.bridge.registry import AsyncFunctionRegistry
from host.calls.answers import Answers
from host.calls.api_names import REQUEST, ApiNames
from host.calls.call import Call, CallHandler, CallingRun
from host.calls.function_calls import FunctionCalls
from host.events import Logged
from host.functions.invocation import Invocation
from host.functions.iterators import IteratorStep
from host.http.idempotency import RandomKeys
from host.http.message import Request
from host.libraries.library import Libraries
from host.policy.quota import admit, release
from host.policy.redaction import Redactor

if TYPE_CHECKING:
    from host.apis.raw_request import RawRequest
    from host.functions.functions import Function
    from host.policy.permissions import Permissions

__all__ = ["CallPipeline"]


class CallPipeline:
    """Checks, sends and interprets the calls of all runs of a host. Thread-safe.

    ``functions`` are the registered functions a script may call by name. ``deadline`` is seconds for a whole call.
    ``names`` resolves the names scripts use, ``answers`` interprets replies.
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
        redactor: Redactor | None = None,
        libraries: Libraries | None = None,
    ) -> None:
        self._registry = registry
        self._deadline = deadline
        self._redactor = redactor or Redactor()
        self.apis = apis
        self.functions = functions
        self.libraries = libraries or Libraries()
        self.names = ApiNames(apis, {} if builders is None else builders, default_api)
        self.answers = Answers(apis, self.libraries, self._redactor)
        self.function_calls = FunctionCalls(registry, apis, functions, self.libraries, deadline)
        self._keys = RandomKeys()
        self._warned: dict[str, set[tuple[str, ...]]] = {}  # warnings already logged, by the run's id
        self._live: dict[str, bool] = {}  # whether an operation's API has a live key, by operation

    def create(self, run: CallingRun, call: Call, arguments: dict[str, Any], options: dict[str, Any] | None) -> None:
        """Send the create operation ``call.name``. Raises ``CallError`` if it is refused immediately."""
        api, operation = self.names.operation(call.name)
        call.again = operation.keyed  # a builder keeps its key
        if call.key is not None:  # a durable run's: the next process makes the same request from it
            arguments = dict(in_order(arguments))
        parsed = CallOptions.parse(options) if options else NO_OPTIONS
        self.send_operation(run, call, api, operation, arguments, parsed)

    def operate(self, run: CallingRun, call: Call, args: list[Any]) -> None:
        """Send ``stripe.<…>(path arguments…, params, options)``. Raises ``CallError``."""
        if call.asks is not None:
            self.send_raw(run, call, call.asks)
            return
        api, operation = self.names.operation(call.name)
        arguments, options = bind(operation, args)
        parsed = CallOptions.parse(options)
        call.again = parsed.idempotency_key is not None
        self.send_operation(run, call, api, operation, dict(in_order(arguments)), parsed)

    def resolve(self, call: Call, arguments: Any) -> None:
        """Read the arguments of ``<api>.request(method, path, params, options)``: the call is given the name of the
        operation it asks for, if the catalog has it. Raises ``InvalidCall``.
        """
        name = call.name.removesuffix(REQUEST)
        api = self.apis.get(name)
        if api is None or api.catalog.operation(REQUEST[1:]) is not None:
            return  # an operation of that very name
        from host.apis.raw_request import RawRequest  # for those that leave the catalog

        call.asks = RawRequest.read(api.catalog, list(arguments or ()), api.base_url)
        call.name = call.asks.label

    def send_raw(self, run: CallingRun, call: Call, asked: RawRequest) -> None:
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
            self.send_request(run, call, api, operation, request, options)
            return
        call.api, call.operation, call.payload, call.function = api, operation, request, api.function
        if options.download is not None:
            self._to_file(run, call, request, options)
        call.mutation = request.mutation
        run.job.permissions.check_raw(api.name, request.mutation, api.is_live, REQUEST[1:])
        if run.job.quotas:
            call.reservations = admit(
                run.job.quotas, call.name, request.mutation, account=api.account, raw=True, request=request,
                replayed=run.replaying, counted=self.answers.counted(call),
            )  # fmt: skip
        self.send(call)

    def function(self, run: CallingRun, call: Call, args: list[Any]) -> bool:
        """Call a registered Python function; ``True`` if it has been answered already. Raises ``CallError``."""
        if not self.function_calls.prepare(run, call, args):
            return True
        self.send(call)  # even a reply that is already there goes through the run's inbox
        return False

    def next(self, run: CallingRun, call: Call, args: list[Any]) -> None:
        """Ask for the next item of a function's iterator. Raises ``CallError``."""
        self.function_calls.prepare_next(run, call, args)
        self.send(call)

    def ended(self, run: CallingRun) -> None:
        """A run is over: close what it still has open."""
        self._warned.pop(run.run_id, None)
        self.function_calls.ended(run)

    def cancel(self, call: Call) -> None:
        """Give a call up; its reply still comes, once."""
        if call.started and call.reply is None:
            if call.handler is not None:
                call.handler.cancel(call)
                return
            if isinstance(call.payload, Invocation | IteratorStep):
                call.payload.cancel()
            self._registry.cancel(call)

    def send_operation(
        self,
        run: CallingRun,
        call: Call,
        api: Api,
        operation: Operation,
        arguments: dict[str, Any],
        options: CallOptions,
    ) -> None:
        """Send an operation with these arguments. Raises ``CallError``."""
        beyond: Beyond | None = None
        if options is not NO_OPTIONS or api.catalog.facts.asked_version:
            beyond = beyond_catalog(api.catalog, options)
        key = call.key or self._keys.next() if operation.keyed and options.idempotency_key is None else None
        files = _files_of(run.job.permissions) if operation.files else None
        request = prepare(
            api.catalog, operation, arguments, options, base_url=api.base_url, beyond=beyond, key=key, read_file=files
        )
        if beyond is not None and beyond.names:
            call.beyond = tuple(beyond.names)
        self.send_request(run, call, api, operation, request, options)
        if beyond is not None and beyond.names:
            self._note(run, call, beyond)

    def _note(self, run: CallingRun, call: Call, beyond: Beyond) -> None:
        """Log, once a run, what a call sends unchecked because it asks for another version of the API."""
        said = (call.name, *beyond.names)
        noted = self._warned.setdefault(run.run_id, set())
        if beyond.lenient and said not in noted and not run.replaying:
            noted.add(said)
            names = ", ".join(dict.fromkeys(beyond.names))
            text = f"{call.name}: sent unchecked, as the catalog is of another version of the API: {names}"
            run.emit(Logged(run.run_id, time(), "warn", self._redactor(text), call.line))

    def send_request(
        self,
        run: CallingRun,
        call: Call,
        api: Api,
        operation: Operation,
        request: Request,
        options: CallOptions = NO_OPTIONS,
    ) -> None:
        """Send the request of an operation, if the run is permitted to. Raises ``CallError``."""
        call.api, call.operation, call.payload, call.function = api, operation, request, api.function
        if options.download is not None:
            self._to_file(run, call, request, options)
        label = request.operation
        call.mutation = mutation = request.mutation
        live = self._live.get(label)
        if live is None:
            live = self._live[label] = api.is_live
        run.job.permissions.check_operation(label, mutation, live)
        if run.job.quotas:
            known = operation if api.name == "stripe" else None  # whose amounts the budgets know
            call.reservations = admit(
                run.job.quotas,
                label,
                mutation,
                account=api.account,
                operation=known,
                request=request,
                beyond=call.beyond,
                replayed=run.replaying,
                counted=self.answers.counted(call),
            )
        self.send(call)

    def _to_file(self, run: CallingRun, call: Call, request: Request, options: CallOptions) -> None:
        """Have the answer go to a file, if the run may write it. Raises ``CallError``."""
        from host.calls.downloads import to_file  # for such calls only

        call.payload = to_file(call, request, options, run.job.permissions)
        if options.timeout is not None and options.timeout > self._deadline:
            call.seconds = options.timeout

    def send(self, call: Call) -> None:
        """Submit a prepared call, or hold it; if neither is possible, return what it took from budgets."""
        call.started = now = monotonic()
        call.deadline = now + (call.seconds or self._deadline)
        try:
            if call.hold is None:
                self._registry.submit(call)
            else:
                call.hold(call)
        except BaseException:
            reservations, call.reservations = call.reservations, ()
            release(reservations)
            raise

    def hand_over(self, call: Call, handler: CallHandler) -> None:
        """Pass a call to the handler that answers it in place of the worker, or hold it."""
        call.started, call.handler = monotonic(), handler
        if call.hold is None:
            handler.send(call)
        else:
            call.hold(call)

    def submit(self, call: Call) -> None:
        """Send a call that was held; its deadline counts from now."""
        if call.handler is not None:
            call.handler.send(call)
            return
        call.deadline = monotonic() + (call.seconds or self._deadline)
        self._registry.submit(call)


def _files_of(permissions: Permissions) -> Callable[[str], bytes]:
    """A function that reads the files a call names by their paths."""
    from host.libraries.fs.uploads import read_upload  # for operations that take files only

    return lambda path: read_upload(permissions, path)
