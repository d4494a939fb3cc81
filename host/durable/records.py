"""The content of a journal: one row for each run, and the run's records in the order in which they happened.

A run's records are a log without gaps (``seq`` 1, 2, 3 …): it holds everything that happened up to some point. No
effect of the script may be seen outside before everything the script did until then is in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec

VERSION: Final = 5
"""The version of the tables. A journal of an earlier version is updated, one of a later version is refused."""

Kind = Literal["sent", "answer", "refused", "late", "value", "resumed", "decided", "once", "real"]
Status = Literal[
    "running", "done", "failed", "interrupted", "cancelled", "stopped", "replaced", "partly undone", "undone"
]


class Record(NamedTuple):
    """One step of a run: call ``n`` of the task ``path``. ``at`` is in seconds since 1970.

    ============  ============================================================================================
    ``sent``      a call that may change something (or a sleep) is about to start; ``data``: :class:`Sent`
    ``answer``    the reply was given to the script, at this place in the order; ``data``: :class:`RecordedReply`
    ``refused``   a budget refused the call, which was reported at once; ``data``: :class:`RecordedReply`
    ``late``      the reply of a call that had been cancelled; ``data``: :class:`RecordedReply`
    ``value``     the host gave the script a value that varies between executions (``name``); ``data``: the value
    ``resumed``   the run was resumed here; ``n``: the ``seq`` of an answer that is no longer valid, or 0
    ``decided``   a decision on a call in doubt; ``data``: :class:`Decided`
    ``once``      belongs to a batch, not to a run: see :mod:`host.durable.once_log`
    ``real``      belongs to a plan of several runs: the real value for a planned one (``name``); ``data``: the value
    ============  ============================================================================================

    ``digest`` is that of the call as the script made it, so that a different call in its place is detected.
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
    """The data of a ``sent`` record.

    ``key`` is the idempotency key, ``seconds`` the length of a sleep, ``printed`` how many bytes the run has printed so
    far. ``arguments`` are those of a change, for display (:mod:`host.durable.shown_arguments`); journals of earlier
    versions have none.
    """

    key: str | None = None
    seconds: float | None = None
    printed: int = 0
    arguments: str = ""


class RecordedReply(msgspec.Struct, array_like=True):
    """A reply as it was passed to Lua (``status``, ``a`` and ``b`` of ``LuaState.enter``), and facts about its request.

    ``printed`` is how many bytes the run had printed.
    """

    status: int
    a: bytes | None = None
    b: bytes | None = None
    printed: int = 0
    request_id: str | None = None
    attempts: int = 0


class Decided(msgspec.Struct, array_like=True):
    """A decision on a change whose outcome is unknown.

    ``word`` is ``skip``, ``repeat`` or ``done``; ``value`` is the answer of a call that was done, as MessagePack, or
    ``None``. ``all`` means that it was made for all calls in doubt, not for this one by name. ``back_to`` is the
    ``seq`` of the answer that an earlier, withdrawn decision gave: answers from there on are no longer valid.
    """

    word: str
    value: bytes | None = None
    all: bool = False
    back_to: int | None = None


class Binding(msgspec.Struct, frozen=True):
    """Where a run's calls go; it cannot be resumed anywhere else.

    ``account`` is a fingerprint of the API keys, never a key. ``mode`` is ``live``, ``test``, ``simulated`` or
    ``other``.
    """

    mode: str
    base: str
    account: str

    def difference(self, here: Binding) -> str | None:
        """The name of the first field that differs from ``here``, or ``None``."""
        return next((name for name in self.__struct_fields__ if getattr(self, name) != getattr(here, name)), None)


class RunRow(msgspec.Struct, frozen=True):
    """One run. ``args``, ``globals`` and ``value`` are MessagePack; ``owner`` runs it, until ``lease`` at least.

    ``created``, ``updated`` and ``lease`` are seconds since 1970.
    """

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

_decode = msgspec.msgpack.Decoder(ext_hook=lambda code, data: None).decode  # the values of secrets are not needed

FAILED: Final = 1  # the status of an answer that is an error


def check_log(log: Sequence[Record]) -> None:
    """Raise ``ValueError`` for the first record that cannot be read, with its number and the reason."""
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
    """Raise ``ValueError``, ``TypeError`` or an error of msgspec if the data of a record cannot be read."""
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
