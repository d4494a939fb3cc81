"""Libraries: names for scripts, the async functions behind them, and how a call reaches a function.

A script's ``http.get(url)`` is Lua code that calls the library function ``"http.get"`` by its name. The call pipeline
finds the function here, determines its effect, makes the general checks (read-only, budgets), and has the worker run
it. The function itself checks what it may reach, against :attr:`LibraryCall.permissions`.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from host.errors import InvalidCall, UsageError

if TYPE_CHECKING:
    from host.http.message import Send
    from host.http.settings import HttpSettings
    from host.policy.permissions import Permissions
    from host.policy.redaction import Redactor
    from host.secret import Secret
    from host.settings import Settings

__all__ = [
    "BuiltinParts",
    "Effect",
    "Libraries",
    "Library",
    "LibraryCall",
    "LibraryFunction",
    "Provider",
    "SecretOf",
    "directly",
]

SecretOf = Callable[[str], "tuple[Secret | None, str] | None"]
"""Takes the name of a secret; returns its value and the origin (``https://api.stripe.com``) it may be sent to."""

Effect = Literal["read", "write", "pure"]


def directly(send: Send) -> Send:
    """``send`` itself, without a cassette."""
    return send


class LibraryCall(msgspec.Struct, frozen=True):
    """One call: its arguments as the script passed them, and the run's permissions.

    ``headers`` are the host's trace headers, which go with the first request of the call.
    """

    name: str
    args: list[Any]
    permissions: Permissions
    run_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def with_own(self, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """``headers``, and those of the host that the script does not send itself."""
        if not self.headers:
            return headers
        names = {name.lower() for name, _ in headers}
        return (*headers, *(header for header in self.headers if header[0] not in names))

    def argument(self, place: int, default: Any = None) -> Any:
        """The argument at index ``place``, from 0; ``default`` if it is missing or nil."""
        found = self.args[place] if place < len(self.args) else None
        return default if found is None else found


class LibraryFunction(msgspec.Struct, frozen=True):
    """``await run(asked, deadline)`` returns plain values or raises ``CallError``.

    ``effect`` is that of each call, or a function of the call: ``"write"`` changes something (a call that has begun may
    finish after its caller has given up), ``"read"`` only reads, ``"pure"`` depends on its arguments alone. ``seconds``
    returns the timeout that a call asks for. ``key`` returns the origin of a change and the idempotency key that the
    script set; ``repeatable`` says whether the change may be repeated without a key. These functions run on the
    script's thread before the call is submitted, and may raise ``InvalidCall``.
    """

    run: Callable[[LibraryCall, float], Awaitable[Any]]
    effect: Effect | Callable[[LibraryCall], Effect] = "write"
    seconds: Callable[[LibraryCall], float | None] | None = None
    key: Callable[[LibraryCall], tuple[str, str] | None] | None = None
    repeatable: Callable[[LibraryCall], bool] | None = None

    def effect_of(self, asked: LibraryCall) -> Effect:
        return self.effect(asked) if callable(self.effect) else self.effect


class Provider(Protocol):
    """The functions of a library for one host, made when one of them is first called."""

    @property
    def functions(self) -> Mapping[str, LibraryFunction]: ...

    def ended(self, run_id: str) -> Callable[[], Awaitable[None]] | None:
        """Called at the end of a run. Returns a function to await on the loop if the run has left anything open."""

    async def aclose(self) -> None:
        """Called when the host closes."""


class BuiltinParts(msgspec.Struct, frozen=True):
    """What the built-in libraries get from their host. ``http`` are the settings of clients they make, and ``through``
    wraps the sending function of such a client, for a cassette.
    """

    settings: Settings
    http: HttpSettings
    secret_of: SecretOf
    redactor: Redactor
    through: Callable[[Send], Send] = directly


class Library(msgspec.Struct, frozen=True):
    """A library for ``Host.add_library``.

    ``name`` is the prefix of its functions: ``functions["convert"]`` of ``"money"`` is ``"money.convert"``.

    ``lua`` is run in the script's globals when one of ``names`` is first used. Its argument is a table with
    ``call(name, …)``, which calls a function of this library and returns its value or raises; ``raise{…}``, which
    raises an error with kind and message at the script's line; and ``null``. It returns a table with the value of each
    of ``names``.
    """

    name: str
    lua: str
    names: tuple[str, ...]
    functions: Mapping[str, LibraryFunction | Callable[..., Awaitable[Any]]] = msgspec.field(
        default_factory=lambda: MappingProxyType({})
    )
    close: Callable[[], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        for what in (self.name, *self.names, *self.functions):
            if not isinstance(what, str) or not what.isidentifier() or not what.isascii():
                raise UsageError(f"{what!r} is not a name in Lua")
        if not self.names:
            raise UsageError(f"the library {self.name!r} has no names for scripts")


class Libraries:
    """All libraries of a host, by the names of their functions. Thread-safe.

    ``builtin`` maps the prefix of a library's functions to a function that makes its provider with the first call.
    """

    def __init__(self, builtin: Mapping[str, Callable[[], Provider]] | None = None) -> None:
        self._makers = dict(builtin or {})
        self._made: dict[str, Provider] = {}
        self._lock = threading.Lock()
        self.globals: dict[str, Library] = {}  # of added libraries, by name

    def add(self, library: Library, taken: Collection[str]) -> None:
        """Add a library. Raises ``UsageError`` for a name that is in use."""
        with self._lock:
            for name in (library.name, *library.names):
                if name in self.globals or (name == library.name and name in self._makers) or name in taken:
                    raise UsageError(f"the library {library.name!r}: the name {name!r} is taken")
            self._makers[library.name] = lambda: _Added(library)
            self.globals.update(dict.fromkeys(library.names, library))

    def has(self, name: str) -> bool:
        """Whether ``name`` has the form of a library's function."""
        return name.partition(".")[0] in self._makers and "." in name

    def find(self, name: str) -> LibraryFunction | None:
        """The function ``http.get``, or ``None``."""
        return self._provider(name.partition(".")[0]).functions.get(name) if self.has(name) else None

    def effect(self, asked: LibraryCall) -> Effect:
        """The effect of a call. Raises ``InvalidCall`` for a call that cannot be made."""
        function = self.find(asked.name)
        if function is None:
            raise InvalidCall(f"there is no function {asked.name}")
        return function.effect_of(asked)

    async def wait(self, left: Callable[[], Awaitable[None]], deadline: float) -> None:
        """Await a function that :meth:`ended` returned, as the worker's handler."""
        await left()

    def ended(self, run_id: str) -> list[Callable[[], Awaitable[None]]]:
        """The functions to await on the loop at the end of a run."""
        if not self._made:
            return []
        found = [provider.ended(run_id) for provider in list(self._made.values())]
        return [each for each in found if each is not None]

    async def aclose(self) -> None:
        """Close the providers that were made."""
        for provider in list(self._made.values()):
            await provider.aclose()

    def _provider(self, library: str) -> Provider:
        provider = self._made.get(library)
        if provider is None:
            with self._lock:
                provider = self._made.get(library)
                if provider is None:
                    provider = self._made[library] = self._makers[library]()
        return provider


class _Added:
    """The provider of a library that the program has added."""

    def __init__(self, library: Library) -> None:
        self.functions = {f"{library.name}.{name}": _wrapped(f) for name, f in library.functions.items()}
        self._close = library.close

    def ended(self, run_id: str) -> None:
        return None

    async def aclose(self) -> None:
        if self._close is not None:
            await self._close()


def _wrapped(function: LibraryFunction | Callable[..., Awaitable[Any]]) -> LibraryFunction:
    """The library function for a plain async function, which takes the script's arguments and counts as a write."""
    if isinstance(function, LibraryFunction):
        return function

    async def run(asked: LibraryCall, deadline: float) -> Any:
        return await function(*asked.args)

    return LibraryFunction(run)
