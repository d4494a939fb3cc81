"""A plan of several runs in a file, which is written and read run by run, since it may hold tens of thousands.

The file consists of lines of JSON: a header, then a line with the source of each script and a line with the plan of
each run, and at the end the plan's id, which is the digest of all lines before it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from host import arguments
from host.errors import ConfigError, UsageError
from host.plan.plan import Plan
from host.plan.planned_values import kind_and_number, planned_in

__all__ = ["FORMAT", "MOST_CHANGES", "PlanSection", "PlanSet", "PlanTotals", "PlanWriter"]

FORMAT: Final = 2
MOST_CHANGES: Final = 100_000
"""Changes in one plan, since the made-up objects of all its runs are in memory while it is made."""


class PlanSection(msgspec.Struct, frozen=True):
    """One run of the plan: ``number`` counts from 1, ``row`` is the place of its input row (``rows.csv:4``)."""

    number: int
    row: str
    plan: Plan

    @property
    def label(self) -> str:
        """The name shown for it: ``pay.lua (rows.csv:4)``."""
        return f"{self.plan.script} ({self.row})" if self.row else self.plan.script


class PlanTotals(msgspec.Struct):
    """The totals of all runs. ``amounts`` are by currency, in its minor unit."""

    runs: int = 0
    changes: int = 0
    reads: int = 0
    open_amounts: int = 0
    failed: int = 0
    amounts: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, plan: Plan) -> None:
        """Add a run's plan. Raises ``UsageError`` above :data:`MOST_CHANGES`."""
        self.runs += 1
        self.changes += len(plan.changes)
        self.reads += plan.reads
        self.open_amounts += sum(change.open_amount for change in plan.changes)
        self.failed += plan.error is not None
        for currency, amount in plan.amounts.items():
            self.amounts[currency] = self.amounts.get(currency, 0) + amount
        if self.changes > MOST_CHANGES:
            raise UsageError(
                f"the plan has more than {MOST_CHANGES:,} changes, after {self.runs:,} runs",
                hint="plan fewer rows at a time",
            )


class PlanWriter:
    """Writes a plan of several runs to a temporary file, which :meth:`finish` moves to ``path``.

    Use it in a ``with`` statement, which removes the file of a plan that was not finished. Raises ``ConfigError``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(arguments.a_path("path", path))
        self._beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        self._hash = hashlib.blake2b(digest_size=16)
        self._scripts: dict[tuple[str, bytes], int] = {}
        self._made: dict[str, int] = {}  # by kind of planned values, the highest number in earlier runs
        self._shared: set[Any] = set()
        self._begun = False
        try:
            self._file = os.fdopen(os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> PlanWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._beside.unlink(missing_ok=True)

    def add(self, section: PlanSection) -> None:
        """Write one run's plan. Raises ``UsageError`` for one whose script failed."""
        plan = section.plan
        plan.check_complete()
        plan.check_no_script(self._path)
        if not self._begun:
            self._begun = True
            self._line({"format": FORMAT, "base": plan.base, "mode": plan.mode, "account": plan.account})
        key = plan.script, plan.source
        if key not in self._scripts:
            self._scripts[key] = len(self._scripts)
            self._line({"script": plan.script, "folder": plan.folder, "source": plan.source})
        content = msgspec.to_builtins(msgspec.structs.replace(plan, source=b"", error=None))
        for name in ("script", "folder", "source", "base", "mode", "account", "error"):
            del content[name]
        self._line({"run": section.number, "row": section.row, "of": self._scripts[key], **content})
        for each in plan.changes:
            for named in planned_in([each.parameters, each.options]):
                kind, number = kind_and_number(named)
                if number <= self._made.get(kind, 0):
                    self._shared.add(named)
        for kind, number in (kind_and_number(value) for each in plan.changes for value in each.made.values()):
            self._made[kind] = max(number, self._made.get(kind, 0))

    def finish(self) -> None:
        """Write the last line and move the file to its path. Raises ``UsageError`` for a plan without runs."""
        if not self._begun:
            raise UsageError("the plan has no runs, and is not written")
        id = f"plan_{self._hash.hexdigest()}"
        self._line({"id": id, "shared": sorted(self._shared, key=str)})
        try:
            self._file.close()
            os.replace(self._beside, self._path)
        except OSError as error:
            raise self._failed(error) from error

    def _line(self, value: Any) -> None:
        line = msgspec.json.encode(value) + b"\n"
        self._hash.update(line)
        try:
            self._file.write(line)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> ConfigError:
        return ConfigError(f"the plan {self._path} cannot be written: {error.strerror}")


