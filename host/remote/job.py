"""A run as it is sent to the process that executes it: to a worker process through a pipe, to the fleet's in a row.

The script is not included: it is sent once for many runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from host.errors import InvalidCall, UsageError
from host.events import Sink
from host.limits import Limits
from host.lua.values import from_lua, to_lua
from host.policy.budget import Budget
from host.policy.permissions import Permissions
from host.run.options import RunOptions

__all__ = ["NO_TEXTS", "NO_VALUES", "RemoteJob", "narrowed", "narrowing", "packed_texts", "text_in", "text_out"]

NO_TEXTS: Final = b"\x90"  # an empty list and an empty map, as MessagePack
NO_VALUES: Final = b"\x80"


class RemoteJob(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs of a run, encoded.

    ``args`` (a list of texts) and ``globals`` (a map) are MessagePack as :func:`host.lua.values.to_lua` writes it.
    ``options`` is the result of :func:`narrowing`. ``traceparent`` is the span of which the run's span is a child.
    """

    args: bytes = NO_TEXTS
    globals: bytes = NO_VALUES
    options: dict[str, Any] = {}
    traceparent: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The script's arguments."""
        return tuple(each if isinstance(each, str) else text_in(each) for each in from_lua(self.args))

    def run_options(self, own: RunOptions, sinks: Sequence[Sink] = ()) -> RunOptions:
        """The options of the run: ``own``, the result of :func:`narrowed`, with this job's arguments and globals."""
        return replace(own, args=self.texts, globals=self.values, traceparent=self.traceparent, sinks=sinks)

    @property
    def values(self) -> dict[str, Any]:
        """The script's globals."""
        found: dict[str, Any] = from_lua(self.globals)
        return found


def narrowing(
    *,
    timeout: float | None = None,
    limits: Limits | None = None,
    permissions: Permissions | None = None,
    budget: Budget | None = None,
) -> dict[str, Any]:
    """The given options of a run as plain values; the executing process restricts its own options by them."""
    found: dict[str, Any] = {}
    if timeout is not None:
        found["timeout"] = timeout
    if limits is not None:
        found["limits"] = msgspec.structs.asdict(limits)
    if permissions is not None:
        found["permissions"] = _plain(permissions)
    if budget is not None:
        found["budget"] = {k: v for k, v in msgspec.structs.asdict(budget).items() if v is not None}
    return found


def narrowed(plain: Mapping[str, Any]) -> RunOptions:
    """The reverse of :func:`narrowing`.

    Raises ``UsageError``, also for an option that only another version knows: a restriction must not be ignored.
    """
    try:
        return RunOptions(**{name: _READ[name](value) for name, value in plain.items()})
    except (KeyError, TypeError) as error:
        raise UsageError(f"the run is narrowed by what this version of luahost does not know: {error}") from error


def _plain(permissions: Permissions) -> dict[str, Any]:
    """Each level within the next."""
    if permissions.within is None:
        return permissions.plain()
    return {**replace(permissions, within=None).plain(), "within": _plain(permissions.within)}


def _permissions(plain: Mapping[str, Any]) -> Permissions:
    outer = plain.get("within")
    own = {name: value for name, value in plain.items() if name != "within"}
    return Permissions(**own, within=None if outer is None else _permissions(outer))


_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "timeout": float,
    "limits": lambda plain: Limits(**plain),
    "permissions": _permissions,
    "budget": lambda plain: Budget(**plain),
}


def packed_texts(texts: Sequence[str]) -> bytes:
    """Texts as MessagePack, those that stand for bytes which are no UTF-8 too."""
    if not texts:
        return NO_TEXTS
    given = list(texts)
    try:
        return to_lua(given)
    except InvalidCall:
        return to_lua([text_out(each) for each in given])


def text_out(text: str) -> bytes:
    """Text that may hold the lone surrogates of bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def text_in(data: bytes) -> str:
    """The reverse."""
    return data.decode("utf-8", "surrogateescape")
