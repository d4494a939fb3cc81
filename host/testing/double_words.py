"""The host's side of ``stub`` and ``fail`` in Lua tests."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from host import arguments
from host.apis.nearest import meant
from host.errors import InvalidCall, UsageError
from host.functions.functions import Function
from host.functions.invocation import RunContext
from host.host import Host
from host.testing.doubles import Double, DoubledWorker, Doubles
from host.testing.made_failures import COUNTS, failing
from host.testing.stubbed_answers import DoubleTarget, answer, check_value, target_of

__all__ = ["DoubleWords"]


class DoubleWords:
    """The doubles of a host's runs. ``words`` are the functions of a test, by name."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._pipeline = host._services.pipeline
        self._doubles = Doubles()
        self.started = self._doubles.started
        self.listen = self._doubles.listen
        host.registry.attach(DoubledWorker(host._engine.worker, self._doubles))  # type: ignore[arg-type]
        self.words: dict[str, Callable[..., Any]] = {
            "stub": self._stub,
            "fail": self._fail,
            "answered": self._answered,
            "clear": self._doubles.clear,
        }

    def _stub(self, name: str, given: Mapping[str, Any], options: Any = None) -> None:
        """``given`` is ``{"value": …}``, or ``{"fn": number}`` for a Lua function of the test."""
        target = self._target("stub", name)
        counts = _counts("stub", options or {}, COUNTS)
        if "fn" in given:
            self._doubles.add(Double(target, int(given["fn"]), **counts))
            return
        value = given.get("value")
        check_value(target, value)
        self._doubles.add(Double(target, lambda call, target: answer(call, target, value), **counts))

    def _fail(self, name: str, options: Any = None) -> None:
        target = self._target("fail", name)
        given: Any = options or {}
        if not isinstance(given, dict):
            raise InvalidCall(f'fail("{name}", …) expects a table such as {{status = 500}}')
        answers = failing(target, given)
        self._doubles.add(Double(target, answers, **_counts("fail", given, None)))

    def _answered(self, number: int, ok: bool, value: Any = None) -> None:
        self._doubles.answered(number, ok, value)

    def _target(self, word: str, name: Any) -> DoubleTarget:
        if not isinstance(name, str) or not name:
            raise InvalidCall(f'{word} expects a name such as "stripe.charges.create", got {arguments.shown(name)}')
        if self._host._worker_processes is not None:
            raise UsageError(f"{word} needs the test's scripts in this process: remove processes from lua_host_options")
        try:
            target = target_of(self._pipeline, name)
        except InvalidCall as error:
            error.message = f"{word}: {error.message}"
            raise
        if target.kind == "function":
            self._open_function(name)
        return target

    def _open_function(self, name: str) -> None:
        """Route the calls of a function through the doubles, which those of inline functions and generators bypass."""
        function = self._pipeline.functions[name]
        if not function.inline and not function.iterates:
            return
        opened = copy.copy(function)
        opened.inline = False
        if function.iterates:
            opened.target = self._walked(function)
        self._host._functions.by_name[name] = opened

    def _walked(self, function: Function) -> Callable[..., AsyncIterator[Any]]:
        """A generator of a double's items, or else of the function's own."""

        async def items(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            given = [each for each in args if not isinstance(each, RunContext)]
            found = await self._doubles.answer_of(function.name, given)
            if found is None:
                made = function.target(*args, **kwargs)
                if hasattr(made, "__aiter__"):
                    async for item in made:
                        yield item
                else:
                    for item in made:
                        yield item
                return
            if found.error is not None:
                raise found.error
            if not isinstance(found.value, list | dict) or (isinstance(found.value, dict) and found.value):
                raise InvalidCall(f"stub: {function.name} is a generator: its stub is a list of items")
            for item in found.value:
                yield item

        return items


def _counts(word: str, given: Any, known: tuple[str, ...] | None) -> dict[str, Any]:
    """The options ``after``, ``times`` and ``with``, as the fields of a double."""
    if not isinstance(given, dict):
        raise InvalidCall(f"{word}: the options are a table of {', '.join(COUNTS)}")
    for name in given if known is not None else ():
        if name not in COUNTS:
            raise InvalidCall(
                f"{word}: there is no option {name}; expected one of {', '.join(COUNTS)}{meant(name, COUNTS)}"
            )
    for name, least in (("times", 1), ("after", 0)):
        value = given.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise InvalidCall(f"{word}: {name} is {arguments.shown(value)}; expected a whole number from {least}")
    return {"after": given.get("after") or 0, "times": given.get("times"), "wanted": given.get("with")}
