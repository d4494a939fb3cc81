"""The messages between the parent and its worker processes, and their encoding.

A message is a MessagePack array whose first item is the name of its kind. Texts that may not be valid UTF-8 (a
script's output) are sent as bytes. Nothing is pickled, so a child can send only the messages defined here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from host.lua.values import SecretText
from host.remote.job import RemoteJob
from host.remote.limit_messages import Message, ToSource, ToWorker
from host.remote.result import CallFailure, RemoteResult
from host.run.job import Why

_SECRET = 2  # extension type, as in host.lua.values


# -- from the parent


class Open(Message, frozen=True):
    """The first message. ``settings`` includes the key; ``room`` is this child's share of the calls in flight.

    ``options`` are further options of :class:`~host.host.Host`.
    """

    settings: dict[str, Any]
    options: dict[str, Any]
    simulated: bool
    setup: str | None
    watched: bool  # the parent has sinks for events
    detailed: bool  # … and to what is costly to gather
    lines: bool  # … and to which lines are reached
    room: int
    rates: list[str]
    per_host: int | None
    of_apis: list[str]  # the APIs with places in flight of their own


class Client(msgspec.Struct, frozen=True, array_like=True):
    """An :class:`~host.apis.api.OAuth2`, with its secret."""

    client_id: str
    client_secret: str
    token_url: str
    scopes: tuple[str, ...]
    in_body: bool


class Offered(Message, frozen=True):
    """An API available to scripts from now on: its compiled catalog, base URL and keys."""

    catalog: bytes
    base_url: str
    key: str | None
    keys: dict[str, str | Client]


class Source(Message, frozen=True):
    """A script that later runs refer to by ``key``."""

    key: int
    name: bytes
    text: bytes
    folder: bytes | None


class Forget(Message, frozen=True):
    """The script ``key`` will not be used any more."""

    key: int


class StartJob(Message, frozen=True):
    """``env`` is the environment that the run may read."""

    id: int
    run_id: str
    script: int
    job: RemoteJob
    env: dict[str, str]
    watched: bool  # the parent has sinks for the events of this run, possibly of this run alone
    batch: bool  # what it does once, it does for others


class Kill(Message, frozen=True):
    """Ends the run ``id``."""

    id: int
    why: Why


class Answered(Message, frozen=True):
    """The simulator's answer, or the error in its place."""

    id: int
    status: int
    headers: dict[str, str]
    body: bytes
    error: CallFailure | None


class OnceAnswered(Message, frozen=True):
    """The answer to :class:`OnceForwarded`: a result or an error; with neither, the run has to execute it."""

    id: int
    value: bytes | None
    error: CallFailure | None


class StatsRequested(Message, frozen=True):
    """Requests :class:`Health`."""

    id: int


class Close(Message, frozen=True):
    """Ends the child. Calls in flight may finish for ``grace`` seconds."""

    grace: float


# -- from a child


class Ready(Message, frozen=True):
    pass


class Refused(Message, frozen=True):
    """The child cannot work: its host or its setup raised."""

    name: str
    message: str
    hint: str | None


class JobEnded(Message, frozen=True):
    """``output`` is all that the run printed."""

    id: int
    result: RemoteResult
    output: bytes


class Happened(Message, frozen=True):
    """An event: its class and its fields in order."""

    event: str
    fields: list[Any]


class RequestForwarded(Message, frozen=True):
    """A request for the simulator."""

    id: int
    method: str
    url: str
    headers: list[tuple[str, str]]
    content: bytes
    mutation: bool
    credential: str | None
    operation: str
    seconds: float


class OnceForwarded(Message, frozen=True):
    """A request or report of a run about ``once``: ``what`` is ask, done, failed or withdraw (the request ``id``)."""

    id: int
    job: int
    what: str
    key: str
    rest: bytes


class Health(Message, frozen=True):
    """The statistics of the child, in answer to :class:`StatsRequested` with that ``id``."""

    id: int
    stats: dict[str, Any]


FromParent = (
    Open | Offered | Source | Forget | StartJob | Kill | Answered | StatsRequested | Close | OnceAnswered | ToWorker
)
FromChild = Ready | Refused | JobEnded | Happened | RequestForwarded | Health | OnceForwarded | ToSource


def _out(value: Any) -> Any:
    return str(value)  # as events do in JSON: nothing a reader could not take may end a run


def plain(value: Any) -> Any:
    """``value`` with its opaque secrets in the form they cross in; itself where it has none."""
    kind = type(value)
    if kind is SecretText:
        return msgspec.msgpack.Ext(_SECRET, msgspec.msgpack.encode(value.parts))
    if kind is dict and value:
        found: Any = {key: plain(item) for key, item in value.items()}
    elif kind is list and value:
        found = [plain(item) for item in value]
    else:
        return value
    return found


def _in(code: int, data: memoryview) -> Any:
    if code != _SECRET:
        raise ValueError(f"extension {code}")
    return SecretText(tuple(msgspec.msgpack.decode(data, type=list[str])))


_encode = msgspec.msgpack.Encoder(enc_hook=_out).encode
from_parent = msgspec.msgpack.Decoder(FromParent, ext_hook=_in).decode
from_child = msgspec.msgpack.Decoder(FromChild, ext_hook=_in).decode


def to_bytes(message: Message) -> bytes:
    """One message. Half characters of strings that are no UTF-8 become ``?``."""
    try:
        return _encode(message)
    except UnicodeEncodeError:
        cls = type(message)
        return _encode(cls(*(_readable(getattr(message, name)) for name in cls.__struct_fields__)))


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return type(value)(*(_readable(getattr(value, name)) for name in value.__struct_fields__))
    return value
