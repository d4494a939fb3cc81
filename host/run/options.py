"""What a host is told of a run: the script, in any of its forms, and how to run it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from host.errors import UsageError
from host.run.script import Script

if TYPE_CHECKING:
    from host.gate.budget import Budget
    from host.gate.permissions import Permissions
    from host.limits import Limits

__all__ = ["RunKeywords", "RunOptions", "ScriptLike", "job_of", "script_of"]

ScriptLike = str | os.PathLike[str] | Script


class RunKeywords(TypedDict, total=False):
    """The fields of :class:`RunOptions`, as they are written in a call."""

    args: Sequence[str]
    globals: Mapping[str, Any] | None
    timeout: float | None
    limits: Limits | None
    permissions: Permissions | None
    budget: Budget | None
    durable: bool
    run_id: str | None
    force_new: bool


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """``args`` are the script's own, ``globals`` values it has by name; ``timeout`` is seconds for the whole run.

    ``limits`` are those of the host where ``None``; ``permissions`` narrow the host's, ``budget`` is the run's own.
    ``durable`` records the run, ``run_id`` names such a run, ``force_new`` starts it over.
    """

    args: Sequence[str] = ()
    globals: Mapping[str, Any] | None = None
    timeout: float | None = None
    limits: Limits | None = None
    permissions: Permissions | None = None
    budget: Budget | None = None
    durable: bool = False
    run_id: str | None = None
    force_new: bool = False

    @classmethod
    def of(cls, method: str, keywords: RunKeywords) -> RunOptions:
        """Of the keywords given to ``Host.<method>``; one it does not have is a ``TypeError``, as in any call."""
        try:
            return cls(**keywords)
        except TypeError:
            unknown = next(name for name in keywords if name not in cls.__struct_fields__)
            raise TypeError(f"Host.{method}() got an unexpected keyword argument {unknown!r}") from None

    @property
    def is_kept(self) -> bool:
        """Whether the run is recorded in the journal."""
        return self.durable or self.run_id is not None


_SCRIPTS = ("code", "name", "script")
_OPTIONS = RunOptions.__struct_fields__
_NAMES = frozenset((*_SCRIPTS, *_OPTIONS))
_PLAIN = RunOptions()


def script_of(source: ScriptLike) -> Script:
    """A text is source if it holds a line break, or a space or parenthesis while it names no file.

    Raises ``UsageError`` for a path that cannot be read, or for anything else.
    """
    if isinstance(source, Script):
        return source
    if not isinstance(source, str | os.PathLike):
        raise UsageError(f"a script is a path, Lua source text or a compiled Script; got {source!r}")
    return Script.of(source) if isinstance(source, str) and _is_code(source) else Script.read(source)


def job_of(job: ScriptLike | Mapping[str, Any]) -> tuple[Script, RunOptions]:
    """A job's script, and how it is to be run. Raises ``UsageError``."""
    if not isinstance(job, Mapping):
        return script_of(job), _PLAIN
    if not job.keys() <= _NAMES or ("script" in job) == ("code" in job):
        options = ", ".join(sorted({"name", *_OPTIONS}))
        raise UsageError(f"a job has script or code, and may have {options}; got {sorted(job)}")
    script = script_of(job["script"]) if "script" in job else Script.of(job["code"], job.get("name", "inline"))
    return script, RunOptions(**{name: value for name, value in job.items() if name not in _SCRIPTS})


def _is_code(text: str) -> bool:
    if "\n" in text:
        return True
    return not text.endswith(".lua") and any(sign in text for sign in " (=") and not Path(text).exists()
