"""What ended a run, as a :class:`~host.errors.ScriptError` that says where, why and what next."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from host.apis.nearest import LONGEST
from host.errors import ScriptError
from host.run.script import Script

# Patterns are compiled when the first run fails: most commands end without.
_AT = r"\A(?P<script>[^\n]*?):(?P<line>\d+): (?P<message>.*)\Z"
_KIND = r"\w{1,40}\Z"
_UNKNOWN = r"attempt to call global '(\w+)' \(a nil value\)"


def script_error(
    facts: dict[str, Any],
    script: Script,
    causes: Mapping[str, BaseException],
    names: Callable[[], Iterable[str]],
    mask: Callable[[str], str] = str,
) -> ScriptError:
    """The error of a run that ended with ``facts`` (of a raised error table, or made for a plain error).

    ``mask`` hides secrets in the lines of the source that are shown with it.
    """
    message = str(facts.get("message") or "error")
    kind = str(facts.get("kind") or "error")
    if kind == "host" or not re.match(_KIND, kind):  # a script may raise kinds of its own, but not the host's fault
        kind = "error"
    line, where = facts.get("line"), facts.get("script")
    found = re.match(_AT, message, re.DOTALL)
    if found is not None and (where is None or found["script"] == where or found["script"] == script.name):
        where, line, message = found["script"], int(found["line"]), found["message"]
    if message == "not enough memory":
        kind = "limit"
        message = "the script used more than its memory limit"
    line = line if isinstance(line, int) else None
    where = where if isinstance(where, str) else script.name
    hint = facts.get("hint")
    unknown = re.search(_UNKNOWN, message)
    if unknown is not None and hint is None:
        hint = _near(unknown[1], names())
    own = {k: v for k, v in facts.items() if k not in ("traceback", "hint")}
    traceback = str(facts.get("traceback") or "")
    if line is not None:
        traceback = traceback.replace(":?: in ", f":{line}: in ", 1)
    return ScriptError(
        message,
        script=where,
        line=line,
        traceback=traceback,
        source=mask(script.lines(line)) if line is not None and where == script.name else "",
        kind=kind,
        facts={**own, "kind": kind, "message": message, **({"line": line} if line is not None else {})},
        cause=causes.get(str(facts.get("message"))),
        hint=hint if isinstance(hint, str) else None,
    )


def _near(name: str, names: Iterable[str]) -> str | None:
    import difflib  # for this hint alone

    near = [] if len(name) > LONGEST else difflib.get_close_matches(name, list(names), 1, 0.7)
    return f'did you mean "{near[0]}"?' if near else None
