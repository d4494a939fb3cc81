"""A script's call of a Python function, and what the function may know of it."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Any, Literal, Protocol

from host.events import Event, Logged

if TYPE_CHECKING:
    from host.functions.functions import Function

__all__ = ["Emitter", "Invocation", "RunContext"]


class Emitter(Protocol):
    """The run, as far as a function may know it."""

    run_id: str

    def emit(self, event: Event) -> None: ...


class RunContext:
    """What a function knows of the call it serves: a parameter annotated with this class gets it.

    ``run_id``, ``function`` (its name in Lua), ``line`` (of the script, ``None`` where it is not kept),
    ``deadline`` (on :func:`time.monotonic`).
    """

    __slots__ = ("_cancelled", "_run", "deadline", "function", "line", "run_id")

    def __init__(self, run: Emitter | None, function: str, line: int | None, deadline: float) -> None:
        self._run = run
        self._cancelled = False
        self.run_id = run.run_id if run is not None else ""
        self.function = function
        self.line = line
        self.deadline = deadline

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more: the call was cancelled or its deadline has passed.

        An async function with ``effect="read"`` or ``"pure"`` is cancelled itself; a plain one, and one that
        writes, can look here.
        """
        return self._cancelled or monotonic() >= self.deadline

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self.deadline - monotonic())

    def emit(self, event: Event) -> None:
        """Give an event of the run to its sinks."""
        if self._run is not None:
            self._run.emit(event)

    def log(self, text: str, level: Literal["debug", "info", "warn", "error"] = "info") -> None:
        """As the script's own ``log.info(text)``."""
        self.emit(Logged(self.run_id, time(), level, text, self.line))

    def __repr__(self) -> str:
        return f"<RunContext of {self.function} in {self.run_id or 'no run'}>"


class Invocation:
    """A call with its arguments checked, on its way to the function."""

    __slots__ = ("args", "context", "function", "kwargs")

    def __init__(self, function: Function, args: list[Any], kwargs: dict[str, Any], context: RunContext) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.context = context
        signature = function.signature
        if signature.context is not None:
            if len(args) > signature.context_place:
                args.insert(signature.context_place, context)
            else:
                kwargs[signature.context] = context

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.context._cancelled = True

    def __call__(self) -> Any:
        return self.function.target(*self.args, **self.kwargs)
