"""A run as it is given to a host: the script, in any of its forms, and the options it runs with."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, cast

import msgspec
from msgspec.structs import force_setattr

from host import arguments
from host.errors import UsageError
from host.events import Event, Sink
from host.limits import Limits, is_seconds
from host.policy.budget import Budget
from host.policy.permissions import Permissions
from host.run.script import Script
from host.telemetry import checked_traceparent

__all__ = ["RunKeywords", "RunOptions", "ScriptLike", "check_id", "job_of", "script_of"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_UNDO = re.compile(r"(?<=.)\.undo(:\d{1,9})?(\.\d{1,9})?\Z")  # a run's undoing is named after it, however long it is

ScriptLike = str | os.PathLike[str] | Script


class RunKeywords(TypedDict, total=False):
    """The fields of :class:`RunOptions`, as they are written in a call."""

    args: Sequence[str]
    globals: Mapping[str, Any] | None
    timeout: float | None
    limits: Limits | Mapping[str, Any] | None
    permissions: Permissions | Mapping[str, Any] | None
    budget: Budget | Mapping[str, Any] | None
    durable: bool | None
    run_id: str | None
    force_new: bool
    traceparent: str | None
    sinks: Sequence[Sink | Callable[[Event], Any]]


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """``args`` are the script's arguments, ``globals`` values it can use by name; ``timeout`` is seconds for the whole
    run.

    ``limits`` are the host's if ``None``; ``permissions`` narrow the host's, ``budget`` is the run's own.
    ``durable`` records the run; ``run_id`` names it, and has it recorded unless ``durable`` is ``False``;
    ``force_new`` starts a recorded run over. ``traceparent`` is the parent span of the run, if it is not the one
    current in the program. ``sinks`` get this run's events, as well as the host's. Raises
    ``UsageError`` naming the option that is wrong.
    """

    args: Sequence[str] = ()
    globals: Mapping[str, Any] | None = None
    timeout: float | None = None
    limits: Limits | None = None
    permissions: Permissions | None = None
    budget: Budget | None = None
    durable: bool | None = None
    run_id: str | None = None
    force_new: bool = False
    traceparent: str | None = None
    sinks: Sequence[Sink] = ()

    def __post_init__(self) -> None:
        if self.args:
            force_setattr(self, "args", arguments.texts("args", self.args))
        elif self.args != ():
            arguments.texts("args", self.args)
        if self.globals is not None:
            _check_globals(self.globals)
        if self.timeout is not None and not is_seconds(self.timeout):
            raise arguments.wrong("timeout", self.timeout, "seconds above 0, at most a year")
        if self.limits is not None:
            force_setattr(self, "limits", arguments.of_struct("limits", self.limits, Limits))
        if self.permissions is not None:
            force_setattr(self, "permissions", arguments.of_struct("permissions", self.permissions, Permissions))
        if self.budget is not None:
            force_setattr(self, "budget", arguments.of_struct("budget", self.budget, Budget))
        if self.durable is not None or self.run_id is not None or self.force_new is not False:
            self._check_record()
        if self.traceparent is not None or self.sinks != ():
            self._check_watched()

    def _check_watched(self) -> None:
        if self.traceparent is not None:
            checked_traceparent("traceparent", self.traceparent)
        if self.sinks != ():
            force_setattr(self, "sinks", arguments.sinks("sinks", self.sinks))

    def _check_record(self) -> None:
        if self.durable is not None:
            arguments.a_flag("durable", self.durable)
        if self.run_id is not None:
            arguments.an_instance("run_id", self.run_id, str, "a string: the run's id")
            if self.durable is False:
                check_id(self.run_id)
        if arguments.a_flag("force_new", self.force_new) and not self.is_kept:
            raise UsageError("force_new starts a recorded run over: name it with run_id")

    @classmethod
    def of(cls, method: str, keywords: RunKeywords) -> RunOptions:
        """Of the keywords given to ``Host.<method>``; an unknown one raises ``TypeError``, as in any call."""
        try:
            return cls(**cast(Any, keywords))  # as they are given: made fields by __post_init__
        except TypeError:
            unknown = next(name for name in keywords if name not in cls.__struct_fields__)
            raise TypeError(f"Host.{method}() got an unexpected keyword argument {unknown!r}") from None

    @property
    def is_kept(self) -> bool:
        """Whether the run is recorded in the journal."""
        return self.run_id is not None if self.durable is None else self.durable


_SCRIPTS = ("code", "name", "script")
_OPTIONS = RunOptions.__struct_fields__
_NAMES = frozenset((*_SCRIPTS, *_OPTIONS))
_PLAIN = RunOptions()


def script_of(source: ScriptLike, name: str = "script") -> Script:
    """A string is source if it holds a line break, or a space or parenthesis while it names no file.

    Raises ``UsageError`` for a path that cannot be read, or for anything else.
    """
    if isinstance(source, Script):
        return source
    if not isinstance(source, str | os.PathLike) or isinstance(source, type):
        got = arguments.shown(source)
        raise UsageError(f"{name}: a script is a path, Lua source text or a compiled Script; got {got}")
    return Script.of(source) if isinstance(source, str) and _is_code(source) else Script.read(source)


def job_of(job: ScriptLike | Mapping[str, Any]) -> tuple[Script, RunOptions]:
    """A job's script, and how it is to be run. Raises ``UsageError``."""
    if not isinstance(job, Mapping):
        return script_of(job), _PLAIN
    if not job.keys() <= _NAMES or ("script" in job) == ("code" in job):
        options = ", ".join(sorted({"name", *_OPTIONS}))
        got = sorted(map(arguments.shown, job))
        raise UsageError(f"a job has script or code, and may have {options}; got {', '.join(got)}")
    script = script_of(job["script"]) if "script" in job else Script.of(job["code"], job.get("name", "inline"))
    return script, RunOptions(**{name: value for name, value in job.items() if name not in _SCRIPTS})


def _is_code(text: str) -> bool:
    if "\n" in text:
        return True
    return not text.endswith(".lua") and any(sign in text for sign in " (=") and not Path(text).exists()


def check_id(run_id: Any, name: str = "run_id") -> None:
    """Raise ``UsageError`` for what cannot be a run's id."""
    if not isinstance(run_id, str) or not _ID.fullmatch(_UNDO.sub("", run_id)):
        raise UsageError(
            f"{name}: a run's id is 1 to 100 letters, digits and . _ : -, beginning with a letter or digit; "
            f"got {arguments.shown(run_id)}"
        )


def _check_globals(given: Any) -> None:
    """Values that cannot cross to Lua are the run's own error, which says where in them; these are the caller's."""
    for name, value in arguments.mapping("globals", given, "values by their names").items():
        if name in ("_G", "_VERSION"):
            raise UsageError(f"globals: {name} is Lua's own in every run")
        if inspect.isroutine(value) or isinstance(value, type | partial):
            raise UsageError(
                f"globals: {name} is {arguments.shown(value)}, and Python functions are not Lua values",
                hint="Register it with host.function(fn, name=…), under a name that means nothing else yet.",
            )
