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
    │   ├── SignatureError        kind "signature": a webhook that is not proven to be its sender's   exit 1
    │   ├── CancelledCall         kind "cancelled": whoever waited gave up                    exit 1
    │   ├── ClosedError           kind "closed": the host is closed or closing                exit 1
    │   ├── FunctionError         kind "function": raised by a registered function            exit 1
    │   └── OnceError             kind "once": what another run was to do once failed         exit 1
    ├── JournalError              the record of durable runs cannot be read or written        exit 3
    └── ScriptError               a run ended with an error: line, traceback, source, cause

A foreign error (httpx, lupa, sqlite3 …) is translated once, at the border of the package that
imports the library, with ``raise … from``.

``error.message`` is the message alone. What a traceback, a logger or pytest shows has all that is known: the text of
a ScriptError begins with its place, its source lines and every error's hint are notes (PEP 678). All of them can be
pickled.
"""

from __future__ import annotations

import re
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
    "OnceError",
    "ScriptError",
    "SettingsWarning",
    "SignatureError",
    "UnexpectedAnswer",
    "UsageError",
]

Outcome = Literal["not_sent", "rejected", "unknown"]
_HINT = "hint: "


class HostError(Exception):
    """Base of all errors the host raises. ``message`` says what is wrong, and is the error's text but for a
    :class:`ScriptError`.

    ``hint`` is one sentence on what to do next, or ``None``; it is also a note of the exception. ``exit_code`` is
    what the command line ends with when this error is what ended it.
    """

    exit_code: ClassVar[int] = 1
    _hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        if isinstance(message, str) and not message.isascii():
            message = _written(message)
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint

    @property
    def hint(self) -> str | None:
        """What to do next."""
        return self._hint

    @hint.setter
    def hint(self, hint: str | None) -> None:
        if self._hint:
            notes: list[str] = getattr(self, "__notes__", [])
            if (note := _HINT + self._hint) in notes:
                notes.remove(note)
        self._hint = hint
        if hint:
            self.add_note(_HINT + hint)


class UsageError(HostError):
    """A call of the Python API or of the command line that makes no sense."""

    exit_code = 2


class ConfigError(HostError):
    """A setting, a key or a file the host was given cannot be used."""

    exit_code = 3


class CatalogError(ConfigError):
    """An API document or compiled catalog that cannot be used; names the place in it."""


class SettingsWarning(UserWarning):
    """A variable that looks like a setting of the host's and is none: misspelt, as a rule."""


def is_private(name: str) -> bool:
    """Whether the name of a parameter or member says that its value is not to be shown."""
    private = r"(^|_)(secret|password|passwd|token|key|cvc|cvv|pin|number|authorization)(_|$)"
    return re.search(private, name.lower()) is not None


def cut_text(text: str, size: int) -> str:
    """The beginning of a string that is at most ``size`` bytes of UTF-8."""
    return text[:size].encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def text_of(error: BaseException) -> str:
    """What an exception says; its own ``__str__`` may fail, in any way."""
    try:
        return _written(str(error))
    except BaseException as fault:
        return f"its text cannot be shown ({type(fault).__name__})"


def _written(text: str) -> str:
    """A string without lone surrogates (of a file's name that is not UTF-8, say), which no other could hold."""
    return text.encode("utf-8", "backslashreplace").decode()


