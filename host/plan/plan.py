"""A plan: the changes a script would make, in order, and all that is needed to make exactly those."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import msgspec

from host import arguments
from host.errors import ConfigError, ScriptError, UsageError

__all__ = ["Plan", "PlannedChange", "Unforeseen"]

FORMAT: Final = 1
_NO_PLAN = "is not a plan written by this version of luahost"


class PlannedChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change. ``place`` is the line of the script (``pay.lua:12``), ``task`` the path of the script's task.

    ``parameters`` are by name (for a function: a list), ``id`` is that of the object it creates or changes. ``made``
    maps dotted paths in the answer to the planned values there. ``amount`` is in the currency's minor unit;
    ``open_amount`` says that the change moves an amount of money that is not known before it is sent.
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
        """The digest that identifies a change, of its operation, parameters and options."""
        return _digest([operation, parameters, options])


class Unforeseen(msgspec.Struct, frozen=True):
    """Something the plan cannot know, and the place in the script that it concerns."""

    place: str
    text: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The result of ``Host.plan``. ``changes`` are in order; ``error`` is that of the script if it failed.

    ``reads`` is the number of calls that were sent; ``unforeseen`` lists what may differ when the plan is applied.
    ``base``, ``mode`` and ``account`` identify the API and account; ``values`` are the times and seeds that the script
    received.
    """

    script: str
    source: bytes
    made_at: str = ""  # gives a plan that is made again another id, so that it can be applied again
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
        """The known amounts the changes move, by currency, in its minor unit. See ``PlannedChange.open_amount``."""
        found: dict[str, int] = {}
        for change in self.changes:
            if change.amount is not None and change.currency is not None:
                found[change.currency] = found.get(change.currency, 0) + change.amount
        return found

    @property
    def id(self) -> str:
        """A digest of the whole plan. It is also the id of the run that applies the plan."""
        return f"plan_{_digest(self._content())}"

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self, error=None))
        del content["error"]
        return {"format": FORMAT, **content}

    def check_complete(self) -> None:
        """Raise ``UsageError`` if the script failed, since its later changes are not known."""
        if isinstance(self.error, ScriptError):
            raise UsageError(
                f"the script failed while it was planned, so the plan is incomplete: {self.error}",
                hint="fix the script or the data it reads, and plan it again",
            )

    def check_no_script(self, path: str | os.PathLike[str]) -> None:
        """Raise ``UsageError`` if ``path`` is the script itself."""
        if self.folder is not None and Path(path).resolve() == Path(self.folder) / Path(self.script).name:
            raise UsageError(f"{os.fspath(path)} is the script itself; write its plan to another file")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan to a file that only its owner can read. Raises ``UsageError``, ``ConfigError``."""
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
        """Read a plan from a file. Raises ``UsageError`` if the file is missing, is not a plan, or was changed."""
        file = Path(arguments.a_path("path", path))
        try:
            content = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
            said, form = content.pop("id", None), content.pop("format", None)
            if type(form) is not int or form != FORMAT:
                raise UsageError(f"{file} {_NO_PLAN}")
            plan = msgspec.convert(content, cls)
        except OSError as error:
            raise UsageError(f"the plan {file} cannot be read: {error.strerror}") from error
        except (msgspec.MsgspecError, RecursionError) as error:
            raise UsageError(f"{file} {_NO_PLAN}: {error}") from None
        if plan.id != said:
            raise UsageError(f"the plan {file} was changed since it was made", hint="make a new one with plan --out")
        return plan


def _digest(value: Any) -> str:
    import hashlib  # every host imports this module, and few make plans

    return hashlib.blake2b(msgspec.json.encode(value, order="sorted"), digest_size=16).hexdigest()
