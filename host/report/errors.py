"""Errors as text for the person who has to fix them.

payment.lua:12: Your card was declined.

    10 | local intent = new_payment_intent()
    11 |   :amount(2000)
  > 12 | intent:create()
    13 |

  kind api · status 402 · code card_declined
  request req_7Fq…
  hint: …
"""

from __future__ import annotations

import re
from itertools import groupby

from host.errors import HostError, ScriptError

__all__ = ["describe", "printable"]

_FACTS = ("kind", "status", "type", "code", "decline_code", "param", "phase", "operation", "outcome", "attempts")


def describe(error: HostError) -> str:
    """The error as a few lines, without a final line break. For a :class:`ScriptError` with its place,
    the source around it, the facts of the call behind it and the request id."""
    if not isinstance(error, ScriptError):
        return printable(f"{error.message}\nhint: {error.hint}" if error.hint else error.message)
    blocks = [str(error)]
    if error.source:
        blocks.append("\n".join(_cut(f"  {line}".rstrip()) for line in error.source.splitlines()))
    details = _details(error)
    if details:
        blocks.append("\n".join(details))
    return "\n\n".join(printable(block) for block in blocks)


def printable(text: str) -> str:
    """``text`` with tabs as spaces and other control characters as ``?``: output of a script or an API
    must not steer the reader's terminal. Line breaks stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ("  " if c == "\t" else "?") for c in text)


def _details(error: ScriptError) -> list[str]:
    facts = {"kind": error.kind, **error.facts}
    details = []
    if facts["kind"] not in ("error", "syntax"):
        known = [f"{name} {facts[name]}" for name in _FACTS if facts.get(name) is not None]
        details.append("  " + " · ".join(known))
    if facts.get("request_id"):
        details.append(f"  request {facts['request_id']}")
    if facts.get("idempotency_key") and facts.get("outcome") == "unknown":
        details.append(f"  idempotency key {facts['idempotency_key']}")
    calls = [line.strip() for line in error.traceback.splitlines() if line.strip()]
    other_files = {line.partition(":")[0] for line in calls if re.match(r"[^:]+:\d+: ", line)}
    if len(calls) > 2 or len(other_files) > 1:  # one level says no more than the place does
        details += _stack(error.traceback)
    hint = error.hint or facts.get("hint")
    if hint:
        details.append(f"  hint: {hint}")
    return details


def _stack(traceback: str) -> list[str]:
    """The lines of a traceback, repeated ones shown once: infinite recursion has hundreds."""
    lines = ((line, len(list(same))) for line, same in groupby(traceback.splitlines()) if line.strip())
    return [f"  {line.strip()}{f' (and {n - 1} more times)' if n > 1 else ''}" for line, n in lines]


def _cut(line: str) -> str:
    return line if len(line) <= 160 else f"{line[:159]}…"
