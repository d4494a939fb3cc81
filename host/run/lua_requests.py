"""What the Lua side of a run asks of the host: calls, names, tools, output, its end."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from host.apis.list_items import page_words
from host.calls.api_names import REQUEST
from host.calls.call import wrapped
from host.decoding import LARGE
from host.errors import CallError, LimitError, ScriptError
from host.events import LinesReached, Printed
from host.lua import protocol as p
from host.lua.globals import FILES, OWN, STANDARD, WORDS
from host.lua.state import chunk, home
from host.lua.values import from_lua, to_lua
from host.run.builtins import Tools
from host.run.failure import script_error
from host.run.job import WHY, State
from host.run.script import mentioned
from host.run.shortening import cut_texts
from host.run.sources import Sources

if TYPE_CHECKING:
    from host.apis.api import Api
    from host.apis.catalog import Operation
    from host.run.recording import Recording
    from host.run.run_calls import RunCalls
    from host.run.session import Session

__all__ = ["ANSWERS", "LuaRequests", "Several"]

_log = logging.getLogger(__name__)
_COUNT = re.compile(rb"(?<!\S)(\d{1,9}):(\d{1,9})=(\d{1,15})(?!\S)")


class Several(list[Any]):
    """All values of a script that returned more than one."""


class LuaRequests:
    """Answers one state. ``slice_end`` is the time until which its Lua code may continue; 0: to be seen at the next
    tick."""

    __slots__ = ("_calls", "_durable", "_services", "_session", "_signal", "slice_end", "state", "tools")

    def __init__(self, session: Session, calls: RunCalls, durable: Recording | None) -> None:
        self._session = session
        self._services = session.services
        self._calls = calls
        self._durable = durable
        self._signal: threading.Lock | None = None
        self.slice_end = 0.0
        self.state: State | None = None  # which it answers
        self.tools: Tools | None = None

    def close(self) -> None:
        """Let go of the state, and of the way back to the session: without it, everything is freed immediately."""
        state, self.state, self.tools = self.state, None, None
        if state is not None:
            state.close()
        del self._session

    def answer(self, code: int, arguments: tuple[Any, ...]) -> Any:
        """The one function of the state. Never raises."""
        try:
            if code != p.CALL:
                return ANSWERS[code](self, *arguments)
            self.slice_end = 0.0
            at_once = self._calls.begin(*arguments)
            if at_once is not None:
                self.slice_end = 0.0
                self._calls.drop(arguments[0])
            return at_once
        except CallError as error:
            return p.ERROR, self._calls.facts(error)
        except Exception as error:
            return p.ERROR, self._calls.facts(wrapped(error, "host"))

    def _tick(self) -> Any:
        self._services.runners.tick()
        if self._session.why is not None:
            kind, message = WHY[self._session.why]
            return kind.encode(), message.encode()
        now, seconds = monotonic(), self._session.job.limits.lua_time
        if not self.slice_end:
            self.slice_end = now + seconds
        elif now > self.slice_end:
            return b"limit", f"the script ran for {seconds:g} s without a call".encode()
        return None

    def _wait(self) -> Any:
        """Blocks the thread until there is a reply. Nothing when the run is being killed."""
        session = self._session
        if self._durable is not None and self._durable.replaying:
            answer = self._durable.next_answer(session)
            if answer is not None:
                self._calls.open.pop(answer[0], None)
                return answer
        while session.why is None:
            if session.inbox:
                item = session.inbox.pop(0)
                if item is False or item is None:
                    continue
                self.slice_end = 0.0
                return self._calls.reply(item)
            if self._signal is None:
                self._signal = threading.Lock()
                self._signal.acquire()
            self._services.runners.wait(session, self._signal)
        return None

    def _out(self, data: bytes) -> bytes | None:
        if not data:
            return None
        output = self._session.output
        try:
            text = output.add(data)
        except LimitError as error:
            return self._calls.facts(error)
        if self._durable is not None:
            self._durable.printed(text)
            visible = self._durable.visible(output.printed - len(data), data)
            if not visible:
                return None
            if visible is not data:
                text = output.text(visible)
        self._session.emit(Printed(self._session.run_id, time.time(), text))
        return None

    def _lines(self, file: bytes, counts: bytes) -> None:
        """How often the lines of a file were reached; what is not of the form is left out."""
        found = tuple((int(begun), int(line), int(count)) for begun, line, count in _COUNT.findall(counts))
        session = self._session
        session.emit(LinesReached(session.run_id, time.time(), file.decode("utf-8", "replace"), found))

    def _ended(self, value: bytes, status: int | None = None, several: bool = False) -> None:
        try:
            found = from_lua(value, self._session.job.limits.memory)
        except LimitError as error:
            error.message = f"the script's returned value: {error.message}"
            return self._failed(to_lua(error.facts()))
        if several and (type(found) is not list or not found):
            raise ValueError("several values that are not a list")
        found = self._services.redactor.value(found)
        self._session.ending = (Several(found) if several else found, None, status)
        return None

    def _failed(self, payload: bytes) -> None:
        facts = cut_texts(from_lua(payload, self._session.job.limits.memory))
        script, tools = self._session.job.script, self.tools
        sources = tools.sources if tools is not None else Sources(script)
        masked = self._calls.masked(facts)
        try:
            error = script_error(masked, script, self._calls.causes, self._names, sources, self._services.redactor)
        except Exception:  # a fault of ours in a hint must not keep the run from its end
            _log.exception("what to say about an error of %s could not be found", script.name)
            kind = str(masked.get("kind") or "error")
            error = ScriptError(str(masked.get("message")), script=script.name, kind=kind, facts=masked)
        self._session.ending = (None, error, None)

    def _names(self) -> list[str]:
        """Globals a script may have meant."""
        pipeline = self._services.pipeline
        names = [*STANDARD, *pipeline.apis, *pipeline.functions, *(f"new_{name}" for name in pipeline.names.builders)]
        names.extend(pipeline.libraries.globals)
        for api in pipeline.apis.values():
            names.extend(f"new_{name}" for name in api.catalog.builder_names())
        return names

    def _name(self, key: bytes) -> Any:
        name = key.decode("utf-8", "replace")
        pipeline = self._services.pipeline
        if name in OWN and name not in self._session.job.globals:
            return b""
        if self.tools is not None and name in self.tools.globals:
            return b"rows" if self.tools.is_row(name) else b"values", to_lua(self.tools.globals[name])
        if name == "args" and self.tools is not None:
            return chunk("args"), self.tools.args()
        if name in FILES:
            return chunk(FILES[name])
        if name.startswith("new_"):
            found = pipeline.names.builder(name[4:])
            if found is not None:
                return b"builders", *self._builder(*found)
        if name in pipeline.functions:
            return b"functions", key, pipeline.functions[name].iterates
        if name in pipeline.apis:
            return b"namespaces", key
        library = pipeline.libraries.globals.get(name)
        if library is not None:
            return b"extension", library.lua.encode(), library.name.encode()
        return None

    def _member(self, path: bytes, key: bytes) -> Any:
        full = f"{path.decode()}.{key.decode('utf-8', 'replace')}"
        if full in WORDS:
            return p.WORD, WORDS[full].encode()
        if any(word.startswith(f"{full}.") for word in WORDS):
            return p.GROUP, full.encode()
        found = self._services.pipeline.names.member(path.decode(), key.decode("utf-8", "replace"))
        if isinstance(found, str):
            return p.GROUP, found.encode()
        api, operation, builder = found
        if operation is None:
            return p.MEMBER_OPERATION, f"{api.name}{REQUEST}".encode(), None
        if builder:
            return p.BUILDER, *self._builder(api, operation)
        about = page_words(api.catalog, operation)
        return p.MEMBER_OPERATION, f"{api.name}.{operation.id}".encode(), about.encode() if about else None

    def _builder(self, api: Api, operation: Operation) -> tuple[bytes | None, ...]:
        """What the Lua side gets of a builder: its operation and resource, and the methods that the script mentions."""
        return self._services.pipeline.names.builder_facts(api, operation, mentioned(self._session.job.script.source))

    def _method(self, label: bytes, name: bytes) -> Any:
        return self._services.pipeline.names.method(label.decode(), name.decode("utf-8", "replace"))

    def _check(self, label: bytes, name: bytes, value: bytes, currency: Any = None, version: Any = None) -> Any:
        said = (currency, version)
        beside, asked = (each.decode("utf-8", "replace") if type(each) is bytes else None for each in said)
        found = from_lua(value, self._session.job.limits.memory)
        self._services.pipeline.names.check(label.decode(), name.decode("utf-8", "replace"), found, beside, asked)

    def _tool(self, name: bytes, a: Any = None, b: Any = None) -> Any:
        assert self.tools is not None
        if name == b"read" or (type(a) is bytes and len(a) > LARGE):  # until somebody types; until much is decoded
            self._services.runners.make_way()
        if name == b"log":
            self._session.output.count_log(len(b))
        if self._durable is not None:
            answer = self._durable.tool(self._session, self.tools, name.decode(), a, b)
        else:
            answer = self.tools.use(name.decode(), a, b)
        if name.startswith(b"require"):
            self.tools.given(name, a, answer)
        return p.VALUE, answer


ANSWERS: dict[int, Callable[..., Any]] = {
    p.TICK: LuaRequests._tick,
    p.WAIT: LuaRequests._wait,
    p.CANCEL: lambda self, id: self._calls.cancel(id),
    p.OUT: LuaRequests._out,
    p.LINES: LuaRequests._lines,
    p.ENDED: LuaRequests._ended,
    p.FAILED: LuaRequests._failed,
    p.PRELUDE: lambda _, name: chunk(name.decode()),
    p.NAME: LuaRequests._name,
    p.METHOD: LuaRequests._method,
    p.CHECK: LuaRequests._check,
    p.TOOL: LuaRequests._tool,
    p.MEMBER: LuaRequests._member,
    p.HOME: lambda _, name: home(name),
}
