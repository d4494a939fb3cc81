"""Describes a call for a plan, in the same way when it is planned and when it is applied."""

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
    """Whether a call changes anything, here or elsewhere. ``find`` returns the registered function of a name."""
    if call.mutation or (call.request is not None and call.request.sink is not None):
        return True
    payload = call.payload
    if type(payload) is IteratorStep:
        function = find(payload.stream.invocation.context.function)
        return function is None or function.mutation
    if type(payload) is LibraryCall and payload.name.startswith("http."):  # a download writes a file
        return any(isinstance(each, dict) and each.get("download") is not None for each in payload.args)
    return False


def operation_name(call: Call) -> str:
    """The name of a call. That of an iterator's item is the function that made the iterator."""
    if type(call.payload) is IteratorStep:
        return call.payload.stream.invocation.context.function
    return call.name


class Openings:
    """The arguments that a run's iterators were opened with, since their items are requested by number alone."""

    def __init__(self) -> None:
        self._asked: dict[int, Any] = {}  # arguments by the call's id
        self._opened: dict[Any, Any] = {}  # arguments by the iterator's number
        self._started: set[Any] = set()  # numbers of iterators of which an item was requested

    def asked(self, call: Call, arguments: Any) -> None:
        """Note the arguments of a call, which may open an iterator."""
        self._asked[call.id] = arguments

    def opened(self, call: Call) -> None:
        """Note that a call has opened an iterator."""
        arguments = self._asked.pop(call.id, None)
        if call.reply is not None:
            self._opened[call.reply.value] = arguments

    def answered(self, id: int) -> None:
        """Note that a call was answered with something else."""
        self._asked.pop(id, None)

    def of(self, call: Call, arguments: Any) -> Any:
        """The script's arguments of a call. Those of an item are the arguments its iterator was opened with."""
        return self._opened.get(arguments[0]) if type(call.payload) is IteratorStep and arguments else arguments

    def is_first(self, call: Call, arguments: Any) -> bool:
        """Whether a call is not for a second or later item of an iterator."""
        if type(call.payload) is not IteratorStep or not arguments:
            return True
        first = arguments[0] not in self._started
        self._started.add(arguments[0])
        return first


def described(call: Call, arguments: Any, options: Any, redact: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The parameters and request options of a call as a plan stores them, with secrets redacted."""
    if call.asks is not None and isinstance(arguments, list):
        names = ("method", "path", "params", "options")
        arguments = {name: each for name, each in zip(names, arguments, strict=False) if each is not None}
    elif call.operation is not None and isinstance(arguments, list):
        arguments, options = bind(call.operation, arguments)
    if call.operation is not None and call.asks is None:
        order = {name: place for place, name in enumerate(call.operation.params)}
        arguments = dict(sorted(arguments.items(), key=lambda item: order.get(item[0], len(order))))
    return json_plain(redact(arguments)), json_plain(redact(options)) or None
