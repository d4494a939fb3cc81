"""The messages about calls in doubt, and the answers that decisions on them give the script."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from host.calls.call import Call
from host.durable.history import call_name
from host.durable.journal import Journal
from host.durable.records import Record, decode_sent
from host.errors import CancelledCall, ScriptError
from host.lua import protocol as p
from host.lua.values import encode_plain, from_lua
from host.policy.redaction import Redactor, named_like_a_secret

if TYPE_CHECKING:
    from host.durable.replay_step import ReplayStep
    from host.run.session import Session

__all__ = ["answer_of", "in_doubt_error", "skipped_error"]

_LONGEST: Final = 300  # characters of a call's arguments in a message


def in_doubt_error(
    session: Session, calls: Sequence[tuple[ReplayStep, Record]], journal: Journal, run_id: str
) -> ScriptError:
    """The error with which a run ends until each of these calls has been decided.

    Its facts have ``calls``, a list with for each call its name ``call``, ``operation``, ``line``, idempotency
    ``key``, ``sent`` (seconds since 1970) and ``arguments``, secrets masked.
    """
    script = session.job.script.name
    facts = [_facts(step, sent, session.services.redactor) for step, sent in calls]
    named = ", ".join(f"{each['operation']} ({each['call']})" for each in facts)
    details = "".join(f"\n  {_detail(each, script)}" for each in facts)
    each = " ".join("--in-doubt " + shlex.quote(f"{one['call']}=skip") for one in facts[:3])
    return ScriptError(
        "sent before the run was interrupted, without a recorded answer, and no longer safe to repeat: "
        f"{named}{details}",
        kind="in doubt",
        script=script,
        line=facts[0]["line"],
        facts={"calls": facts},
        hint=f"check whether each was done, then run:  {journal.command('resume', run_id)} {each}"
        f"{' …' if len(facts) > 3 else ''}\n"
        "  with skip (it was done, or is to be left: the script gets an error with the outcome unknown), "
        "repeat (it was not done) or done:JSON (it was, and this is its answer); "
        "--in-doubt skip or --in-doubt repeat decides for all",
    )


def skipped_error(step: ReplayStep, call: Call, journal: Journal, run_id: str) -> CancelledCall:
    """The error that a script gets for a skipped call."""
    name = call_name(step.path, step.n)
    again = shlex.quote(f"{name}=repeat")
    return CancelledCall(
        f"{call.name} was sent before the run was interrupted and is skipped: its outcome is unknown",
        outcome="unknown",
        operation=call.name,
        hint=f"to decide otherwise: {journal.command('resume', run_id)} --in-doubt {again}, "
        "or =done:JSON with its answer",
    )


def answer_of(call: Call, value: bytes | None) -> tuple[bytes | None, bytes | None]:
    """The answer of a call decided as done, in the form that goes into Lua: ``a`` and ``b`` of ``LuaState.enter``."""
    answer: Any = None if value is None else from_lua(value)
    if call.api is not None:
        id_field = call.api.catalog.id_field
        if not isinstance(answer, dict):
            answer = {id_field: answer}
        id = answer.get(id_field)
        if call.kind == p.CREATE:
            return None if id is None else str(id).encode(), encode_plain(answer)
    elif call.name.startswith("http."):
        answer = {"status": 200, "headers": {}, "body": "", **(answer if isinstance(answer, dict) else {})}
    return None if answer is None else encode_plain(answer), None


def _facts(step: ReplayStep, record: Record, redactor: Redactor) -> dict[str, Any]:
    return {
        "call": call_name(step.path, step.n),
        "operation": step.name,
        "line": step.call.line if step.call is not None else record.line,
        "key": decode_sent(record.data).key,
        "sent": record.at,
        "arguments": _redacted(redactor.value(step.arguments)),
    }


def _detail(facts: dict[str, Any], script: str) -> str:
    place = script if facts["line"] is None else f"{script}:{facts['line']}"
    at = datetime.fromtimestamp(facts["sent"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    key = f"idempotency key {facts['key']}" if facts["key"] else "no idempotency key"
    look = (
        "look for that key in the API's request log"
        if facts["key"]
        else "check whether something with these arguments was done at that time"
    )
    return f"{facts['call']}: {place}, {facts['operation']}, sent {at}, {key}, {_text(facts['arguments'])}: {look}"


def _text(arguments: Any) -> str:
    text = json.dumps(arguments, ensure_ascii=False, default=str)
    return f"arguments {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}"


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "[redacted]" if isinstance(name, str) and named_like_a_secret(name) else _redacted(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    return value
