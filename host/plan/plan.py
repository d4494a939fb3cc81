"""A plan: what a script would change, in order, with what it takes to make just that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import msgspec

from host import arguments
from host.errors import ConfigError, ScriptError, UsageError

__all__ = ["Plan", "PlannedChange", "Unforeseen"]

FORMAT: Final = 1
_NO_PLAN = "is no plan that this version of luahost wrote"


class PlannedChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change. ``place`` is where the script makes it (``pay.lua:12``), ``task`` which of its tasks does.

    ``parameters`` are by name (a list for a function's), ``id`` is of the object it makes or is about. ``made`` are the
    values of the answer that stand for the API's, by their dotted path. ``amount`` is in the currency's minor unit;
    ``open_amount`` says that it moves money and that the amount is not known before it is sent.
    """

    operation: str
    place: str
    task: str
    parameters: Any = None
    options: Any = None
    id: str | int | None = None
    made: dict[str, str | int] = {}
    amount: int | None = None
    currency: str | None = None
    open_amount: bool = False
    digest: str = ""

    @classmethod
    def digest_of(cls, operation: str, parameters: Any, options: Any) -> str:
        """By which a change is known: of its operation and all it gives."""
        return _digest([operation, parameters, options])


class Unforeseen(msgspec.Struct, frozen=True):
    """What the plan cannot know, and where."""

    place: str
    text: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What ``Host.plan`` gives. ``changes`` are in their order; ``error`` is how the script failed, if it did.

    ``reads`` counts the calls that were sent, ``unforeseen`` says what may come otherwise. ``base``, ``mode`` and
    ``account`` say where the changes go; ``values`` are the times and seeds the script was given.
    """

    script: str
    source: bytes
    made_at: str = ""  # so that the same plan made again is another, which is applied again
    folder: str | None = None
    args: tuple[str, ...] = ()
    globals: bytes = b""
    base: str = ""
    mode: str = ""
    account: str = ""
    changes: tuple[PlannedChange, ...] = ()
    reads: int = 0
    unforeseen: tuple[Unforeseen, ...] = ()
    values: tuple[tuple[str, bytes], ...] = ()
    error: Any = None

    @property
    def amounts(self) -> dict[str, int]:
        """What the changes move, by currency, in its minor unit. See ``PlannedChange.open_amount`` for the rest."""
        found: dict[str, int] = {}
        for change in self.changes:
            if change.amount is not None and change.currency is not None:
                found[change.currency] = found.get(change.currency, 0) + change.amount
        return found

    @property
    def id(self) -> str:
        """Of all it says: the same plan has the same one. The run that applies it is named after it."""
        return f"plan_{_digest(self._content())}"

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self, error=None))
        del content["error"]
        return {"format": FORMAT, **content}

    def check_complete(self) -> None:
        """Raise ``UsageError`` for a plan whose script failed: nobody knows what comes behind that."""
        if isinstance(self.error, ScriptError):
            raise UsageError(
                f"the script failed while it was planned, so the plan has no end: {self.error}",
                hint="mend the script or what it reads, and plan it again",
            )

    def check_no_script(self, path: str | os.PathLike[str]) -> None:
        """Raise ``UsageError`` where a plan would be written over its script."""
        if self.folder is not None and Path(path).resolve() == Path(self.folder) / Path(self.script).name:
            raise UsageError(f"{os.fspath(path)} is the script itself; write its plan to another file")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file that only its owner can read. Raises ``UsageError``, ``ConfigError``."""
        self.check_complete()
        file = arguments.a_path("path", path)
        self.check_no_script(file)
        text = msgspec.json.format(msgspec.json.encode({"id": self.id, **self._content()}), indent=2)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as out:
                out.write(text + b"\n")
        except OSError as error:
            raise ConfigError(f"the plan {os.fspath(path)} cannot be written: {error.strerror}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """The plan of a file. Raises ``UsageError`` for one that is not there, is no plan, or was changed."""
        file = Path(arguments.a_path("path", path))
        try:
            content = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
            said, form = content.pop("id", None), content.pop("format", None)
            if form != FORMAT:
                raise UsageError(f"{file} {_NO_PLAN}")
            plan = msgspec.convert(content, cls)
        except OSError as error:
            raise UsageError(f"the plan {file} cannot be read: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise UsageError(f"{file} {_NO_PLAN}: {error}") from None
        if plan.id != said:
            raise UsageError(f"the plan {file} was changed since it was made", hint="make it anew with plan --out")
        return plan


def _digest(value: Any) -> str:
    import hashlib  # every host knows of plans, few make one

    return hashlib.blake2b(msgspec.json.encode(value, order="sorted"), digest_size=16).hexdigest()
