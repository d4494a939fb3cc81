"""A state whose process says anything: believed in nothing, killed for what it may not say."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from host import Host, Limits, ScriptError
from host.isolation import state as child_state
from host.isolation.child import LOCAL
from host.isolation.frames import BROKE, ENTERED, EXHAUSTED, KINDS, SPENT, Said
from host.isolation.state import ChildState
from host.isolation.zygote_client import Isolation
from host.lua import protocol as p
from host.run.lua_requests import ANSWERS
from host.run.script import Script

LIMITS = Limits(memory=1 << 20, lua_time=0.05)


class Process:
    """Stands for the process: counts its killings."""

    def __init__(self, status: int | None = None) -> None:
        self.killed = 0
        self._status = status

    def kill(self) -> None:
        self.killed += 1

    def status(self) -> int | None:
        return self._status


class Peer:
    """The other end of a ChildState: says what a test wants said."""

    def __init__(
        self,
        *,
        status: int | None = None,
        host: Any = None,
        limits: Limits = LIMITS,
        exhausted: Any = None,
    ) -> None:
        mine, self.sock = socket.socketpair()
        self.asked: list[tuple[Any, ...]] = []
        self.process = Process(status)
        self.state = ChildState(
            host or self._host, limits, self.process, mine, later=lambda *_: None, held=nullcontext,
            exhausted=exhausted,
        )  # fmt: skip

    def _host(self, code: int, arguments: tuple[Any, ...]) -> Any:
        self.asked.append((code, *arguments))

    def says(self, *frames: Any) -> None:
        for frame in frames:
            data = frame if type(frame) is bytes else msgspec.msgpack.encode(frame)
            self.sock.sendall(len(data).to_bytes(4, "little") + data)

    def hears(self) -> None:
        """Take what it was sent so far."""
        with suppress(BlockingIOError):
            while self.sock.recv(1 << 16, socket.MSG_DONTWAIT):
                pass

    def fails(self) -> ScriptError:
        with pytest.raises(ScriptError) as caught:
            self.state.enter(p.START, b"=s", b"", 0)
        return caught.value

    def close(self) -> None:
        self.sock.close()
        self.state.close()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_state, "KILL_MARGIN", 0.0)


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


CALL = (p.CALL, 1, p.OPERATION, b"stripe.products.list", b"\x90", None, b"1", 1, None)


def sleep(seconds: bytes) -> tuple[Any, ...]:
    return (p.CALL, 1, p.SLEEP, seconds, None, None, b"1", 1, None)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"\xff" * 9,
        None,
        7,
        {},
        [],
        ["1"],
        [0],
        [8],
        [p.PRELUDE, b"core"],
        [99],
        [p.TICK, 1],
        [p.CANCEL],
        [p.CANCEL, "1"],
        [p.CANCEL, -1],
        [p.OUT, "text, not bytes"],
        [p.OUT, None],
        [p.OUT, b"x", b"y"],
        [p.ENDED, None],
        [p.ENDED, b"\xc0", 256],
        [p.ENDED, b"\xc0", True],
        [p.FAILED, 1],
        [p.NAME, "os"],
        [p.METHOD, b"a"],
        [p.CHECK, b"a", b"b", {"c": 1}],
        [p.TOOL, b"env", [1]],
        [p.TOOL],
        [ENTERED, -1],
        [ENTERED, 1.5],
        [ENTERED, 2**60],
        [*CALL[:-4]],
        [*CALL, None],
        [p.CALL, 0, *CALL[2:]],
        [p.CALL, 2, *CALL[2:]],
        [p.CALL, 1.0, *CALL[2:]],
        [p.CALL, 1, 0, *CALL[3:]],
        [p.CALL, 1, KINDS + 1, *CALL[3:]],
        [p.CALL, 1, p.OPERATION, None, *CALL[4:]],
        sleep(b"nan"),
        sleep(b"inf"),
        sleep(b"-1"),
        sleep(b"1e300"),
        sleep(b""),
        sleep(b"\xff"),
        [p.WAIT],
        [ENTERED, 1],
        [ENTERED, 0],
    ],
    ids=repr,
)
def test_what_the_protocol_does_not_have_kills(peer: Peer, frame: Any) -> None:
    """A wrong code, arity, type, number or order ends the run; the host function never sees it."""
    peer.says(frame)
    error = peer.fails()
    assert error.kind == "host"
    assert "was killed" in error.message
    assert peer.process.killed == 1
    assert peer.asked == []


def test_each_question_of_the_lua_side_crosses() -> None:
    """What a session answers, a process can ask or knows itself: a new code needs a frame of its own."""
    frames = {each.__struct_config__.tag for each in get_args(Said)} - {ENTERED, SPENT, BROKE, EXHAUSTED}
    assert frames | set(LOCAL) == set(ANSWERS) | {p.CALL}


def test_a_call_number_is_used_once() -> None:
    """Numbers of calls go up by one: an answer can never be taken for another call's."""
    peer = Peer(host=lambda *_: (p.VALUE, None))
    peer.says(CALL)
    peer.sock.settimeout(0.0)
    answered: list[int] = []

    def host(_: int, arguments: tuple[Any, ...]) -> Any:
        answered.append(arguments[0])
        peer.says(CALL)
        return p.VALUE, None

    peer.state._host = host
    assert "out of order" in peer.fails().message
    assert answered == [1]
    peer.close()


