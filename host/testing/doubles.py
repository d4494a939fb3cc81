"""Test doubles of operations and functions, and the worker that answers calls with them.

A call is checked as usual (arguments, permissions, budgets) and reported to the sinks. When it would be submitted to
the worker, a matching double answers instead, and nothing is sent.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from host.bridge.request import AsyncRequest, Reply
from host.bridge.waiting import settle
from host.calls.call import Call
from host.errors import CallError, CancelledCall, FunctionError, LimitError, kinds
from host.events import CallStarted
from host.functions.iterators import IteratorStep
from host.testing.stubbed_answers import DoubleTarget, answer, call_arguments

__all__ = ["Double", "DoubledWorker", "Doubles", "within"]

MOST_WAITING = 200  # calls that wait for Lua functions at the same time
Answer = Callable[[Call, DoubleTarget], Reply]


class Double(msgspec.Struct):
    """``answers`` returns the reply, or is the number of a Lua function of the test that does.

    A double answers calls with the arguments ``wanted``, after the first ``after`` of them, at most ``times`` times.
    """

    target: DoubleTarget
    answers: Answer | int
    after: int = 0
    times: int | None = None
    wanted: Any = None
    seen: int = 0

    def takes(self, arguments: list[Any]) -> bool:
        """Whether this double answers a call. Counts the call."""
        if self.wanted is not None and not fits(self.wanted, arguments):
            return False
        self.seen += 1
        number = self.seen - self.after
        return number > 0 and (self.times is None or number <= self.times)


class Doubles:
    """The doubles of the current test. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._doubles: list[Double] = []
        self._started: dict[tuple[str, int], CallStarted] = {}
        self._calls: dict[int, tuple[Call, DoubleTarget]] = {}  # calls that wait for a Lua function
        self._asked: list[dict[str, Any]] = []
        self._listener: Callable[[dict[str, Any]], None] | None = None
        self._count = 0

    def add(self, double: Double) -> None:
        """Add a double. Later doubles take precedence over earlier ones."""
        with self._lock:
            self._doubles.insert(0, double)

    def clear(self) -> None:
        """Remove all doubles at the end of the test, and cancel the calls that wait for them."""
        with self._lock:
            self._doubles.clear()
            self._started.clear()
            self._asked.clear()
            calls = [call for call, _ in self._calls.values()]
            self._calls.clear()
            listener, self._listener = self._listener, None
        for call in calls:
            call.deliver_error(CancelledCall("the test is over"))
        if listener is not None:
            listener({})

    def started(self, event: CallStarted) -> None:
        """Note the arguments of a call that was started."""
        if self._doubles:
            self._started[event.run_id, event.call_id] = event

    def take(self, request: AsyncRequest) -> bool:
        """Answer a call if a double matches. Returns whether one does."""
        if not self._doubles or type(request) is not Call or isinstance(request.payload, IteratorStep):
            return False
        with self._lock:
            event = self._started.pop((request.source.run_id, request.id), None)
        return self._answer(request, call_arguments(event) if event is not None else [])

    def _answer(self, request: Call, arguments: list[Any]) -> bool:
        with self._lock:
            double = next((d for d in self._doubles if d.target.name == request.name and d.takes(arguments)), None)
        if double is None:
            return False
        if isinstance(double.answers, int):
            self._ask_lua(request, double.target, double.answers, arguments)
        else:
            request.deliver(_replied(double.answers, request, double.target))
        return True

    async def answer_of(self, name: str, arguments: list[Any]) -> Reply | None:
        """The answer of a double of the function ``name``, without the worker; ``None`` if none matches."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Reply] = loop.create_future()
        call = _AskedCall(name, receiver=lambda reply: settle(answered, reply))
        return await answered if self._answer(call, arguments) else None

    def cancel(self, request: AsyncRequest) -> bool:
        """Cancel a call that waits for a Lua function. Returns whether there was one."""
        with self._lock:
            number = next((n for n, (call, _) in self._calls.items() if call is request), None)
            if number is None:
                return False
            call, _ = self._calls.pop(number)
        call.deliver_error(CancelledCall("the call was cancelled"))
        return True

    # -- Lua functions

    def _ask_lua(self, call: Call, target: DoubleTarget, function: int, arguments: list[Any]) -> None:
        with self._lock:
            self._count = number = self._count + 1
            many = len(self._calls) >= MOST_WAITING
            if not many:
                self._calls[number] = (call, target)
                self._asked.append({"call": number, "fn": function, "n": len(arguments), "arguments": arguments})
        if many:
            call.deliver_error(
                LimitError(
                    f"{MOST_WAITING} calls wait for the stub of {target.name}", hint="Does its function call itself?"
                )
            )
        self._pass_on()

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Set the listener for the next call of a Lua function: it gets ``{"call", "fn", "n", "arguments"}``."""
        with self._lock:
            self._listener = listener
        self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            if self._listener is None or not self._asked:
                return
            listener, self._listener = self._listener, None
            asked = self._asked.pop(0)
        listener(asked)

    def answered(self, number: int, ok: bool, value: Any) -> None:
        """Deliver the result of a Lua function for a call, or the facts of its error."""
        with self._lock:
            found = self._calls.pop(number, None)
        if found is None:
            return  # it was cancelled meanwhile
        call, target = found
        call.deliver(_replied(lambda c, t: answer(c, t, value) if ok else Reply(error=_error(value)), call, target))


