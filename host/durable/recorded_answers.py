"""Answers from the journal, in the form in which the session and the budgets expect them."""

from __future__ import annotations

from typing import Any

import msgspec

from host.bridge.request import Reply
from host.calls.call import Call
from host.durable.records import RecordedReply
from host.errors import CallError
from host.http.message import Response
from host.lua import protocol as p
from host.lua.values import from_lua

__all__ = ["Recalled", "reply_of"]


class Recalled:
    """An item for the session's inbox: an answer that arrived too late for the run's previous process."""

    __slots__ = ("a", "b", "id", "status")

    def __init__(self, id: int, status: int, a: bytes | None, b: Any) -> None:
        self.id = id
        self.status = status
        self.a = a
        self.b = b


def reply_of(call: Call, recorded: RecordedReply) -> Reply:
    """The reply of a recorded answer, with as much of it as budgets need."""
    if recorded.status != p.ERROR or recorded.a is None:
        # The answer of a create call from a builder holds the id in ``a`` and the object in ``b``.
        data = recorded.b if call.kind == p.CREATE and recorded.b is not None else recorded.a
        if call.api is None or data is None:
            return Reply()
        return Reply(Response(200, {}, msgspec.json.encode(from_lua(data))))
    facts = from_lua(recorded.a)
    attempts = facts.get("attempts") or 1
    return Reply(error=CallError(facts["message"], outcome=facts.get("outcome"), attempts=attempts))
