"""The run of one file of Lua tests.

The file runs as a script on a host and a simulator of its own, on a thread. It reports its tests, then asks
which to run next (``lua/spec.lua``), so its state stays between tests; whoever wants a test run waits for its
end and meanwhile answers what the test asks for (fixtures, calls made so far).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from host.bridge.waiting import settle
from host.errors import HostError, ScriptError, UsageError
from host.events import CallStarted, Event, Printed
from host.host import Host
from host.run.script import RunResult, Script
from host.testing.cases import Fixtures, LuaTest, Outcome, failure
from host.testing.clock_words import ClockWords
from host.testing.double_words import DoubleWords
from host.testing.stubbed_answers import call_arguments

HARNESS = "luahost/spec.lua"
_POLL = 10.0  # seconds the Lua side waits in one call, below any deadline of a call


class Running:
    """A file's run, from its first line to its end."""

    def __init__(
        self, path: Path, name: str, limit: float, options: Mapping[str, Any], seed: int | None = None
    ) -> None:
        self.path = path
        self.name = name
        self.limit = limit
        self.options = options
        self._seed = seed
        self.tests: list[LuaTest] = []
        self._messages: SimpleQueue[Any] = SimpleQueue()
        self._tickets: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self._waiting = 0  # the ticket of the request for the next test
        self._calls: list[CallStarted] = []
        self._output: list[str] = []
        self._ended: RunResult | HostError | None = None
        self._host = Host(**{**self.options, "sinks": (*self.options.get("sinks", ()), self)})
        self._host.function(self._asked, name="luahost_ask")
        self._doubles = DoubleWords(self._host)
        self._words = {**self._doubles.words, **ClockWords(self._host).words}
        self._tape = self._host._tape
        if self._tape is not None:
            self._tape.goes_on = True
        self._thread = threading.Thread(target=self._main, name="lua-tests", daemon=True)

    # -- called on other threads, for the file

    def emit(self, event: Event) -> None:
        """A sink that records calls and output of the current test."""
        if isinstance(event, CallStarted):
            if event.operation != "luahost_ask":
                self._calls.append(event)
                self._doubles.started(event)
        elif isinstance(event, Printed):
            self._output.append(event.text)

    def _main(self) -> None:
        result: RunResult | HostError
        try:
            source = self.path.read_bytes()
            script = Script(HARNESS, _lua("spec.lua"), self.path.parent)
            given = {"path": self.name, "source": source, "limit": self.limit, "seed": self._seed}
            given["taped"] = self._tape is not None
            given.update({name: _lua(f"{name}.lua") for name in ("assertions", "doubles", "clock", "deliver")})
            result = self._host.run(script, globals={"luahost_spec": given})
        except OSError as error:
            result = UsageError(f"{self.name} cannot be read: {error.strerror}")
        except HostError as error:
            result = error
        self._messages.put(("over", 0, (result,)))

    async def _asked(self, kind: str, *details: Any) -> dict[str, Any]:
        """``luahost_ask(kind, …)`` in Lua: the answer, or a ticket with which to ask again."""
        at_once = self._words.get(kind)
        if at_once is not None:
            return _said(at_once, details)
        if kind == "more":
            ticket = int(details[0])
            future = self._tickets[ticket]
        else:
            self._next = ticket = self._next + 1
            future = self._tickets[ticket] = asyncio.get_running_loop().create_future()
            if kind == "stubbed":
                self._doubles.listen(lambda call: self._answer(ticket, call))
            else:
                self._messages.put((kind, ticket, details))
        await asyncio.wait([future], timeout=_POLL)
        if not future.done():
            return {"ticket": ticket}
        del self._tickets[ticket]
        answer: dict[str, Any] = future.result()
        return answer

    # -- called by the runner

    def begin(self) -> None:
        """Load the file and find its tests. Raises ``ScriptError``."""
        self._thread.start()
        (listed,) = self._serve("ready", Fixtures())
        self.tests = [
            LuaTest(i, tuple(map(str, each["names"])), each["line"], bool(each.get("pending")))
            for i, each in enumerate(listed)
        ]
        self._output.clear()

    def run(self, test: LuaTest, fixtures: Fixtures, later: Iterable[LuaTest]) -> Outcome:
        """Run one test. Raises ``ScriptError`` if the whole run ended with it."""
        self._calls.clear()
        self._output.clear()
        if self._tape is not None:
            self._tape.unrecorded.clear()
            self._tape.begin_test(test.name)
        self._answer(self._waiting, {"test": test.index + 1, "later": [each.index + 1 for each in later]})
        (report,) = self._serve("ended", fixtures)
        output = "".join(self._output)
        if self._tape is not None and self._tape.unrecorded and report["status"] != "failed":
            # The test caught the error, or did not wait for the call: it differs from the recorded test.
            facts = {"message": self._tape.unrecorded[0], "line": test.line, "kind": "diverged"}
            report = {"status": "failed", "error": facts}
        if report["status"] == "failed":
            return Outcome("failed", failure(report["error"], self.path, self.name), output=output)
        return Outcome(report["status"], reason=report.get("reason", ""), output=output)

    def finish(self) -> None:
        """Run the remaining teardowns. Raises the ``ScriptError`` of the first that failed."""
        if self._ended is not None:
            return
        self._answer(self._waiting, {})
        (late,) = self._serve("closed", Fixtures())
        self._answer(self._waiting, None)
        if late:
            raise failure(late[0], self.path, self.name)

    @property
    def not_modelled(self) -> tuple[str, ...]:
        """Operations that a lenient simulator has so far answered by their schema alone."""
        return self._host.not_modelled

    def close_and_take_output(self) -> str:
        """End the run immediately. Returns its output."""
        self._host.close(0.5)
        self._thread.join(5.0)
        return "".join(self._output)

    def _serve(self, wanted: str, fixtures: Fixtures) -> Any:
        """Answer the file's requests until the wanted message arrives. Returns its details."""
        while True:
            kind, ticket, details = self._messages.get()
            if kind == wanted:
                self._waiting = ticket
                return details
            if kind == "over":
                self._ended = result = details[0]
                raise self._end(result)
            self._settle(ticket, self._reply(kind, details, fixtures))

    def _end(self, result: RunResult | HostError) -> ScriptError:
        if isinstance(result, ScriptError):
            return result
        if isinstance(result, HostError):
            return ScriptError(result.message, script=self.name, hint=result.hint, cause=result)
        if result.error is None:
            return failure({"message": "the test ended the whole run (os.exit)"}, self.path, self.name)
        error = result.error
        facts = {**error.facts, "script": error.script, "line": error.line}
        return failure(facts, self.path, self.name, error)

    def _reply(self, kind: str, details: tuple[Any, ...], fixtures: Fixtures) -> dict[str, Any]:
        if kind == "calls":
            return {"value": [call_arguments(call) for call in self._calls if call.operation == details[0]]}
        if kind == "deliver":
            return self._deliver(*details)
        name, *arguments = details
        try:
            value = fixtures.get(name)
        except LookupError as error:
            return {"error": str(error.args[0])}
        if kind == "call":
            return self._call(name, value, arguments)
        if callable(value):
            return {"value": {"callable": True}}
        return {"value": {"value": value}}

    def _deliver(self, event: Any, values: Any = None, handler: Any = None) -> dict[str, Any]:
        """Have a handler script handle an event. Returns the event, and the failure if there was one."""
        from host.testing.delivered_events import beside, deliver  # only for files that deliver events

        try:
            found, result = deliver(self._host, beside(self.path, handler), event, values or None, timeout=self.limit)
        except ScriptError as error:
            return {"value": {"failed": _facts(error)}}
        except HostError as error:
            return {"error": error.message, "hint": error.hint}
        return {"value": {"event": found, **({"failed": _facts(result.error)} if result.error is not None else {})}}

    def _call(self, name: str, function: Callable[..., Any], arguments: list[Any]) -> dict[str, Any]:
        try:
            return {"value": [function(*arguments)]}
        except Exception as error:  # any exception of a fixture's function is the test's error
            return {"error": f"{name}: {type(error).__name__}: {error}"}

    def _answer(self, ticket: int, value: Any) -> None:
        self._settle(ticket, {"value": value})

    def _settle(self, ticket: int, answer: dict[str, Any]) -> None:
        future = self._tickets.get(ticket)
        if future is not None:
            settle(future, answer)  # if the run was killed, no one waits


def _said(word: Callable[..., Any], details: tuple[Any, ...]) -> dict[str, Any]:
    """The answer to a request that needs no waiting."""
    try:
        return {"value": word(*details)}
    except HostError as error:
        return {"error": error.message, "hint": error.hint}


def _facts(error: ScriptError) -> dict[str, Any]:
    """The facts of a handler run's error, with which its test fails."""
    known = {"kind": error.kind, "message": error.message, "script": error.script, "line": error.line}
    if error.line is None:
        known["message"] = str(error)  # which includes the place
    facts = {**error.facts, **known, "hint": error.hint}
    return {name: value for name, value in facts.items() if isinstance(value, str | int | float | bool)}


@cache
def _lua(name: str) -> bytes:
    return resources.files("host.testing").joinpath("lua", name).read_bytes()