class CallError(HostError):
    """One call failed. Everything known of it is an attribute; ``facts()`` is what a script sees.

    ``outcome`` is for mutations: ``"not_sent"`` (nothing left this machine), ``"rejected"`` (the API
    said no), ``"unknown"`` (it may have happened). ``retryable`` says whether repeating the same call
    later can help and cannot do the same thing twice.
    """

    kind: ClassVar[str] = "call"
    passing: ClassVar[bool] = False
    """Whether the same call may end differently later, so that a durable run makes it again when it is resumed."""

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
        body: Any = None,
        members: dict[str, Any] | None = None,
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
        self.body = body  # the decoded answer, a string where it is no JSON
        self.members = members or {}  # of the API's own error object
        self.retry_after = retry_after  # seconds, as the server asked (Retry-After)
        self.waited = 0.0  # seconds waited for a rate limit, which the call's deadline does not count
        self.held = 0.0  # seconds waited for a place in flight or a breaker, which it does
        self.began = self.elapsed = 0.0  # when its request was sent (time.monotonic), and seconds until it failed
        self.earlier: tuple[Any, ...] = ()  # the attempts before it (host.http.message.Attempt)

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

    RESERVED: ClassVar[frozenset[str]] = frozenset(
        (*FACTS, "kind", "message", "line", "script", "body", "fatal", "traceback")
    )
    """Fields of an error that are the host's to fill, whatever an API calls its own."""

    def own_facts(self) -> dict[str, Any]:
        """``kind``, ``message`` and what the host knows of it; nothing of what the API answered."""
        found = {name: value for name in self.FACTS if (value := getattr(self, name)) is not None}
        return {"kind": self.kind, "message": self.message, **found}

    def facts(self) -> dict[str, Any]:
        """The fields of the error table a script catches: :meth:`own_facts`, ``body``, and beside them every member of
        the API's own error object whose name is not the host's."""
        found = {**self._theirs(), **self.own_facts()}
        return found if self.body is None else {**found, "body": self.body}

    def brief(self) -> dict[str, Any]:
        """The facts that fit on a line, for those who only watch: no body, nothing nested, no secret of the API's."""
        plain = (str, bool, int, float)
        theirs = {
            name: value
            for name, value in self._theirs().items()
            if isinstance(value, plain) and len(str(value)) <= 300 and not is_private(name)
        }
        return {**theirs, **self.own_facts()}

    def cut(self, size: int) -> dict[str, Any]:
        """The facts with the body as text of at most ``size`` bytes."""
        text = self.body
        if not isinstance(text, str):
            import json  # for what is too large

            text = json.dumps(text, ensure_ascii=False)
        return {**self.brief(), "body": cut_text(text, size)}

    def _theirs(self) -> dict[str, Any]:
        return {name: value for name, value in self.members.items() if name not in self.RESERVED and value is not None}


class ApiError(CallError):
    """The API answered, in its own form, that it refused or failed."""

    kind = "api"
    exit_code = 4


class NetworkError(CallError):
    """No answer came: name resolution, refused or reset connection, TLS."""

    kind = "network"
    passing = True
    exit_code = 4


class UnexpectedAnswer(CallError):
    """An answer came that is not the API's (HTML, empty, truncated, a redirect, too large …)."""

    kind = "unexpected"
    passing = True
    exit_code = 4


class CallTimeout(CallError):
    """The time for the call ran out; ``phase`` is queue, limit, connect, response or run."""

    kind = "timeout"
    passing = True
    exit_code = 5


class LimitError(CallError):
    """A limit of the run or of the host (time, memory, output, calls, tasks, money) was reached.

    ``fatal``: the run ends with it, and no ``pcall`` of the script gets past it.
    """

    kind = "limit"
    passing = True
    exit_code = 5
    fatal: bool = False

    def own_facts(self) -> dict[str, Any]:
        return {**super().own_facts(), "fatal": True} if self.fatal else super().own_facts()


class InvalidCall(CallError):
    """The call was refused before anything was sent: unknown name, wrong type, missing value."""

    kind = "invalid"


class DeniedError(CallError):
    """The host does not grant this; the message names the permission that would."""

    kind = "denied"


class SignatureError(CallError):
    """A webhook's signature does not fit its body, or is too old: nobody knows who sent it."""

    kind = "signature"


class CancelledCall(CallError):
    """Whoever waited for the call has given up."""

    kind = "cancelled"


class ClosedError(CallError):
    """The host is closed or closing."""

    kind = "closed"
    passing = True