def test_two_questions_at_once_kill(peer: Peer) -> None:
    """The sides take turns: nothing is said while an answer is due."""
    peer.says([p.OUT, b"a"], [p.OUT, b"b"])
    assert "out of turn" in peer.fails().message


def test_a_frame_beyond_the_memory_is_not_read(peer: Peer) -> None:
    """A length larger than the run's memory ends it before a byte of it is stored."""
    peer.sock.sendall((1 << 30).to_bytes(4, "little"))
    assert "at once" in peer.fails().message
    assert peer.process.killed == 1


@pytest.mark.parametrize("last_word", [[p.ENDED, b"\xc1"], [p.FAILED, b"\xc0"], [p.FAILED, b"\xc1"]])
def test_an_end_that_cannot_be_read_is_no_end(last_word: list[Any]) -> None:
    """A run whose last word is refused does not wait for ever."""
    peer = Peer(host=lambda *_: (p.ERROR, b"\x80"))
    peer.says(last_word)
    assert peer.fails().kind == "host"
    peer.close()


OPENERS = {
    "sleeps": lambda n: (p.CALL, n, p.SLEEP, b"1e6", None, None, b"1", 1, None),
    "calls": lambda n: (p.CALL, n, *CALL[2:]),
}


def counting(peer: Peer, opener: Any, opened: list[int], cancelling: bool) -> Any:
    """A host that is asked for one more each time, and may be told between that the last is given up."""

    def host(code: int, arguments: tuple[int, ...]) -> None:
        if code == p.CALL:
            opened.append(arguments[0])
        peer.hears()
        peer.says([p.CANCEL, arguments[0]] if cancelling and code == p.CALL else opener(len(opened) + 1))

    return host


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_calls_and_sleeps_open_at_once_are_counted_here(opener: Any) -> None:
    """As many as tasks may wait for them, whatever the process allows its script; those cancelled count as calls do."""
    limits = replace(LIMITS, tasks=20, calls=50, lua_time=5.0)
    for cancelling, most in ((False, 20 + child_state.SPARE), (True, 20 + child_state.SPARE + 50)):
        opened: list[int] = []
        peer = Peer(limits=limits)

        peer.state._host = counting(peer, opener, opened, cancelling)
        peer.says(opener(1))
        assert "more calls and sleeps open at once than its 20 tasks" in peer.fails().message
        assert len(opened) == most
        peer.close()


