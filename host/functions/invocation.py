"""A script's call of a Python function, and the context that the function can receive."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Any, Literal, Protocol

from host.events import Event, Logged

if TYPE_CHECKING:
    from host.functions.functions import Function

__all__ = ["Emitter", "Invocation", "RunContext"]


class Emitter(Protocol):
    """The part of a run that a function's context uses."""

    run_id: str

    def emit(self, event: Event) -> None: ...


class RunContext:
    """The context of a call. A parameter annotated with this class receives it.

    ``run_id`` is the run's id, ``function`` the function's name in Lua, ``line`` the script's line (``None`` if lines
    are not tracked) and ``deadline`` the call's deadline on :func:`time.monotonic`.
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
        """Whether the caller no longer waits for the answer: the call was cancelled, or its deadline has passed.

        An async function with ``effect="read"`` or ``"pure"`` is cancelled by the host. A plain function, or one that
        writes, can check this instead.
        """
        return self._cancelled or monotonic() >= self.deadline

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self.deadline - monotonic())

    def emit(self, event: Event) -> None:
        """Send an event to the sinks of the run."""
        if self._run is not None:
            self._run.emit(event)

    def log(self, text: str, level: Literal["debug", "info", "warn", "error"] = "info") -> None:
        """Log ``text``, as the script's own ``log.info(text)`` does."""
        self.emit(Logged(self.run_id, time(), level, text, self.line))

    def __repr__(self) -> str:
        return f"<RunContext of {self.function} in {self.run_id or 'no run'}>"


class Invocation:
    """A call with checked arguments, ready to be made."""

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
        """Note that the caller no longer waits."""
        self.context._cancelled = True

    def __call__(self) -> Any:
        return self.function.target(*self.args, **self.kwargs)