class FunctionError(CallError):
    """A registered Python function raised; ``__cause__`` is its exception, ``type`` its class name."""

    kind = "function"


class OnceError(CallError):
    """What another run of the batch was to do ``once`` failed, or was not done to its end."""

    kind = "once"
    passing = True


class JournalError(HostError):
    """The journal of durable runs cannot be read or written, or does not allow what was asked of it."""

    exit_code = 3


class ScriptError(HostError):
    """A run ended with an error. Its text begins with the place: ``pay.lua:12: Your card was declined.``

    ``line`` is the script's line (1-based) or ``None``, ``script`` its name, ``traceback`` the Lua call
    stack as text (innermost first), ``source`` the lines around the fault (a note of the exception), ``cause`` the
    ``CallError`` or exception behind it, ``kind`` the kind of a raised error table (``"error"`` for a plain Lua error,
    ``"syntax"`` for a chunk that does not compile, ``"journal"`` and ``"usage"`` where a durable run of a batch could
    not be recorded or was not what its id stands for), ``facts`` the fields of the error table. Those asked for most
    are attributes: ``status``, ``code``, ``request_id``, ``outcome`` and ``body``, each ``None`` where there is none.
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
        super().__init__(message)
        self.script = script
        self.line = line
        self.traceback = traceback
        self.source = source
        self.kind = kind
        self.facts = facts or {}
        self.cause = cause
        self.__cause__ = cause
        if source:
            self.add_note(source)
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        place = self.place
        said = not place or self.message.startswith(f"{place}:")
        return self.message if said else f"{place}: {self.message}"

    @property
    def place(self) -> str:
        """The script and the line, as ``pay.lua:12``; what is not known is left out."""
        return ":".join(str(part) for part in (self.script, self.line) if part not in ("", None))

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer behind it."""
        return self.facts.get("status")

    @property
    def code(self) -> str | None:
        """The API's own code for what went wrong, such as ``card_declined``."""
        return self.facts.get("code")

    @property
    def request_id(self) -> str | None:
        """The API's id of the request that failed."""
        return self.facts.get("request_id")

    @property
    def outcome(self) -> Outcome | None:
        """Of a change: ``"not_sent"``, ``"rejected"``, or ``"unknown"``: it may have happened."""
        return self.facts.get("outcome")

    @property
    def body(self) -> Any:
        """The answer behind it, decoded; its text where it was not JSON."""
        return self.facts.get("body")

    def __reduce__(self) -> tuple[Any, ...]:
        state = dict(self.__dict__)
        if not _can_be_pickled(self.cause):  # somebody else's exception; its text is in the message
            state["cause"] = None
        return _unpickled, (type(self), self.args, state)

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The command line's status for a run that ended this way."""
        return exit_codes().get(self.kind, 1)


def kinds() -> dict[str, type[CallError]]:
    """Every kind of a failed call, by its name: the list that all others derive from."""
    found: dict[str, type[CallError]] = {}
    waiting: list[type[CallError]] = [CallError]
    while waiting:
        for each in waiting.pop().__subclasses__():
            found.setdefault(each.kind, each)
            waiting.append(each)
    return found


def exit_codes() -> dict[str, int]:
    """What the command line ends with, by the kind of the error that ended the run; 1 for all others."""
    of_calls = {kind: error.exit_code for kind, error in kinds().items()}
    return {**of_calls, "usage": UsageError.exit_code, "journal": JournalError.exit_code, "interrupted": 130}


def _unpickled(kind: type[ScriptError], args: tuple[Any, ...], state: dict[str, Any]) -> ScriptError:
    error = kind(*args)
    error.__dict__.update(state)
    error.__cause__ = error.cause
    return error


def _can_be_pickled(error: BaseException | None) -> bool:
    if error is None:
        return True
    import pickle  # here alone

    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just written
    except Exception:
        return False
    return True
