"""A host that is asked to block a running event loop does so, and says what would not."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import Host

CALLS: dict[str, tuple[Callable[[Host], Any], str]] = {
    "run": (lambda host: host.run("return 1 + 1").value, r"run_async\(\)"),
    "run_source": (lambda host: host.run_source("return 2").value, r"run_source_async\(\)"),
    "run_many": (lambda host: next(r.value for r in host.run_many(["return 1 + 1"])), r"run_async\(\).*gather"),
    "resume": (lambda host: host.resume("old").value, r"resume_async\(\)"),
    "make_request": (
        lambda host: 2 * (host.registry.make_request("products", "POST", {"name": "x"})["object"] == "product"),
        r"make_request_async\(\)",
    ),
}


@pytest.mark.parametrize("name", CALLS)
async def test_blocking_a_loop_warns_and_names_the_async_form(name: str, tmp_path: Path) -> None:
    """The warning is told of the caller's line; the call is made all the same."""
    call, form = CALLS[name]
    async with Host(simulate=True, journal=str(tmp_path / "journal")) as host:
        await host.run_source_async("return 2", run_id="old")
        with pytest.warns(RuntimeWarning, match=rf"^{name}\(\) blocks the running event loop.*{form}") as caught:
            assert call(host) == 2
        assert [each.filename for each in caught] == [__file__]


async def test_it_is_reported_once_for_each_place() -> None:
    """As Python's warnings are by default."""
    async with Host(simulate=True) as host:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(3):
                host.run_source("return 1")
            host.run_source("return 1")
    assert len(caught) == 2


async def test_closing_warns_where_it_waits() -> None:
    """A host with runs under way waits for their end; one without has nothing to wait for."""
    with Host(simulate=True) as host:
        await host.run_source_async("return 1")
    host = Host(simulate=True)
    began = asyncio.Event()
    loop = asyncio.get_running_loop()
    run = asyncio.create_task(
        host.run_source_async("sleep(60)", sinks=[lambda _: loop.call_soon_threadsafe(began.set)])
    )
    await began.wait()
    with pytest.warns(RuntimeWarning, match=r"close\(\) blocks the running event loop.*async with"):
        host.close()
    result = await run
    assert result.error is not None
    assert result.error.kind == "closed"


def test_threads_and_functions_are_not_warned() -> None:
    """No loop runs in them."""
    with Host(simulate=True) as host:
        host.function(lambda: host.run_source("return 3").value, name="nested")
        assert host.run_source("return nested()").raise_for_error().value == 3
