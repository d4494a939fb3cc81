"""Calls of registered functions and of libraries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from host.apis.api import Api
from host.bridge.registry import AsyncFunctionRegistry
from host.bridge.request import AsyncRequest, Reply
from host.calls.call import Call, CallingRun
from host.errors import InvalidCall, UsageError
from host.functions.iterators import Streams
from host.libraries.library import Libraries, LibraryCall, LibraryFunction
from host.policy.policy import secret_names
from host.policy.quota import admit

if TYPE_CHECKING:
    from host.functions.functions import Function

__all__ = ["FunctionCalls"]


class FunctionCalls:
    """Checks calls of functions and prepares what the functions are given. ``deadline`` is seconds for a whole call."""

    def __init__(
        self,
        registry: AsyncFunctionRegistry,
        apis: Mapping[str, Api],
        functions: Mapping[str, Function],
        libraries: Libraries,
        deadline: float,
    ) -> None:
        self._registry = registry
        self._apis = apis
        self._functions = functions
        self._libraries = libraries
        self._deadline = deadline
        self._streams = Streams()

    def prepare(self, run: CallingRun, call: Call, args: list[Any]) -> bool:
        """Prepare the call of a function; ``False`` if it has been answered already. Raises ``CallError``."""
        function = self._functions.get(call.name)
        if function is None:
            return self._library(run, call, args)
        if secret_names(args):
            raise InvalidCall(
                f"{call.name}: an opaque secret cannot be given to a function; it has the key itself if it needs it"
            )
        invocation = function.bind(args, run, call.line)
        run.job.permissions.check_function(call.name, function.effect)
        if run.job.quotas:
            call.reservations = admit(run.job.quotas, call.name, False, replayed=run.replaying)
        if function.iterates:
            call.reply = Reply(self._streams.add(run.run_id, function.open(invocation)))
            return False
        if function.inline and call.hold is None:
            call.reply = function.now(invocation)
            return False
        call.payload, call.mutation = invocation, function.mutation
        return True

    def _library(self, run: CallingRun, call: Call, args: list[Any]) -> bool:
        found = self._libraries.find(call.name)
        if found is None:
            raise InvalidCall(f"there is no function {call.name}")
        asked = LibraryCall(call.name, args, run.job.permissions, run.run_id)
        mutation = found.effect_of(asked) == "write"
        seconds = found.seconds(asked) if found.seconds is not None else None
        if mutation and found.key is not None:
            call.web_key = found.key(asked)
            call.again = call.web_key is not None
        run.job.permissions.check_effect(call.name, mutation)
        keys = secret_names(args)
        for name in keys:  # keys of APIs, used without the catalog
            api = self._apis.get(name)
            run.job.permissions.check_raw(name, mutation, api is not None and api.is_live)
        if run.job.quotas:
            call.reservations = admit(run.job.quotas, call.name, mutation, raw=bool(keys), replayed=run.replaying)
        if seconds is not None and seconds > self._deadline:
            call.seconds = seconds
        self._know(call.name, found)
        call.payload, call.mutation = asked, mutation
        return True

    def ask(self, run: CallingRun, name: str, args: list[Any], deliver: Callable[[Reply], None]) -> None:
        """Call a library's function on the host's own behalf, with the permissions of the run."""
        found = self._libraries.find(name)
        assert found is not None
        self._know(name, found)
        asked = LibraryCall(name, args, run.job.permissions, run.run_id)
        self._registry.submit(AsyncRequest(name, asked, monotonic() + self._deadline, deliver, run, True))

    def _know(self, name: str, function: LibraryFunction) -> None:
        if name not in self._registry.functions:
            with contextlib.suppress(UsageError):  # another thread was first
                self._registry.register(name, function.run)

    def prepare_next(self, run: CallingRun, call: Call, args: list[Any]) -> None:
        """Prepare the call for the next item of a function's iterator. Raises ``CallError``."""
        call.payload, call.function = self._streams.step(run.run_id, args[0] if args else None), "iterator.next"

    def ended(self, run: CallingRun) -> None:
        """A run is over: close the iterators it still has open."""
        for stream in self._streams.end(run.run_id):
            self._registry.submit(AsyncRequest("iterator.close", stream, monotonic() + 5.0, _ignore))
        for left in self._libraries.ended(run.run_id):
            self._registry.submit(AsyncRequest("library.ended", left, monotonic() + 30.0, _ignore, None, True))


def _ignore(_: Reply) -> None:
    pass
