"""What a host is put together of: each part alone, and that the host holds little else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host import Host, Limits, Settings, UsageError
from host.apis.stripe import load
from host.bridge.registry import AsyncFunctionRegistry
from host.host_durable import HostDurable
from host.host_engine import OWN, HostEngine
from host.host_simulator import HostSimulator
from host.simulator.simulator import Simulator

MOST = 15


class Client:
    """A client that is the host's own, or not."""

    def __init__(self, *, is_own: bool) -> None:
        self.is_own = is_own


@pytest.fixture
def engine() -> Any:
    found = HostEngine(AsyncFunctionRegistry(), Settings())
    yield found
    found.stop(0.0)
    found.close()


def test_an_engine_makes_states_in_this_process_or_another(engine: HostEngine) -> None:
    """``none`` leaves things as they are; ``process`` pins the loop and takes states from processes."""
    engine.isolate("none", Limits())
    assert engine.isolation is None
    assert engine.new_state == engine.states.new
    engine.isolate("process", Limits())
    assert engine.isolation is not None
    assert engine.new_state == engine.isolation.state
    assert engine.exhausted == 0


@pytest.mark.parametrize("is_own", [True, False])
def test_the_loop_is_pinned_by_a_client_that_is_not_ours(engine: HostEngine, is_own: bool, monkeypatch: Any) -> None:
    """What httpx or a program runs there may depend on its thread; functions of the host's own do not."""
    pinned, movable = [], []
    monkeypatch.setattr(engine.worker, "pin", lambda: pinned.append(1))
    monkeypatch.setattr(engine.worker, "movable", movable.append)
    engine.drive(Client(is_own=is_own))
    assert bool(pinned) is not is_own
    assert movable == [*OWN]


def test_a_simulator_of_the_hosts_own_is_made_once_and_may_go_to_disk(tmp_path: Path) -> None:
    """It is made with the first client, answers as the client's, and moves while it is empty."""

    class Wire:
        def __init__(self, client: Any) -> None:
            self.client = client

    found = HostSimulator(None, lenient=False)
    assert found.is_own
    assert found.simulator is None
    catalog = load()
    wire: Any = Wire(found.client(catalog))
    first = found.simulator
    found.client(catalog)
    assert found.simulator is first
    found.keep(str(tmp_path / "objects.sqlite"), catalog, wire)
    assert found.simulator is not None
    assert found.simulator is not first
    assert found.simulator.store.path == str(tmp_path / "objects.sqlite")
    found.simulator.close()


def test_a_simulator_with_objects_does_not_go_to_disk(tmp_path: Path) -> None:
    """What was made in memory would be missing there."""
    given = Simulator(load())
    with Host(simulator=given) as host:
        host.run_source("return new_product():name('x'):create()").raise_for_error()
    found = HostSimulator(given, lenient=False)
    assert not found.is_own
    with pytest.raises(UsageError, match="holds objects already"):
        found.keep(str(tmp_path / "objects.sqlite"), load(), None)  # type: ignore[arg-type]


def test_durable_runs_are_opened_with_the_first_and_once() -> None:
    """Closing what was never opened opens nothing."""
    asked: list[int] = []

    def parts() -> Any:
        asked.append(1)

    durable = HostDurable(parts)
    durable.close()
    assert asked == []
    assert durable.runs is durable.runs
    assert asked == [1]


def test_a_host_holds_its_parts_and_little_else() -> None:
    """At most fifteen attributes, of which four are for programs."""
    with Host(simulate=True) as host:
        names = vars(host)
        assert len(names) <= MOST
        assert {name for name in names if not name.startswith("_")} == {"limits", "registry", "settings", "simulated"}
        for fixed in ("limits", "isolation", "registry", "settings", "simulated"):
            with pytest.raises(UsageError, match=f"{fixed} is fixed"):
                setattr(host, fixed, None)
