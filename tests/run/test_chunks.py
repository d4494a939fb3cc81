"""A script that is run again is loaded from bytecode of the host's own making, and behaves as at first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from host import Host, Limits, RunResult
from host.lua import protocol as p
from host.lua.bytecode_cache import ENTRY, LARGEST, Chunks
from host.lua.state import LuaState, bytecode


@pytest.fixture
def loaded(host: Host) -> Iterator[list[bytes]]:
    """What states were told to load, run by run."""
    seen: list[bytes] = []

    class State(LuaState):
        def enter(self, id: int, status: Any = 0, a: bytes | None = None, b: Any = None) -> int:
            if id == p.START:
                assert a is not None
                seen.append(a)
            return super().enter(id, status, a, b)

    usual = host._runs.services
    host._runs.services = replace(usual, new_state=State, chunks=Chunks())
    yield seen
    host._runs.services = usual


def test_the_text_is_compiled_once_for_all_further_runs(host: Host, loaded: list[bytes]) -> None:
    """From the second run on: the same bytecode, by content and name, whoever asks for it."""
    code = "local n = 20 + 1\nreturn n * 2"
    results = [host.run_source(code), host.run_source(code), host.run(host.compile(code))]
    results += host.run_many([{"code": code}])
    assert [result.value for result in results] == [42] * 4
    assert loaded[0] == code.encode()
    assert loaded[1].startswith(b"\x1bLJ")
    assert loaded[2] is loaded[1]
    assert loaded[3] is loaded[1]
    host.run_source(code, name="other")
    host.run_source(f"{code} + 1")
    assert loaded[4:] == [code.encode(), f"{code} + 1".encode()]


SCRIPTS = {
    "line of an error": "local function deep()\n\n  error('no')\nend\ndeep()",
    "line of a call": "\n\nnew_product():nam('x')",
    "line of an API's error": "local function get(id)\n  return stripe.products.retrieve(id)\nend\nget('prod_nowhere')",
    "name of a value": "local t = {}\nreturn t.field.deeper",
    "name of a global": "\nreturn no_such_thing()",
    "no Lua": "x = = 1",
    "bytecode": bytecode(b"return 1", b"@inline") or b"",
    "arguments": "return select('#', ...) + #args",
    "globals are its own": "counter = (counter or 0) + 1 return {counter, type(debug), type(getfenv), _G.counter}",
    "constants": "return {0/0 ~= 0/0, -0.0, 1e308 * 10, 2^53, 'a\\0b\\255', {1, nil, 3, x = {y = 1}}, 0x7fffffff,"
    " 1e-300}",
    "closures": "local fs = {} for i = 1, 3 do fs[i] = function() i = i + 1 return i end end"
    " return fs[1]() + fs[3]() + fs[3]()",
    "goto and varargs": "local n = 0 ::again:: n = n + 1 if n < 5 then goto again end"
    " return (function(...) return n + select('#', ...) end)(1, nil, nil)",
    "tasks": "return map({1, 2, 3}, function(i) sleep(0.001) return i * i end)",
    "loaded text": "return assert(loadstring('counter = 5 return counter'))() + counter",
    "limit": "while true do end",
    "shebang": "#!/usr/bin/env luahost\nerror('second line')",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_run_differs_from_the_first(host: Host, name: str) -> None:
    """Value, output, error, its line, source and traceback: loaded from text or from bytecode."""
    source = SCRIPTS[name]
    script = host.compile(f"{source}\n") if isinstance(source, str) else replace(host.compile("\n"), source=source)
    first, *others = (host.run(script, args=["x"], limits=Limits(lua_time=0.2)) for _ in range(3))
    for other in others:
        assert facts(other) == facts(first)


def facts(result: RunResult) -> Any:
    error = result.error
    plain = (repr(result.value), result.output, result.calls)
    if error is None:
        return plain
    of_a_request = ("request_id", "request_log_url", "attempts", "body")  # the body has its id and time too
    told = {name: fact for name, fact in error.facts.items() if name not in of_a_request}
    return *plain, error.message, error.line, error.source, error.traceback, error.kind, told


def test_bytecode_is_made_of_text_alone() -> None:
    """What is bytecode already is refused, whatever it is, and so is what does not compile."""
    made = bytecode(b"return 1", b"@x")
    assert made is not None
    assert made.startswith(b"\x1bLJ")
    assert bytecode(made, b"@x") is None
    assert bytecode(b"\x1b", b"@x") is None
    assert bytecode(b"local = 1", b"@x") is None


def test_what_is_kept_is_bounded_in_bytes() -> None:
    """The text that was not used for longest goes first; one too long is never kept."""
    texts = [f"return '{letter * 1000}'".encode() for letter in "abcd"]
    size = len(texts[0]) + len(bytecode(texts[0], b"@x") or b"") + ENTRY + len(b"@x")
    chunks = Chunks(most=3 * size)
    for text in texts[:3]:
        assert chunks.of(b"@x", text) is None
    kept = [chunks.of(b"@x", text) for text in texts[:3]]
    assert all(kept)
    assert chunks.of(b"@x", texts[0]) is kept[0]
    for _ in range(2):
        last = chunks.of(b"@x", texts[3])
    assert last is not None
    assert chunks.of(b"@x", texts[0]) is kept[0]
    again = chunks.of(b"@x", texts[1])
    assert again == kept[1]
    assert again is not kept[1]
    large = b"--" + b"x" * LARGEST
    assert [chunks.of(b"@x", large) for _ in range(3)] == [None] * 3


def test_a_confined_process_compiles_for_itself() -> None:
    """A stranger's text is read by no process that holds keys."""
    with Host(simulate=True, isolation="process") as host:
        assert host._runs.services.chunks is None
        assert [host.run_source("return 1 + 1").value for _ in range(3)] == [2] * 3
