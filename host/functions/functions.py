"""Registered Python functions, and how a script's call reaches one.

The arguments are bound on the run's thread, before the call is submitted. The function then runs on the worker's loop
(async), on a thread of the pool (plain), or at once on the run's thread (inline).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

from host import arguments
from host.bridge.request import Reply
from host.bridge.threads import Threads
from host.errors import CallError, FunctionError, UsageError, text_of
from host.functions.invocation import Emitter, Invocation, RunContext
from host.functions.iterators import Stream
from host.functions.signatures import Signature

__all__ = ["Effect", "Function", "check_effect", "check_function"]

Effect = Literal["read", "write", "pure"]
_EFFECTS = ("read", "write", "pure")


class Function:
    """A Python function that scripts call by ``name``.

    ``effect`` says what a call does: ``"write"`` changes something (a call may finish after its caller has given up,
    and its outcome is then unknown), ``"read"`` only reads, ``"pure"`` depends on nothing but its arguments.
    ``inline`` runs a plain function on the run's own thread, without the worker, which suits functions that take
    microseconds and wait for nothing. ``scope`` has further names for annotations that are strings. Raises
    ``UsageError`` for functions that cannot be called from Lua.
    """

    __slots__ = ("_threads", "effect", "inline", "iterates", "name", "signature", "target", "waits")

    def __init__(
        self,
        target: Callable[..., Any],
        name: str,
        threads: Threads,
        *,
        effect: Effect = "write",
        inline: bool = False,
        scope: Mapping[str, Any] | None = None,
    ) -> None:
        check_function(target, name)
        check_effect(effect, name)
        call = target if inspect.isroutine(target) or hasattr(target, "func") else type(target).__call__
        self.target = target
        self.name = name
        self.effect: Effect = effect
        self.inline = inline
        self.waits = inspect.iscoroutinefunction(call)
        self.iterates = inspect.isasyncgenfunction(call) or inspect.isgeneratorfunction(call)
        self.signature = Signature(target, name, RunContext, scope or {})
        self._threads = threads
        if inline and (self.waits or self.iterates):
            raise UsageError(f"{name}: only a plain function can be inline, not an async one or a generator")

    @property
    def mutation(self) -> bool:
        """Whether a call that has begun may finish after its caller has given up."""
        return self.effect == "write"

    def bind(
        self, args: list[Any], run: Emitter | None = None, line: int | None = None, deadline: float = 0.0
    ) -> Invocation:
        """A call with a script's arguments, by position. Raises ``InvalidCall`` naming the first that is wrong."""
        found, kwargs = self.signature.bind(args)
        return Invocation(self, found, kwargs, RunContext(run, self.name, line, deadline))

    def bind_names(self, data: Mapping[str, Any]) -> Invocation:
        """A call with all arguments by name. Raises ``InvalidCall`` as :meth:`bind` does."""
        return Invocation(self, [], self.signature.bind_names(data), RunContext(None, self.name, None, 0.0))

    def open(self, invocation: Invocation) -> Stream:
        """The items of a generator function's call, as a stream."""
        return Stream(invocation, self._threads)

    def now(self, invocation: Invocation) -> Reply:
        """Call an inline function. Returns its value, or the error for the script."""
        try:
            return Reply(invocation())
        except CallError as error:
            return Reply(error=error)
        except BaseException as error:  # a SystemExit, or pytest's Failed: the thread is the host's
            failure = _failed(self, error)
            failure.__cause__ = error
            return Reply(error=failure)

    async def __call__(self, payload: Any, deadline: float) -> Any:
        """Run the function, as the worker's handler. ``deadline`` is on :func:`time.monotonic`."""
        invocation: Invocation = payload
        invocation.context.deadline = deadline
        if self.waits:
            return await invocation()
        if self.iterates:  # called from Python: collect all items
            return await self._listed(invocation)
        value = await self._threads.run(invocation)
        return await value if inspect.isawaitable(value) else value

    async def _listed(self, invocation: Invocation) -> list[Any]:
        stream = self.open(invocation)
        items: list[Any] = []
        try:
            while (found := await stream.item(invocation.context.deadline)) is not None:
                items.append(found[0])
        finally:
            await stream.aclose()
        return items


def check_function(target: Any, name: str) -> None:
    """Raise ``UsageError`` unless ``target`` can be called."""
    if not callable(target):
        raise UsageError(f"{name or 'fn'}: {arguments.shown(target)} is not a function")


def check_effect(effect: Any, name: str) -> None:
    """Raise ``UsageError`` unless ``effect`` is one of the effects."""
    if not isinstance(effect, str) or effect not in _EFFECTS:
        shown = arguments.shown(effect)
        raise UsageError(f"{name}: effect is {shown}; expected one of {', '.join(_EFFECTS)}")


def _failed(function: Function, error: BaseException) -> FunctionError:
    """The error a script gets for an exception of the function."""
    kind = type(error).__name__
    outcome: Literal["unknown"] | None = "unknown" if function.mutation else None
    return FunctionError(f"{function.name} failed: {kind}: {text_of(error)}", type=kind, outcome=outcome)
