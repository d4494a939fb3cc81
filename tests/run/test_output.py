"""All that a run shows counts against its output, or is cut."""

from __future__ import annotations

import pytest

from host import Host, Limits
from host.events import CallStarted
from host.run.output import MOST_PIECES
from host.run.shortening import LONGEST, brief, cut

SAYING = {
    "print": "print(('x'):rep(1000))",
    "io.write": "io.write(('x'):rep(1000))",
    "log.debug": "log.debug(('x'):rep(1000))",
    "log.warn": "log.warn(('x'):rep(1000))",
    "small warnings": "log.warn('x')",
    "a table": "log.info({ a = ('x'):rep(1000) })",
    "an answer": "print(json.decode('{\"a\": [1, 2, 3]}'))",
}


@pytest.mark.parametrize("what", SAYING)
def test_whatever_is_said_counts(host: Host, what: str) -> None:
    """To the same limit, by whatever way it is said, caught or not."""
    result = host.run_source(f"while true do {SAYING[what]} end", limits=Limits(output=20_000))
    assert result.error is not None
    assert (result.error.kind, result.error.message) == ("limit", "the script printed more than 20,000 bytes")
    code = f"for i = 1, 30000 do pcall(function() {SAYING[what]} end) end\nprint('after')"
    result = host.run_source(code, limits=Limits(output=20_000))
    assert result.error is not None
    assert result.error.line == 2


def test_small_pieces_are_put_together() -> None:
    """A million texts of two letters would take 60 bytes each besides; an empty one is no piece."""
    with Host(simulate=True) as host:

        @host.function
        def pieces() -> int:
            return max(len(run.output._pieces) for run in host._services.alive)

        result = host.run_source("for i = 1, 25000 do io.write('ab') io.write('') end return pieces()")
        assert result.output == "ab" * 25_000
        assert result.value < MOST_PIECES + 10


ENDS = {
    "a text": "error(('x'):rep(5e6))",
    "a table with a message": "error({ message = ('x'):rep(5e6), hint = ('y'):rep(5e6) })",
    "a table": "error({ a = ('x'):rep(5e6) })",
    "an object": "error(setmetatable({}, { __tostring = function() return ('x'):rep(5e6) end }))",
    "a chunk's name": "load('error(\"here\")', '@' .. ('n'):rep(5e6))()",
    "a function's name": "_G[('n'):rep(1e6)] = error load(('n'):rep(1e6) .. '()')()",
}


@pytest.mark.parametrize("end", ENDS)
def test_an_error_is_of_a_length_to_be_shown(host: Host, end: str) -> None:
    """Message, hint, facts and traceback of an error are cut where they are too long, and say so."""
    error = host.run_source(ENDS[end]).error
    assert error is not None
    shown = [error.message, error.hint or "", error.traceback, *map(str, error.facts.values())]
    assert max(map(len, shown)) < LONGEST + 100
    if "message" in end or end == "a text":
        assert "characters)" in error.message


def test_the_arguments_in_an_event_are_cut() -> None:
    """Those of a call that are more than a few, so that a trace holds no 5 MB of each."""
    seen: list[CallStarted] = []

    class Sink:
        def emit(self, event: object) -> None:
            if isinstance(event, CallStarted):
                seen.append(event)

    with Host(simulate=True, sinks=[Sink()]) as host:
        host.run_source("new_product():name(('x'):rep(1000)):description(('y'):rep(50000)):create()")
    assert len(seen) == 1
    assert seen[0].arguments["name"] == "x" * 1000
    assert seen[0].arguments["description"] == "y" * 1000 + "… (50,000 characters)"


def test_what_brief_keeps() -> None:
    """Short values as they are; of long ones the beginning, and how much there is."""
    assert brief({"a": [1, None, "x"], "b": {"c": 2.5}}) == {"a": [1, None, "x"], "b": {"c": 2.5}}
    assert brief(list(range(250)))[-1] == "… (150 more)"
    assert brief({str(i): i for i in range(250)})["…"] == "150 more"
    assert brief([[[[[1, 2]]]]]) == [[[["… (2 items)"]]]]
    assert brief(b"x" * 5000) == "… (5,000 bytes)"
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "abc… (4 characters)"
