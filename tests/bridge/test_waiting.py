"""One way to wait for what another thread tells: blocking, and on a loop."""

from __future__ import annotations

import ast
import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host.bridge.waiting import settle, wait, wait_async

HOST = Path(__file__).parents[2] / "host"
Tell = Callable[[Any], None]


def from_a_thread(*values: Any) -> Callable[[Tell], Callable[[], object]]:
    """Work that tells its values one after the other on a thread of its own."""

    def begin(tell: Tell) -> Callable[[], object]:
        thread = threading.Thread(target=lambda: [tell(value) for value in values])
        thread.start()
        return thread.join

    return begin


def both(begin: Callable[[Tell], Callable[[], object]]) -> list[Any]:
    """The value by the blocking and by the async wait."""

    async def on_a_loop() -> Any:
        return await wait_async(begin)

    return [wait(begin), asyncio.run(on_a_loop())]


def test_the_first_value_delivered_counts() -> None:
    """Both waits give it; what is told after it is dropped."""
    assert both(from_a_thread("first")) == ["first", "first"]
    assert both(from_a_thread("first", "second", "third")) == ["first", "first"]


def test_a_value_delivered_before_the_work_has_begun_is_not_lost() -> None:
    """Work that is done at once tells before ``begin`` returns."""

    def begin(tell: Tell) -> Callable[[], object]:
        tell("at once")
        return lambda: pytest.fail("nothing to give up")

    assert both(begin) == ["at once", "at once"]


def test_what_begin_raises_is_raised() -> None:
    """Nothing is waited for then."""

    def begin(_: Tell) -> Callable[[], object]:
        raise LookupError("no such work")

    with pytest.raises(LookupError):
        wait(begin)
    with pytest.raises(LookupError):
        asyncio.run(wait_async(begin))


def test_a_cancelled_wait_gives_the_work_up() -> None:
    """Once, and what is told afterwards meets nobody."""
    given_up: list[str] = []
    tells: list[Tell] = []

    def begin(tell: Tell) -> Callable[[], object]:
        tells.append(tell)
        return lambda: given_up.append("given up")

    async def cancelled() -> None:
        task = asyncio.create_task(wait_async(begin))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        tells[0]("too late")
        await asyncio.sleep(0)

    asyncio.run(cancelled())
    assert given_up == ["given up"]


def test_an_interrupted_wait_gives_the_work_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a blocking wait."""
    given_up: list[str] = []

    class Interrupted:
        def put(self, value: Any) -> None:
            pytest.fail("nothing is told")

        def get(self) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr("host.bridge.waiting.SimpleQueue", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        wait(lambda tell: lambda: given_up.append("given up"))
    assert given_up == ["given up"]


def test_a_closed_loop_gets_nothing() -> None:
    """Whoever has the answer does not fail because nobody waits any more."""
    loop = asyncio.new_event_loop()
    future: asyncio.Future[int] = loop.create_future()
    loop.close()
    settle(future, 1)
    assert not future.done()


def test_no_other_file_settles_a_future_from_another_thread() -> None:
    """``call_soon_threadsafe`` with a result is here, or the worker's own business."""
    found = set()
    for path in HOST.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if {"call_soon_threadsafe", "set_result"} <= names:
            found.add(path.relative_to(HOST).as_posix())
    assert found == {"bridge/waiting.py"}
