"""The content of a journal: one row for each run, and its records in the order in which they happened.

A run's records are a log without gaps (``seq`` 1, 2, 3 …): it always holds what happened up to some point, never
a selection. Nothing that the script did may be seen outside before everything it did so far is in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec

VERSION: Final = 5
"""Of the tables. A journal of an earlier version is brought up to it, one of a later version is not touched."""

Kind = Literal["sent", "answer", "refused", "late", "value", "resumed", "decided", "once", "real"]
Status = Literal[
    "running", "done", "failed", "interrupted", "cancelled", "stopped", "replaced", "partly undone", "undone"
]


class Record(NamedTuple):
    """One step of a run. ``path`` and ``n``: which call of which task. ``at``: seconds since 1970.

    ============  ============================================================================================
    ``sent``      a call that may change something (or a sleep) is about to start; ``data``: :class:`Sent`
    ``answer``    the reply was given to the script, at this place in the order; ``data``: :class:`RecordedReply`
    ``refused``   a call that a budget did not let through, reported at once; ``data``: :class:`RecordedReply`
    ``late``      a reply nobody waited for any more; ``data``: :class:`RecordedReply`
    ``value``     the host gave the script something that is different each time (``name``); ``data`` is it
    ``resumed``   the run was taken up again from here on; ``n``: the ``seq`` of an answer that counts no more
    ``decided``   what is to become of a call in doubt; ``data``: :class:`Decided`
    ``once``      of a batch, not of a run: see :mod:`host.durable.once_log`
    ``real``      of a plan of several runs: the value in the place of a planned one (``name``); ``data`` is it
    ============  ============================================================================================

    ``digest`` is of the call as the script made it, so that another call in its place is noticed.
    """

    run: str
    seq: int
    kind: str
    path: str = ""
    n: int = 0
    at: float = 0.0
    name: str = ""
    line: int | None = None
    digest: bytes = b""
    data: bytes = b""


class Sent(msgspec.Struct, array_like=True):
    """``key``: the idempotency key. ``seconds``: a sleep's. ``printed``: bytes of output made until now.
    ``arguments``: a change's, for people (:mod:`host.durable.shown_arguments`); journals made before have none."""

    key: str | None = None
    seconds: float | None = None
    printed: int = 0
    arguments: str = ""


class RecordedReply(msgspec.Struct, array_like=True):
    """A reply as it went into Lua (``status``, ``a``, ``b`` of ``LuaState.enter``), and what is known."""

    status: int
    a: bytes | None = None
    b: bytes | None = None
    printed: int = 0
    request_id: str | None = None
    attempts: int = 0


class Decided(msgspec.Struct, array_like=True):
    """What somebody decided about a change whose outcome is unknown.

    ``word`` is skip, repeat or done; ``value`` the answer of a call that was done, as MessagePack, or ``None``.
    ``all``: it was said of all calls in doubt, not of this one by name. ``back_to``: a decision taken back, whose
    answer has this ``seq``; nothing the script got from there on counts any more.
    """

    word: str
    value: bytes | None = None
    all: bool = False
    back_to: int | None = None


class Binding(msgspec.Struct, frozen=True):
    """Where a run's calls go: resuming it anywhere else is refused.

    ``account`` is a fingerprint of the key, never the key. ``mode`` is live, test, simulated or other.
    """

    mode: str
    base: str
    account: str

    def difference(self, here: Binding) -> str | None:
        """The first field that is another one ``here``."""
        return next((name for name in self.__struct_fields__ if getattr(self, name) != getattr(here, name)), None)


class RunRow(msgspec.Struct, frozen=True):
    """One run. ``args`` and ``globals`` are MessagePack, ``owner`` runs it now (until ``lease``)."""

    id: str
    script: str
    source: bytes
    folder: str | None
    args: bytes
    globals: bytes
    base: str
    mode: str
    account: str
    simulator: str | None = None
    generation: int = 1
    status: str = "running"
    created: float = 0.0
    updated: float = 0.0
    owner: str | None = None
    lease: float = 0.0
    printed: int = 0
    calls: int = 0
    value: bytes = b"\xc0"
    error: str | None = None
    exit_status: int | None = None

    @property
    def binding(self) -> Binding:
        """The binding of its calls."""
        return Binding(self.mode, self.base, self.account)


encode = msgspec.msgpack.Encoder().encode
decode_sent = msgspec.msgpack.Decoder(Sent).decode
decode_reply = msgspec.msgpack.Decoder(RecordedReply).decode
decode_decided = msgspec.msgpack.Decoder(Decided).decode

_decode = msgspec.msgpack.Decoder(ext_hook=lambda code, data: None).decode  # opaque values are the script's

FAILED: Final = 1  # the status of an answer that is an error


def check_log(log: Sequence[Record]) -> None:
    """Raises ``ValueError`` naming the first record that cannot be read, and what is wrong with it."""
    for place, record in enumerate(log, 1):
        if record.seq != place:
            raise ValueError(f"record {place} is missing (the next one is record {record.seq})")
        try:
            check_record(record)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            line = f" of line {record.line}" if record.line is not None else ""
            name = f", {record.name}{line}," if record.name else ""
            raise ValueError(f"record {place} ({record.kind}{name}) cannot be read: {error}") from error


def check_record(record: Record) -> None:
    """Raises where the data of a record cannot be read: ``ValueError``, ``TypeError`` or msgspec's errors."""
    data = record.data
    if type(data) is not bytes:
        raise TypeError(f"its data are {type(data).__name__}, not bytes")
    if record.kind == "sent":
        decode_sent(data)
    elif record.kind in ("answer", "refused", "late"):
        reply = decode_reply(data)
        inner = reply.a if reply.b is None or reply.status == FAILED else reply.b
        value = _decode(inner) if type(inner) is bytes else None
        if reply.status == FAILED and not (isinstance(value, dict) and "message" in value):
            raise ValueError("it is an error without a message")
    elif record.kind == "decided":
        decode_decided(data)
    elif record.kind in ("value", "real"):
        msgspec.msgpack.decode(data)
    elif record.kind not in ("resumed", "once"):
        raise ValueError("there is no such kind of record")