def test_answered_calls_make_room() -> None:
    """A run that makes one sleep after another makes as many as it likes."""
    peer = Peer(limits=replace(LIMITS, tasks=1, calls=1, lua_time=5.0))
    rounds = 3 * child_state.SPARE

    def host(*_: Any) -> None:
        peer.hears()
        peer.says([ENTERED, 1])

    peer.state._host = host
    for n in range(1, rounds):
        peer.says(OPENERS["sleeps"](n))
        assert peer.state.enter(n - 1, p.VALUE) == 1
    peer.close()


def test_more_tasks_than_the_run_may_have_kill() -> None:
    """How many tasks live is the process's word; more than there may be is a lie."""
    peer = Peer(limits=replace(LIMITS, tasks=20))
    peer.state._host = lambda *_: peer.says([ENTERED, 21])
    peer.says(CALL)
    assert "21 tasks, more than its 20" in peer.fails().message
    peer.close()


@pytest.mark.parametrize("begun", [b"", b"\x05", b"\x05\x00\x00\x00\x91"], ids=["silent", "header", "frame"])
def test_silence_kills(peer: Peer, begun: bytes) -> None:
    """Nothing, or half a frame, and then silence: killed once the script's time between two calls is over."""
    peer.sock.sendall(begun)
    error = peer.fails()
    assert error.kind == "limit"
    assert "0.05 s" in error.message
    assert peer.process.killed == 1


def test_deaf_ears_kill() -> None:
    """A process that does not take what it is sent holds nobody up for longer."""
    peer = Peer(limits=replace(LIMITS, memory=64 << 20))
    with pytest.raises(ScriptError, match="was killed"):
        peer.state.enter(p.START, b"=s", b"x" * (32 << 20), 0)
    peer.close()


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (signal.SIGSEGV, "host", "SIGSEGV"),
        (signal.SIGKILL, "host", "SIGKILL"),
        (signal.SIGXCPU, "limit", "CPU time"),
        (60, "host", "signal 60"),
        (0, "host", "ended before its run did"),
        (None, "host", "ended before its run did"),
    ],
)
def test_how_a_process_died_is_reported(status: int | None, kind: str, text: str) -> None:
    """The message names what ended the process."""
    peer = Peer(status=status)
    peer.sock.close()
    error = peer.fails()
    assert error.kind == kind
    assert text in error.message
    peer.close()


def test_a_process_out_of_memory_is_reported_as_in_process(peer: Peer) -> None:
    """MemoryError, as from a LuaState."""
    peer.says([SPENT])
    with pytest.raises(MemoryError):
        peer.state.enter(p.START, b"=s", b"", 0)


def test_that_luajit_was_refused_memory_is_counted_once_a_run() -> None:
    """However often the process says so, and it is answered each time."""
    told: list[None] = []

    def once() -> None:
        told.append(None)
        peer.says([p.TICK])

    def again(*_: Any) -> None:
        peer.says([EXHAUSTED])
        peer.sock.shutdown(socket.SHUT_WR)

    peer = Peer(exhausted=once, host=again)
    peer.says([EXHAUSTED])
    assert "ended before its run did" in peer.fails().message
    assert len(told) == 1
    peer.close()


def test_questions_sent_ahead_of_their_turn_do_not_go_on_past_the_time() -> None:
    """A process whose frames are there already is never waited for; it has its time all the same."""
    peer = Peer(host=lambda *_: peer.says([p.TICK]))
    peer.says([p.TICK])
    assert peer.fails().kind == "limit"
    assert peer.process.killed
    peer.close()


