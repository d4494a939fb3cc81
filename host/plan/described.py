"""A call as a plan describes it: the same when it is planned and when it is applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from host.apis.arguments import bind
from host.calls.call import Call
from host.functions.functions import Function
from host.functions.iterators import IteratorStep
from host.libraries.library import LibraryCall
from host.plan.planned_values import json_plain

__all__ = ["Openings", "described", "is_change", "operation_name"]


def is_change(call: Call, find: Callable[[str], Function | None]) -> bool:
    """Whether a call changes anything, here or elsewhere. ``find`` gives a registered function by its name."""
    if call.mutation or (call.request is not None and call.request.sink is not None):
        return True
    payload = call.payload
    if type(payload) is IteratorStep:
        function = find(payload.stream.invocation.context.function)
        return function is None or function.mutation
    if type(payload) is LibraryCall and payload.name.startswith("http."):  # what it reads goes to a file
        return any(isinstance(each, dict) and each.get("download") is not None for each in payload.args)
    return False


def operation_name(call: Call) -> str:
    """What a call is named by: an item of an iterator by its function."""
    if type(call.payload) is IteratorStep:
        return call.payload.stream.invocation.context.function
    return call.name


class Openings:
    """What the iterators of a run were opened with: their items are asked for by number alone."""

    def __init__(self) -> None:
        self._asked: dict[int, Any] = {}  # by the call's id
        self._opened: dict[Any, Any] = {}  # by the iterator's number
        self._walked: set[Any] = set()

    def asked(self, call: Call, arguments: Any) -> None:
        """A function is called with these arguments."""
        self._asked[call.id] = arguments

    def opened(self, call: Call) -> None:
        """It gave an iterator."""
        arguments = self._asked.pop(call.id, None)
        if call.reply is not None:
            self._opened[call.reply.value] = arguments

    def answered(self, id: int) -> None:
        """It gave a value."""
        self._asked.pop(id, None)

    def of(self, call: Call, arguments: Any) -> Any:
        """The script's arguments of a call, those of an item's being its iterator's."""
        return self._opened.get(arguments[0]) if type(call.payload) is IteratorStep and arguments else arguments

    def is_first(self, call: Call, arguments: Any) -> bool:
        """Whether a call is none for a further item of the same iterator."""
        if type(call.payload) is not IteratorStep or not arguments:
            return True
        first = arguments[0] not in self._walked
        self._walked.add(arguments[0])
        return first


def described(call: Call, arguments: Any, options: Any, redact: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Parameters and request options as a plan holds them, secrets masked."""
    if call.asks is not None and isinstance(arguments, list):
        names = ("method", "path", "params", "options")
        arguments = {name: each for name, each in zip(names, arguments, strict=False) if each is not None}
    elif call.operation is not None and isinstance(arguments, list):
        arguments, options = bind(call.operation, arguments)
    if call.operation is not None and call.asks is None:
        order = {name: place for place, name in enumerate(call.operation.params)}
        arguments = dict(sorted(arguments.items(), key=lambda item: order.get(item[0], len(order))))
    return json_plain(redact(arguments)), json_plain(redact(options)) or None
