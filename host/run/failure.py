"""What ended a run, as a :class:`~host.errors.ScriptError` that says where, why and what next."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from host.errors import ScriptError
from host.nearest_name import nearest_name
from host.run.script import LONG, Script, lines_of
from host.run.shortening import LONGEST
from host.run.sources import Sources

# Patterns are compiled when the first run fails: most commands end without.
_KIND = r"\w{1,40}\Z"
_UNKNOWN = r"attempt to (?:call|index|perform arithmetic on|concatenate|get length of) global '(\w+)' \(a nil value\)"
_ITEM = " (map: item "  # begins what the Lua side adds to a message


def script_error(
    facts: dict[str, Any],
    script: Script,
    causes: Mapping[str, BaseException],
    names: Callable[[], Iterable[str]],
    sources: Sources,
    redact: Callable[[str], str] = str,
) -> ScriptError:
    """The error of a run that ended with ``facts`` (of a raised error table, or made for a plain error).

    ``redact`` hides secrets in the lines of the source that are shown with it.
    """
    message = said = _text(facts.get("message")) or "error"
    kind = str(facts.get("kind") or "error")
    if kind == "host" or not re.match(_KIND, kind):  # a script may raise kinds of its own, but not the host's fault
        kind = "error"
    line, where = facts.get("line"), _text(facts.get("script"))
    at, at_line, message = sources.place(message, where)
    if at is not None:
        where, line = at, at_line
    if message == "not enough memory":
        kind = "limit"
        message = "the script used more than its memory limit"
    line = line if isinstance(line, int) else None
    where = where or script.name
    if line is None and (calls := _text(facts.get("ending_calls"))):
        lines = [int(each) for each in calls[:LONG].split() if re.match(r"[0-9]{1,9}\Z", each)]
        line = sources.ending_call(lines, facts, message)
    hint = facts.get("hint")
    if not isinstance(hint, str):
        hint = _hint(message, sources.hint_at(message, where, line), names, sources.text(where), line)
    if line is not None and kind == "syntax":
        line = sources.habit(message, where, line) or line
    elif line is not None and " (map: item " not in message:
        where, line = sources.tail_call(where, line, facts, message) or (where, line)
    own = {k: v for k, v in facts.items() if k not in ("traceback", "hint", "ending_calls")}
    traceback = _text(facts.get("traceback")) or ""
    if line is not None and traceback.startswith(f"{where}:?: in "):
        traceback = traceback.replace(":?: in ", f":{line}: in ", 1)
    return ScriptError(
        message,
        script=where,
        line=line,
        traceback=traceback,
        source=redact(sources.excerpt(where, line)) if line is not None else "",
        kind=kind,
        facts={**own, "kind": kind, "message": message, **({"line": line} if line is not None else {})},
        cause=_cause(causes, said),
        hint=hint,
    )


def _cause(causes: Mapping[str, BaseException], said: str) -> BaseException | None:
    """The exception behind a message, which may have been cut with what the Lua side added to it."""
    found = causes.get(said.partition(_ITEM)[0])
    if found is None and len(said) > LONGEST:
        begins = said.rpartition("… (")[0]
        found = next((each for key, each in causes.items() if begins and key.rpartition("… (")[0] == begins), None)
    return found


def _text(value: Any) -> str | None:
    """Text, from bytes that may not be UTF-8 too."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _hint(
    message: str, hint: str | None, names: Callable[[], Iterable[str]], source: bytes | None, line: int | None
) -> str | None:
    """What to do about an error of Lua's own, unless its message says it already."""
    if hint is not None:
        return None if hint in message else hint
    unknown = re.match(_UNKNOWN, message)
    if unknown is None:
        return None
    from host.run.unset import declared, near_name, unset_global  # for this hint alone

    rows = lines_of(source) if source is not None and len(source) <= LONG else []
    name = unknown[1]
    own = declared(rows)
    near = near_name(name, list(own)) if name not in own else None
    if near is None and name not in own:
        near = _near(name, names())
    return f'did you mean "{near}"?' if near else unset_global(name, rows, line or 0)


def _near(name: str, names: Iterable[str]) -> str | None:
    return nearest_name(name, names, 0.7)
