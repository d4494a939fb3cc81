"""The loop's thread serves sessions between two rounds of the loop; when one holds it, another has the loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest

from host import Host
from host.bridge.loops import AsyncioLoop, LoopFactory, new_loop
from host.bridge.request import AsyncRequest, Reply
from host.bridge.worker import AsyncFunction, AsyncWorker
from host.events import Event
from host.run import scheduler as module
from host.run.scheduler import Scheduler


class Session:
    """Does one thing each time it is served, and tells on which thread."""

    def __init__(self, work: Callable[[], None] = lambda: None) -> None:
        self.inbox: list[Any] = []
        self.scheduled = False
        self.blocked: threading.Lock | None = None
        self.threads: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.work = work

    def serve(self) -> None:
        self.inbox.clear()
        self.work()
        self.threads.put(threading.get_ident())

    def thread(self) -> int:
        return self.threads.get(timeout=20)


class Lab:
    """A worker whose loop the runners turn. ``where`` gives the thread an async function runs on."""

    def __init__(self, loop_factory: LoopFactory, most: int = 64) -> None:
        self.functions: dict[str, AsyncFunction] = {"moves": self._where, "stays": self._where, "stop": self._stop}
        self.worker = AsyncWorker(self.functions, loop_factory=loop_factory)
        self.runners = Scheduler(self.worker, most=most)
        self.worker.movable("moves")
        self.worker.movable("stop")

    async def _where(self, payload: Any, deadline: float) -> int:
        await asyncio.sleep(0.001)
        return threading.get_ident()

    async def _stop(self, payload: Any, deadline: float) -> None:
        asyncio.get_running_loop().stop()

    def ask(self, name: str) -> queue.SimpleQueue[Reply]:
        answer: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self.worker.submit(AsyncRequest(name, None, monotonic() + 30, answer.put))
        return answer

    def where(self, name: str = "moves") -> int:
        reply = self.ask(name).get(timeout=20)
        assert reply.error is None
        return reply.value

    def served_on(self) -> int:
        session = Session()
        self.runners.post(session, None)
        return session.thread()


@pytest.fixture(params=[new_loop, AsyncioLoop], ids=["default-loop", "asyncio-loop"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    before = set(threading.enumerate())
    lab = Lab(request.param)
    yield lab
    lab.worker.stop(grace=5)
    assert lab.runners.close(20)
    assert {each for each in threading.enumerate() if not each.name.endswith("-watch")} <= before


@pytest.fixture
def no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody finds out by looking that a session holds the loop up."""
    monkeypatch.setattr(module, "HELD", 60.0)


class Hog(Session):
    """Keeps its thread until it is let go."""

    def __init__(self) -> None:
        super().__init__(self._hold)
        self.begun, self.end = threading.Event(), threading.Event()

    def _hold(self) -> None:
        self.begun.set()
        assert self.end.wait(20)


def test_sessions_are_served_on_the_loops_own_thread(lab: Lab, no_watch: None) -> None:
    """One thread does all: no call and no reply has to wake another."""
    seen = {lab.where() for _ in range(20)} | {lab.served_on() for _ in range(20)}
    assert len(seen) == 1


def test_a_session_that_holds_its_thread_loses_the_loop(lab: Lab) -> None:
    """Calls and other sessions go on on another thread, again and again."""
    hogs = []
    for _ in range(5):
        hog = Hog()
        lab.runners.post(hog, None)
        assert hog.begun.wait(20)
        others = {lab.where(), lab.served_on()}
        hog.end.set()
        assert hog.thread() not in others
        hogs.append(hog)
    assert lab.where() == lab.served_on()


def test_what_comes_for_a_session_that_has_lost_the_loop_is_served_by_who_has_it(lab: Lab) -> None:
    """Though that thread sleeps in the loop, and the one that puts the session back goes to rest."""
    hog = Hog()
    lab.runners.post(hog, None)
    assert hog.begun.wait(20)
    home = lab.where()
    lab.runners.post(hog, "more")
    hog.end.set()
    assert hog.thread() != home
    assert hog.thread() == home


def test_several_sessions_that_hold_their_threads_at_once(lab: Lab) -> None:
    """Each keeps its own; the loop has one more."""
    hogs = [Hog() for _ in range(4)]
    for hog in hogs:
        lab.runners.post(hog, None)
        assert hog.begun.wait(20)
    here = lab.where()
    for hog in hogs:
        hog.end.set()
    assert here not in {hog.thread() for hog in hogs}


