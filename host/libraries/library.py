"""What a library is: names for scripts, async functions behind them, and how a call reaches one.

A script's ``http.get(url)`` is Lua that calls the library function ``"http.get"`` by its name. The call pipeline finds
it here, asks for its effect, checks what holds for all (read-only, budgets), and has the worker run it; what a function
may reach it checks itself, against :attr:`LibraryCall.permissions`.
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
    from host.settings import Secret, Settings

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
"""A secret's value, and the origin (``https://api.stripe.com``) it may go to, by the name scripts' values have."""

Effect = Literal["read", "write", "pure"]


def directly(send: Send) -> Send:
    """``send`` itself: nothing stands before it."""
    return send


class LibraryCall(msgspec.Struct, frozen=True):
    """One call: its arguments as the script gave them, and what the run may do.

    ``headers`` are the host's own for requests to where the script's call goes: of the trace it is in.
    """

    name: str
    args: list[Any]
    permissions: Permissions
    run_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def with_own(self, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """``headers`` and the host's own, but those that the script sends itself."""
        if not self.headers:
            return headers
        names = {name.lower() for name, _ in headers}
        return (*headers, *(header for header in self.headers if header[0] not in names))

    def argument(self, place: int, default: Any = None) -> Any:
        """The argument at ``place``, from 0; ``default`` where there is none or nil."""
        found = self.args[place] if place < len(self.args) else None
        return default if found is None else found


class LibraryFunction(msgspec.Struct, frozen=True):
    """``await run(asked, deadline)`` gives plain values or raises ``CallError``.

    ``effect`` is what a call does, or says so from its arguments: ``"write"`` changes something (a call that has begun
    is let finish when its caller gives up), ``"read"`` only looks, ``"pure"`` depends on its arguments alone.
    ``seconds`` gives the time a call asks for, where that is more than the usual. ``key`` gives the origin a change
    goes to and the idempotency key the script gave it; ``repeatable`` says whether it may be repeated without one.
    All run on the script's thread before anything happens and may raise ``InvalidCall``.
    """

    run: Callable[[LibraryCall, float], Awaitable[Any]]
    effect: Effect | Callable[[LibraryCall], Effect] = "write"
    seconds: Callable[[LibraryCall], float | None] | None = None
    key: Callable[[LibraryCall], tuple[str, str] | None] | None = None
    repeatable: Callable[[LibraryCall], bool] | None = None

    def effect_of(self, asked: LibraryCall) -> Effect:
        return self.effect(asked) if callable(self.effect) else self.effect


class Provider(Protocol):
    """A library's functions, made when one is first called; one for each host."""

    @property
    def functions(self) -> Mapping[str, LibraryFunction]: ...

    def ended(self, run_id: str) -> Callable[[], Awaitable[None]] | None:
        """A run is over: what to call on the loop and to await, if the run left anything open."""

    async def aclose(self) -> None:
        """The host closes."""


class BuiltinParts(msgspec.Struct, frozen=True):
    """What a host gives its built-in libraries; ``http`` is for clients of their own, which send ``through`` a
    cassette where there is one."""

    settings: Settings
    http: HttpSettings
    secret_of: SecretOf
    redactor: Redactor
    through: Callable[[Send], Send] = directly


class Library(msgspec.Struct, frozen=True):
    """A library for ``Host.add_library``.

    ``name`` begins the names of its functions: ``functions["convert"]`` of ``"money"`` is ``"money.convert"``.

    ``lua`` is run in the script's own globals when one of ``names`` is first used. It is given a table with
    ``call(name, …)`` (calls a function of this library, waits, gives its value or raises), ``raise{…}`` (an error with
    kind and message, at the script's line) and ``null``, and returns a table with the value of each name.
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
                raise UsageError(f"{what!r} is no name for Lua")
        if not self.names:
            raise UsageError(f"the library {self.name!r} has no names for scripts")


class Libraries:
    """All libraries of a host, by the names of their functions. Thread-safe.

    ``builtin`` are makers of providers by the first part of their functions' names: made when first called.
    """

    def __init__(self, builtin: Mapping[str, Callable[[], Provider]] | None = None) -> None:
        self._makers = dict(builtin or {})
        self._made: dict[str, Provider] = {}
        self._lock = threading.Lock()
        self.globals: dict[str, Library] = {}  # of added libraries, by name

    def add(self, library: Library, taken: Collection[str]) -> None:
        """Raises ``UsageError`` for a name that is in use."""
        with self._lock:
            for name in (library.name, *library.names):
                if name in self.globals or (name == library.name and name in self._makers) or name in taken:
                    raise UsageError(f"the library {library.name!r}: the name {name!r} is taken")
            self._makers[library.name] = lambda: _Added(library)
            self.globals.update(dict.fromkeys(library.names, library))

    def has(self, name: str) -> bool:
        """Whether ``name`` is one of a library's function."""
        return name.partition(".")[0] in self._makers and "." in name

    def find(self, name: str) -> LibraryFunction | None:
        """The function ``http.get``, or ``None``."""
        return self._provider(name.partition(".")[0]).functions.get(name) if self.has(name) else None

    def effect(self, asked: LibraryCall) -> Effect:
        """What a call does. Raises ``InvalidCall`` for one that cannot be made."""
        function = self.find(asked.name)
        if function is None:
            raise InvalidCall(f"there is no function {asked.name}")
        return function.effect_of(asked)

    async def wait(self, left: Callable[[], Awaitable[None]], deadline: float) -> None:
        """What the worker calls for what :meth:`ended` gave."""
        await left()

    def ended(self, run_id: str) -> list[Callable[[], Awaitable[None]]]:
        """What to call on the loop and to await for a run that is over."""
        if not self._made:
            return []
        found = [provider.ended(run_id) for provider in list(self._made.values())]
        return [each for each in found if each is not None]

    async def aclose(self) -> None:
        """Close what was made."""
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
    """The functions of a program's own library."""

    def __init__(self, library: Library) -> None:
        self.functions = {f"{library.name}.{name}": _wrapped(f) for name, f in library.functions.items()}
        self._close = library.close

    def ended(self, run_id: str) -> None:
        return None

    async def aclose(self) -> None:
        if self._close is not None:
            await self._close()


def _wrapped(function: LibraryFunction | Callable[..., Awaitable[Any]]) -> LibraryFunction:
    """A bare async function takes the script's arguments, and writes for all we know."""
    if isinstance(function, LibraryFunction):
        return function

    async def run(asked: LibraryCall, deadline: float) -> Any:
        return await function(*asked.args)

    return LibraryFunction(run)
