"""After close() each use of a host is an error that says so, and closing again is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import ClosedError, Host, Plan
from host.libraries.library import Library


class Order:
    def create(self) -> str:
        return "x"


USES: dict[str, Callable[[Host], Any]] = {
    "run": lambda host: host.run("return 1 + 1"),
    "run_source": lambda host: host.run_source("return 1"),
    "run_async": lambda host: asyncio.run(host.run_async("return 1 + 1")),
    "run_source_async": lambda host: asyncio.run(host.run_source_async("return 1")),
    "run_many": lambda host: host.run_many([]),
    "resume": lambda host: host.resume("r"),
    "resume_async": lambda host: asyncio.run(host.resume_async("r")),
    "function": lambda host: host.function(lambda: 1, name="one"),
    "functions": lambda host: host.functions(Order()),
    "builder": lambda host: host.builder(Order),
    "add_api": lambda host: host.add_api("pets", {}),
    "add_library": lambda host: host.add_library(Library("money", "return {}", ("money",))),
    "use": lambda host: host.use(),
    "plan": lambda host: host.plan("return 1"),
    "apply": lambda host: host.apply(Plan(script="x", source=b"", base="", mode="", account="")),
    "plan_many": lambda host: list(host.plan_many(["return 1"])),
    "apply_many": lambda host: list(host.apply_many("none.plan")),
    "submit": lambda host: host.submit("return 1"),
    "fleet_worker": lambda host: host.fleet_worker(),
    "webhooks": lambda host: host.webhooks('on("*", print)', secret="whsec_1"),
    "make_request": lambda host: host.registry.make_request("products", "GET"),
    "make_request_async": lambda host: asyncio.run(host.registry.make_request_async("products", "GET")),
    "with": lambda host: host.__enter__(),
    "a durable run": lambda host: host.run_source("return 1", durable=True),
}
STILL = {"close", "interrupt", "stats", "catalog", "compile"}  # need nothing that is gone


@pytest.mark.parametrize("name", USES)
def test_a_closed_host_says_so(name: str, tmp_path: Path) -> None:
    """Each method by a ClosedError; nothing is opened, written or registered any more."""
    host = Host(simulate=True, journal=str(tmp_path / "journal"))
    host.close()
    host.close()
    with pytest.raises(ClosedError, match="the host is closed"):
        USES[name](host)
    assert not (tmp_path / "journal").exists()


def test_every_method_is_known_here() -> None:
    """A new one says what it does on a closed host."""
    methods = {name for name in dir(Host) if name[0] != "_" and callable(getattr(Host, name))}
    assert methods == {*(name for name in USES if hasattr(Host, name)), *STILL}
    host = Host(simulate=True)
    host.close()
    host.interrupt()
    assert host.stats().runs == 0
    assert host.catalog().name == "stripe"
    assert host.compile("return 1 + 1").name == "inline"


def test_what_is_left_of_an_isolated_host() -> None:
    """Its isolation cannot be asked any more."""
    host = Host(simulate=True, isolation="process")
    host.close()
    assert host.isolation is not None
    with pytest.raises(ClosedError, match="the host is closed"):
        host.isolation.describe()
