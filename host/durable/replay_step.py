"""One call or sleep of a durable run, and the digest by which replay detects a different one at the same place."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from host.calls.call import Call
from host.durable.records import Record
from host.lua.values import SecretText

__all__ = ["ReplayStep", "changed", "digest_of", "named"]

_sorted = msgspec.msgpack.Encoder(order="sorted", enc_hook=lambda value: _plain(value)).encode


class ReplayStep:
    """A call or sleep that has no answer yet."""

    __slots__ = (
        "arguments",
        "call",
        "cancelled",
        "digest",
        "id",
        "n",
        "name",
        "path",
        "seconds",
        "sent",
        "timer",
    )

    def __init__(self, id: int, path: str, n: int, name: str, digest: bytes) -> None:
        self.id = id
        self.path = path
        self.n = n
        self.name = name
        self.digest = digest
        self.call: Call | None = None  # None: a sleep
        self.seconds = 0.0
        self.arguments: Any = None
        self.cancelled = False
        self.sent = False  # guarded by the run's lock
        self.timer: Any = None

    def cancel(self) -> None:
        """Stop the timer of a sleep, if it is running."""
        if self.timer is not None:
            self.timer.cancel()


def digest_of(kind: int, name: str, arguments: Any, options: Any) -> bytes:
    """A digest (16 bytes) of a call: equal for calls of the same kind, name, arguments and options."""
    return hashlib.blake2b(_sorted([kind, name, arguments, options]), digest_size=16).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, SecretText):
        return ["secret", *value.parts]
    raise TypeError(type(value).__name__)


def named(record: Record) -> str:
    """A recorded call in words, for the middle of a sentence: it ends with a comma."""
    at = f" of line {record.line}" if record.line is not None else ""
    return f"call {record.n} of task {record.path}, {record.name}{at},"


def changed(record: Record, step: ReplayStep) -> str:
    """How a call differs from the one recorded at its place, in words."""
    where = f"call {record.n} of task {record.path}"
    at = f" (line {record.line})" if record.line is not None else ""
    if record.name != step.name:
        return f"{where} was {record.name}{at} and is now {step.name}"
    return f"{where}, {record.name}{at}, has other arguments than it had"
