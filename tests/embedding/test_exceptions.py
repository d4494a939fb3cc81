"""Whatever a program's function or sink raises ends at most the call: the host, and all other runs, go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from host import Host


class Odd(BaseException):
    """Ends programs, and cannot say why."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


RAISED: list[BaseException] = [
    ValueError("bad"),
    Odd(),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    StopIteration(5),
    StopAsyncIteration(),
    asyncio.CancelledError(),
    MemoryError(),
    RecursionError(),
    ExceptionGroup("several", [ValueError("a")]),
    pytest.fail.Exception("the test failed"),
]


def functions(error: BaseException) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """One function of each kind that raises it."""

    async def asynchronous() -> None:
        raise error

    def plain() -> None:
        raise error

    def items() -> Iterator[int]:
        yield 1
        raise error

    async def async_items() -> AsyncIterator[int]:
        yield 1
        raise error

    return {
        "asynchronous": (asynchronous, {}),
        "plain": (plain, {}),
        "inline_one": (plain, {"inline": True}),
        "items": (items, {}),
        "async_items": (async_items, {}),
    }


@pytest.mark.parametrize("kind", functions(ValueError()))
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_a_functions_exception_is_the_scripts_error(error: BaseException, kind: str) -> None:
    """An error table whatever it is and whatever kind of function, in a run that goes on."""
    function, options = functions(error)[kind]
    call = f"for _ in {kind}() do end" if "items" in kind else f"{kind}()"
    with Host(simulate=True) as host:
        host.function(function, name=kind, effect="read", **options)
        for _ in range(2):
            result = host.run_source(
                f"local _, err = pcall(function() {call} end) return {{err.kind, new_product():name('x'):create()}}"
            )
            assert result.ok, result.error
            assert result.value[0] in ("function", "cancelled")


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_a_sinks_exception_is_logged(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Against its contract; the run ends as it would have."""

    class Sink:
        def emit(self, event: Any) -> None:
            raise error

    with Host(simulate=True, sinks=[Sink()]) as host:
        assert host.run_source("print(1) return new_product():name('x'):create()").ok
    assert "a sink raised" in caplog.text


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=lambda error: type(error).__name__)
def test_what_a_function_leaves_behind_on_the_loop_ends_no_run(error: BaseException) -> None:
    """A task of its own that ends as programs end."""

    async def left() -> None:
        raise error

    tasks = []
    with Host(simulate=True) as host:

        @host.function(effect="read")
        async def leaves() -> str:
            tasks.append(asyncio.create_task(left()))
            await asyncio.sleep(0)
            return "done"

        for _ in range(2):
            assert host.run_source("return leaves(), new_product():name('x'):create()").value == "done"
    assert [type(task.exception()) for task in tasks] == [type(error)] * 2