class PlanSet:
    """A plan of several runs in a file. ``base``, ``mode`` and ``account`` identify the API and account.

    ``shared`` are the planned values that one run makes and another uses; ``scripts`` are (name, folder, source).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read the file's header and check its digest. ``UsageError`` if it is missing, not a plan, or changed."""
        self.path = Path(arguments.a_path("path", path))
        self.id = ""
        self.runs = 0
        self.shared: list[str | int] = []
        self.scripts: list[tuple[str, str | None, bytes]] = []
        self.base = self.mode = self.account = ""
        self._digests: list[bytes] = []  # of the lines of runs, to check them when they are read again
        said, whole = "", hashlib.blake2b(digest_size=16)
        for line, value in self._lines():
            if said:
                raise self._no_plan()
            try:
                if "id" in value:
                    said, self.shared, self.id = value["id"], list(value["shared"]), f"plan_{whole.hexdigest()}"
                    continue
                whole.update(line)
                self._take(line, value)
            except (KeyError, TypeError, msgspec.MsgspecError) as error:
                raise self._no_plan() from error
        if not said or said != self.id:
            raise UsageError(
                f"the plan {self.path} was changed since it was made", hint="make a new one with plan --out"
            )

    @staticmethod
    def is_one(path: str | os.PathLike[str]) -> bool:
        """Whether a file begins like a plan of several runs."""
        try:
            with open(path, "rb") as file:
                return file.read(12).startswith(b'{"format":2,')
        except OSError:
            return False

    def sections(self) -> Iterator[PlanSection]:
        """Each run's plan in order, read from the file again. Raises ``UsageError`` if it has changed meanwhile."""
        digests = iter(self._digests)
        for line, value in self._lines():
            if "run" not in value:
                continue
            if _digest(line) != next(digests, None):
                raise UsageError(f"the plan {self.path} was changed while it was being applied")
            number, row = value.pop("run"), value.pop("row")
            script, folder, source = self.scripts[value.pop("of")]
            plan = msgspec.convert(
                {**value, "script": script, "source": "", "base": self.base, "mode": self.mode}, Plan
            )
            plan = msgspec.structs.replace(plan, source=source, folder=folder, account=self.account)
            yield PlanSection(number, row, plan)

    def _take(self, line: bytes, value: dict[str, Any]) -> None:
        if "format" in value:
            if value["format"] != FORMAT:
                raise self._no_plan()
            self.base, self.mode, self.account = value["base"], value["mode"], value["account"]
        elif "run" in value:
            self.runs += 1
            self._digests.append(_digest(line))
        else:
            source = msgspec.convert(value["source"], bytes)
            self.scripts.append((value["script"], value["folder"], source))

    def _lines(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        try:
            with open(self.path, "rb") as file:
                for line in file:
                    yield line, msgspec.json.decode(line, type=dict[str, Any])
        except OSError as error:
            raise UsageError(f"the plan {self.path} cannot be read: {error.strerror}") from error
        except (msgspec.MsgspecError, RecursionError):
            raise self._no_plan() from None

    def _no_plan(self) -> UsageError:
        return UsageError(
            f"{self.path} is not a plan written by this version of luahost, or was changed since it was made"
        )


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).digest()