def test_no_more_sessions_are_begun_than_there_may_be_threads() -> None:
    """The loop goes on all the same, and the others are served when the first let go."""
    lab = Lab(new_loop, most=2)
    hogs = [Hog() for _ in range(5)]
    for hog in hogs:
        lab.runners.post(hog, None)
    assert hogs[1].begun.wait(20)
    home = lab.where()
    assert lab.runners.threads == 3
    assert not hogs[2].begun.is_set()
    for hog in hogs:
        hog.end.set()
    assert home not in {hog.thread() for hog in hogs[:2]}
    for hog in hogs[2:]:
        hog.thread()
    lab.worker.stop(grace=5)
    assert lab.runners.close(20)


def test_a_session_that_comes_to_wait_in_place_makes_room_for_the_next() -> None:
    """There may be one thread: a session keeps it, another is ready, and the first begins to wait for its inbox."""
    lab = Lab(new_loop, most=1)
    first, signal, begun, go = Session(), threading.Lock(), threading.Event(), threading.Event()
    signal.acquire()

    def work() -> None:
        begun.set()
        assert go.wait(20)
        lab.runners.wait(first, signal)
        first.inbox.clear()

    first.work = work
    lab.runners.post(first, None)
    assert begun.wait(20)
    lab.where()  # another thread has the loop
    second = Session()
    lab.runners.post(second, None)
    lab.where()
    assert second.threads.empty()
    go.set()
    assert second.thread()
    lab.runners.post(first, "reply")
    assert first.thread()
    lab.worker.stop(grace=5)
    assert lab.runners.close(20)