@pytest.mark.parametrize("value", [b"\xa0", b"\x90", b"\x80", b"\xc0"])
def test_several_values_that_are_none_end_the_run_only(value: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its calls are cancelled, its state is closed, and its error is of the process."""
    made: list[Peer] = []

    def state(_: Isolation, answer: Any, *__: Any) -> ChildState:
        made.append(Peer(host=answer))
        made[-1].says([p.ENDED, value, None, True])
        return made[-1].state

    monkeypatch.setattr(Isolation, "state", state)
    with Host(simulate=True, isolation="process") as host:
        error = host.run_source("return 1").error
    assert error is not None
    assert "its last message could not be read" in error.message
    made[0].close()


def test_a_fault_of_the_process_own_code_is_reported(peer: Peer) -> None:
    """Its words are in the message."""
    peer.says([BROKE, b"LuaError: oops"])
    assert "LuaError: oops" in peer.fails().message


def test_an_answer_larger_than_the_memory_is_left_out() -> None:
    """What would not fit is an error without facts, as in a LuaState; it is not sent."""
    peer = Peer(host=lambda *_: (p.VALUE, b"x" * (LIMITS.memory + 1)))
    peer.says([p.TOOL, b"json.encode", b"\xc0"])
    with pytest.raises(ScriptError):
        peer.state.enter(p.START, b"=s", b"", 0)
    said = peer.sock.recv(1 << 16)
    first = int.from_bytes(said[:4], "little")
    assert msgspec.msgpack.decode(said[8 + first :]) == [p.ERROR, None]
    peer.close()


whole = st.integers(-(2**63), 2**64 - 1)
plain = st.none() | st.booleans() | whole | st.floats() | st.binary(max_size=40) | st.text()
asked = st.sampled_from([*range(1, 16), ENTERED, SPENT, BROKE, EXHAUSTED])
anything = st.tuples(asked, *[plain] * 3) | st.lists(plain, max_size=10) | st.binary(max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.lists(anything, min_size=1, max_size=3))
def test_nothing_it_says_ends_in_anything_else(frames: list[Any]) -> None:
    """Whatever comes, ``enter`` returns or raises what it is documented to."""
    peer = Peer()
    peer.says(frames[0])
    peer.sock.shutdown(socket.SHUT_WR)
    with suppress(ScriptError, MemoryError):
        assert peer.state.enter(p.START, b"=s", b"", 0) == 0
    peer.close()


packed = st.binary(max_size=20) | plain.map(msgspec.msgpack.encode)
lists = st.lists(plain, max_size=4).map(msgspec.msgpack.encode)
names = [b"", b"stripe", b"stripe.products.create", b"stripe.products.list", b"name", b":with", b"env"]
word = st.sampled_from([*names, b"json.decode", b"log"]) | st.binary(max_size=12)
some = st.none() | packed | lists
said = st.one_of(
    st.tuples(st.just(p.CALL), st.just(1), st.integers(1, 5), word, some, some, word, st.just(1), st.none()),
    st.tuples(st.just(p.CANCEL), st.integers(1, 5)),
    st.tuples(st.just(p.OUT), st.binary(max_size=20)),
    st.tuples(st.just(p.ENDED), packed),
    st.tuples(st.just(p.FAILED), packed | lists),
    st.tuples(st.just(p.NAME), word),
    st.tuples(st.just(p.METHOD), word, word),
    st.tuples(st.just(p.CHECK), word, word, packed),
    st.tuples(st.just(p.TOOL), word, packed, packed),
    st.tuples(st.just(p.MEMBER), word, word),
)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True) as made:
        yield made


@settings(max_examples=150, deadline=None)
@given(st.lists(said, min_size=1, max_size=4))
def test_the_host_outlives_a_process_in_foreign_hands(host: Host, frames: list[tuple[Any, ...]]) -> None:
    """Well-formed questions with any content end the run, never a thread of the host."""
    peers: list[Peer] = []

    def new_state(function: Any, limits: Limits, _building: bool) -> ChildState:
        queue = list(frames)

        def next_one(*question: Any) -> Any:
            answer = function(*question)
            if queue:
                peer.says(queue.pop(0))
            else:
                peer.sock.shutdown(socket.SHUT_WR)
            return answer

        peer = Peer(host=next_one)
        peers.append(peer)
        peer.says(queue.pop(0))
        return peer.state

    usual = host._runs.services
    host._runs.services = replace(usual, new_state=new_state)
    try:
        result = host.run(Script.of("", "x"), timeout=20)
    finally:
        host._runs.services = usual
        for each in peers:
            each.close()
    assert result.error is None or not result.error.message.startswith(("the host failed", "the run's time"))
    assert host.run_source("return 1").value == 1
