"""Every error of the host.

    HostError                     hint, exit_code
    ├── UsageError                a call of the Python API or the command line is wrong       exit 2
    ├── ConfigError               a setting, key or file the host was given is wrong          exit 3
    │   └── CatalogError          an API document that cannot be used
    ├── CallError                 one call a script made failed; its facts are attributes
    │   ├── ApiError              kind "api": the API answered with an error                  exit 4
    │   ├── NetworkError          kind "network": no answer (refused, DNS, TLS, reset)        exit 4
    │   ├── UnexpectedAnswer      kind "unexpected": an answer that is not the API's          exit 4
    │   ├── CallTimeout           kind "timeout": the deadline passed; names the phase        exit 5
    │   ├── LimitError            kind "limit": a limit of the run or host was reached        exit 5
    │   ├── InvalidCall           kind "invalid": refused before it was sent                  exit 1
    │   ├── DeniedError           kind "denied": a permission is missing                      exit 1
    │   ├── CancelledCall         kind "cancelled": whoever waited gave up                    exit 1
    │   ├── ClosedError           kind "closed": the host is closed or closing                exit 1
    │   └── FunctionError         kind "function": raised by a registered function            exit 1
    ├── JournalError              the record of durable runs cannot be read or written        exit 3
    └── ScriptError               a run ended with an error: line, traceback, source, cause

A foreign error (httpx, pyreqwest, lupa, sqlite3 …) is translated once, at the border of the room that
imports the library, with ``raise … from``.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

__all__ = [
    "ApiError",
    "CallError",
    "CallTimeout",
    "CancelledCall",
    "CatalogError",
    "ClosedError",
    "ConfigError",
    "DeniedError",
    "FunctionError",
    "HostError",
    "InvalidCall",
    "JournalError",
    "LimitError",
    "NetworkError",
    "ScriptError",
    "UnexpectedAnswer",
    "UsageError",
]

Outcome = Literal["not_sent", "rejected", "unknown"]


class HostError(Exception):
    """Base of all errors the host raises. ``str(error)`` is the message alone.

    ``hint`` is one sentence on what to do next, or ``None``. ``exit_code`` is what the command line
    ends with when this error is what ended it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HostError):
    """A call of the Python API or of the command line that makes no sense."""

    exit_code = 2


class ConfigError(HostError):
    """A setting, a key or a file the host was given cannot be used."""

    exit_code = 3


class CatalogError(ConfigError):
    """An API document or compiled catalog that cannot be used; names the place in it."""


class CallError(HostError):
    """One call failed. Everything known of it is an attribute; ``facts()`` is what a script sees.

    ``outcome`` is for mutations: ``"not_sent"`` (nothing left this machine), ``"rejected"`` (the API
    said no), ``"unknown"`` (it may have happened). ``retryable`` says whether repeating the same call
    later can help.
    """

    kind: ClassVar[str] = "call"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        attempts: int | None = None,
        operation: str | None = None,
        idempotency_key: str | None = None,
        retryable: bool | None = None,
        outcome: Outcome | None = None,
        phase: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.attempts = attempts
        self.operation = operation
        self.idempotency_key = idempotency_key
        self.retryable = retryable
        self.outcome = outcome
        self.phase = phase
        self.retry_after = retry_after  # seconds, as the server asked (Retry-After)
        self.waited = 0.0  # seconds waited for a rate limit, which the call's deadline does not count
        self.held = 0.0  # seconds waited for a place in flight or a breaker, which it does

    FACTS: ClassVar[tuple[str, ...]] = (
        "status",
        "code",
        "type",
        "param",
        "request_id",
        "attempts",
        "operation",
        "idempotency_key",
        "retryable",
        "outcome",
        "phase",
        "hint",
    )

    def facts(self) -> dict[str, Any]:
        """The fields of the error table a script catches: ``kind``, ``message`` and what is known."""
        found = {name: value for name in self.FACTS if (value := getattr(self, name)) is not None}
        return {"kind": self.kind, "message": self.message, **found}


class ApiError(CallError):
    """The API answered, in its own form, that it refused or failed."""

    kind = "api"
    exit_code = 4


class NetworkError(CallError):
    """No answer came: name resolution, refused or reset connection, TLS."""

    kind = "network"
    exit_code = 4


class UnexpectedAnswer(CallError):
    """An answer came that is not the API's (HTML, empty, truncated, a redirect, too large …)."""

    kind = "unexpected"
    exit_code = 4


class CallTimeout(CallError):
    """The time for the call ran out; ``phase`` is queue, limit, connect, response or run."""

    kind = "timeout"
    exit_code = 5


class LimitError(CallError):
    """A limit of the run or of the host (time, memory, output, calls, tasks, money) was reached.

    ``fatal``: the run ends with it, and no ``pcall`` of the script gets past it.
    """

    kind = "limit"
    exit_code = 5
    fatal: bool = False

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "fatal": True} if self.fatal else super().facts()


class InvalidCall(CallError):
    """The call was refused before anything was sent: unknown name, wrong type, missing value."""

    kind = "invalid"


class DeniedError(CallError):
    """The host does not grant this; the message names the permission that would."""

    kind = "denied"


class CancelledCall(CallError):
    """Whoever waited for the call has given up."""

    kind = "cancelled"


class ClosedError(CallError):
    """The host is closed or closing."""

    kind = "closed"


class FunctionError(CallError):
    """A registered Python function raised; ``__cause__`` is its exception, ``type`` its class name."""

    kind = "function"


class JournalError(HostError):
    """The journal of durable runs cannot be read or written, or does not allow what was asked of it."""

    exit_code = 3


class ScriptError(HostError):
    """A run ended with an error.

    ``line`` is the script's line (1-based) or ``None``, ``script`` its name, ``traceback`` the Lua call
    stack as text (innermost first), ``source`` the lines around the fault, ``cause`` the ``CallError`` or
    exception behind it, ``kind`` the kind of a raised error table (``"error"`` for a plain Lua error,
    ``"syntax"`` for a chunk that does not compile, ``"journal"`` and ``"usage"`` where a durable run of a batch could
    not be recorded or was not what its id stands for), ``facts`` the fields of the error table.
    """

    def __init__(
        self,
        message: str,
        *,
        script: str = "",
        line: int | None = None,
        traceback: str = "",
        source: str = "",
        kind: str = "error",
        facts: dict[str, Any] | None = None,
        cause: BaseException | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.script = script
        self.line = line
        self.traceback = traceback
        self.source = source
        self.kind = kind
        self.facts = facts or {}
        self.cause = cause
        self.__cause__ = cause

    _EXIT: ClassVar[dict[str, int]] = {
        "api": 4,
        "network": 4,
        "unexpected": 4,
        "timeout": 5,
        "limit": 5,
        "usage": UsageError.exit_code,
        "journal": JournalError.exit_code,
        "interrupted": 130,
    }

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The command line's status for a run that ended this way."""
        return self._EXIT.get(self.kind, 1)