def test_without_another_thread_the_loop_stays_where_it_is(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot give it away keeps it, and turns it when the session is done."""
    lab.where()

    def full(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def work() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", full)
            lab.runners.step_aside()

    session = Session(work)
    lab.runners.post(session, None)
    assert session.thread() == lab.where()


def test_what_may_depend_on_its_thread_pins_the_loop(lab: Lab) -> None:
    """From the first call of such a function the loop stays where it is, however long sessions take."""
    lab.served_on()
    home = lab.where("stays")
    for _ in range(3):
        hog = Hog()
        lab.runners.post(hog, None)
        assert hog.begun.wait(20)
        assert lab.where("stays") == home
        assert lab.where() == home
        hog.end.set()
        assert hog.thread() != home
        assert lab.served_on() != home


def test_two_threads_that_pin_the_loop_at_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the second submits does not begin before the loop stays, though the first is only about to say so."""
    entered, go, pin = threading.Event(), threading.Event(), lab.runners.pin

    def slowly() -> None:
        if not entered.is_set():
            entered.set()
            assert go.wait(20)
        pin()

    monkeypatch.setattr(lab.runners, "pin", slowly)
    first = threading.Thread(target=lab.where, args=("stays",))
    first.start()
    assert entered.wait(20)
    home = lab.where("stays")
    assert lab.served_on() != home
    go.set()
    first.join()


def test_pinning_while_a_session_holds_the_loops_thread(lab: Lab) -> None:
    """The function runs where the loop went, and then stays there."""
    hog = Hog()
    lab.runners.post(hog, None)
    assert hog.begun.wait(20)
    home = lab.where("stays")
    hog.end.set()
    assert hog.thread() != home
    assert {lab.where("stays") for _ in range(5)} == {home}
    assert home not in {lab.served_on() for _ in range(5)}


def test_what_is_left_to_another_runner_is_served_when_that_is_held_up(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that is put back may be left to one that has just taken another; somebody looks whether it comes."""
    monkeypatch.setattr(module, "HELD", 0.001)
    before = set(threading.enumerate())
    lab.where("stays")
    hogs = [Hog(), Hog()]
    for hog in hogs:
        lab.runners.post(hog, None)
        assert hog.begun.wait(20)
    for each in set(threading.enumerate()) - before:
        if each.name.endswith("-watch"):
            each.join(20)
    is_spare, asked = lab.runners._is_spare, threading.Event()

    def at_first(runner: Any) -> bool:
        if asked.is_set():
            return is_spare(runner)
        asked.set()
        return True

    monkeypatch.setattr(lab.runners, "_is_spare", at_first)
    lab.runners.post(hogs[0], "more")
    hogs[0].end.set()
    hogs[0].thread()
    hogs[0].thread()
    hogs[1].end.set()
    hogs[1].thread()


def test_who_says_that_he_blocks_gives_the_loop_away_first(lab: Lab, no_watch: None) -> None:
    """A session that waits for a call of its own gets the answer: it does not wait for itself."""
    found: list[int] = []

    def wait() -> None:
        lab.worker.check_may_block("this")
        found.append(lab.where())

    session = Session(wait)
    lab.runners.post(session, None)
    assert session.thread() != found[0]


def test_running_on_the_loop_does_not_wait_for_a_session_that_holds_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing else was to be done when that began, so that nobody looked."""
    monkeypatch.setattr(module, "HELD", 0.001)
    before = set(threading.enumerate())
    lab.where()
    lab.served_on()
    for each in set(threading.enumerate()) - before:
        if each.name.endswith("-watch"):
            each.join(20)
    hog = Hog()
    lab.runners.post(hog, None)
    assert hog.begun.wait(20)

    async def here() -> int:
        return threading.get_ident()

    home = lab.worker.run(here, 20)
    hog.end.set()
    assert hog.thread() != home


def test_who_computes_for_long_gives_the_loop_away_when_it_is_wanted(lab: Lab, no_watch: None) -> None:
    """Lua's budget hook asks now and then; a call made before is answered meanwhile."""
    answers: list[Reply] = []

    def compute() -> None:
        answer = lab.ask("moves")
        until = monotonic() + 20
        while answer.empty() and monotonic() < until:
            lab.runners.tick()
        answers.append(answer.get(timeout=0))

    session = Session(compute)
    lab.runners.post(session, None)
    assert session.thread() != answers[0].value


def test_a_session_that_waits_in_place_is_woken_by_its_inbox(lab: Lab, no_watch: None) -> None:
    """Others are served meanwhile, the loop turns, and then it goes on on its own thread."""
    session, signal = Session(), threading.Lock()
    signal.acquire()
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        lab.runners.wait(session, signal)
        session.inbox.clear()

    session.work = wait
    lab.runners.post(session, None)
    assert waiting.wait(20)
    others = {lab.where(), lab.served_on()}
    lab.runners.post(session, "reply")
    assert session.thread() not in others


def test_a_function_that_stops_the_loop_stops_nothing(lab: Lab) -> None:
    """The next round begins at once."""
    for _ in range(3):
        assert lab.ask("stop").get(timeout=20).error is None
        lab.where()


def test_sessions_are_served_after_the_loops_end(lab: Lab) -> None:
    """Runs end after the last call: what a host closes still tells its result."""
    lab.where()
    lab.worker.stop(grace=5)
    assert lab.served_on() != threading.get_ident()


def test_sessions_are_served_after_the_loops_death(
    lab: Lab, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread it died on goes on with them: the answers that its death brings still reach their runs."""
    session = Session()

    def turn(loop: Any, wait: bool) -> None:
        raise RuntimeError("a fault")

    async def kill(payload: Any, deadline: float) -> None:
        monkeypatch.setattr(type(lab.runners._loop), "turn", turn)
        asyncio.get_running_loop().stop()
        await asyncio.sleep(60)

    lab.functions["kill"] = kill
    lab.worker.movable("kill")
    lab.worker.submit(AsyncRequest("kill", None, monotonic() + 30, lambda _: lab.runners.post(session, None)))
    session.thread()
    assert "the loop has died" in caplog.text


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt()], ids=["SystemExit", "KeyboardInterrupt"])
def test_what_would_end_a_program_does_not_end_the_loop(
    lab: Lab, caplog: pytest.LogCaptureFixture, raised: BaseException
) -> None:
    """asyncio lets it through where a task or a callback raises it that a function left behind."""

    def leave() -> None:
        raise raised

    async def leaves(payload: Any, deadline: float) -> str:
        loop = asyncio.get_running_loop()
        loop.call_soon(leave)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return "done"

    lab.functions["leaves"] = leaves
    for _ in range(3):
        assert lab.ask("leaves").get(timeout=20).value == "done"
    assert caplog.text.count("the loop goes on") == 3


def test_a_loop_that_was_never_started_is_not_missed(lab: Lab) -> None:
    """A loop that was never started is not missed."""
    lab.worker.stop(grace=0)
    lab.served_on()


def test_stopping_does_not_wait_for_a_session_that_holds_the_loop(lab: Lab) -> None:
    """Another thread takes the loop over, and ends it."""
    hog = Hog()
    lab.runners.post(hog, None)
    assert hog.begun.wait(20)
    lab.worker.stop(grace=5)
    assert lab.worker._loop is not None
    assert lab.worker._loop.is_closed()
    hog.end.set()
    hog.thread()


def test_what_is_posted_while_the_loop_ends_does_not_cut_its_end_short(lab: Lab) -> None:
    """A task that does not let itself be cancelled at first is waited for, though a session calls for the thread."""
    session, left = Session(), []

    async def stubborn(payload: Any, deadline: float) -> None:
        for _ in range(2):  # by the worker, and by the loop's end
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        lab.runners.post(session, None)
        for _ in range(3):
            await asyncio.sleep(0)
        left.append("in order")

    lab.functions["stubborn"] = stubborn
    lab.worker.movable("stubborn")
    lab.ask("stubborn")
    lab.where()
    lab.worker.stop(grace=0)
    session.thread()
    assert left == ["in order"]


def test_many_threads_post_while_the_loop_moves(lab: Lab) -> None:
    """Nothing is lost or served twice, whoever has the loop."""
    count, lock = [0], threading.Lock()

    def work() -> None:
        with lock:
            count[0] += 1

    def post(sessions: list[Session]) -> None:
        for n, session in enumerate(sessions):
            lab.runners.post(session, None)
            if n % 50 == 0:
                lab.where()

    crowds = [[Session(work) for _ in range(300)] for _ in range(4)]
    posters = [threading.Thread(target=post, args=(crowd,)) for crowd in crowds]
    for poster in posters:
        poster.start()
    for _ in range(5):
        hog = Hog()
        lab.runners.post(hog, None)
        assert hog.begun.wait(20)
        lab.where()
        hog.end.set()
    for poster in posters:
        poster.join()
    for crowd in crowds:
        for session in crowd:
            session.thread()
    assert count[0] == 1200


def test_a_plain_function_may_run_another_script() -> None:
    """On the thread it is called on, which had the loop."""
    with Host(simulate=True) as host:

        @host.function(inline=True)
        def nested(code: str) -> str:
            return str(host.run_source(code).raise_for_error().value)

        code = "return nested[==[return nested[=[return new_product():name('x'):create():sub(1, 5)]=]]==]"
        assert host.run_source(code).raise_for_error().value == "prod_"


@pytest.fixture
def unwatched() -> Iterator[Host]:
    """A host that has its loop's thread, while no other thread looks whether that is held."""
    before = set(threading.enumerate())
    with Host(simulate=True) as host:
        host.run_source("return 1").raise_for_error()
        for each in set(threading.enumerate()) - before:
            if each.name.endswith("-watch"):
                each.join(20)
        yield host


def test_a_plain_function_may_run_another_script_on_a_loop_of_its_own(unwatched: Host) -> None:
    """It awaits the run on the very thread that had the host's loop, which begins it."""
    host = unwatched

    @host.function(inline=True)
    def nested(code: str) -> str:
        return str(asyncio.run(host.run_source_async(code)).raise_for_error().value)

    assert host.run_source("return nested('return 7')").raise_for_error().value == "7"


def test_a_plain_function_may_call_an_api_on_a_loop_of_its_own(unwatched: Host) -> None:
    """It awaits the call on the very thread that had the host's loop, which sends it."""
    host = unwatched

    @host.function(inline=True)
    def create() -> str:
        made = asyncio.run(host.registry.make_request_async("products", "POST", {"name": "x"}))
        return str(made["id"])

    assert host.run_source("return create():sub(1, 5)").raise_for_error().value == "prod_"


def test_a_plain_function_may_take_results_of_run_many(unwatched: Host) -> None:
    """Which begins runs as they are asked for, wherever that is."""
    host = unwatched
    results = host.run_many([{"code": "return 7"}])

    @host.function(inline=True)
    def take() -> int:
        return int(next(results).raise_for_error().value)

    assert host.run_source("return take()").raise_for_error().value == 7


def test_an_endless_script_keeps_no_call_of_others_waiting() -> None:
    """It moves off the loop's thread; a hundred calls of another script are answered before it is ended."""
    with Host(simulate=True) as host:
        results = host.run_many(
            [
                {"code": "while true do end", "timeout": 60},
                {"code": "for i = 1, 100 do new_product():name('x'):create() end return 1"},
            ]
        )
        first = next(results)
        assert first.value == 1
        host.interrupt()
        assert next(results).error is not None


def test_a_sink_that_raises_harms_no_run(caplog: pytest.LogCaptureFixture) -> None:
    """It may raise on the loop's thread, which all runs need."""

    class Sink:
        def emit(self, event: Event) -> None:
            raise ValueError("no")

    with Host(simulate=True, sinks=[Sink()]) as host:
        for _ in range(2):
            code = "return new_product():name('x'):create():sub(1, 5)"
            assert host.run_source(code).raise_for_error().value == "prod_"
    assert "a sink raised" in caplog.text