class _AskedCall(Call, eq=False):
    """A call whose reply goes to its own receiver rather than to its run."""

    def deliver(self, reply: Reply) -> None:
        assert self.receiver is not None
        self.receiver(reply)


class DoubledWorker:
    """The worker of a host, with the doubles in front of it."""

    def __init__(self, worker: Any, doubles: Doubles) -> None:
        self._worker = worker
        self._doubles = doubles

    def submit(self, request: AsyncRequest) -> None:
        """As :meth:`host.bridge.worker.AsyncWorker.submit`."""
        if not self._doubles.take(request):
            self._worker.submit(request)

    def cancel(self, request: AsyncRequest) -> None:
        """As :meth:`host.bridge.worker.AsyncWorker.cancel`."""
        if not self._doubles.cancel(request):
            self._worker.cancel(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker, name)


def fits(wanted: Any, arguments: list[Any]) -> bool:
    """Whether a call has these arguments. A list is compared item by item, a table with any one of the arguments, and
    any other value with the first.
    """
    if isinstance(wanted, list):
        return len(wanted) <= len(arguments) and all(map(within, wanted, arguments))
    if isinstance(wanted, dict):
        return any(isinstance(each, dict) and within(wanted, each) for each in arguments)
    return bool(arguments) and within(wanted, arguments[0])


def within(wanted: Any, value: Any) -> bool:
    """Whether ``value`` contains all of ``wanted``."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        return all(name in value and within(each, value[name]) for name, each in wanted.items())
    if isinstance(wanted, list) and isinstance(value, list):
        return len(wanted) <= len(value) and all(map(within, wanted, value))
    return bool(wanted == value)


def _replied(answers: Answer, call: Call, target: DoubleTarget) -> Reply:
    try:
        return answers(call, target)
    except CallError as error:
        return Reply(error=error)


def _error(facts: Any) -> CallError:
    """The error of a call, from the one that a Lua function raised."""
    given: dict[str, Any] = facts if isinstance(facts, dict) else {"message": str(facts)}
    kind = kinds().get(str(given.get("kind")), FunctionError)
    plain = {name: given[name] for name in CallError.FACTS if name in given}
    known = {"kind", "message", "line", "script", *CallError.FACTS}
    members = {name: value for name, value in given.items() if name not in known}
    return kind(str(given.get("message") or "error"), members=members, **plain)
