"""Where a durable run may be resumed: with the APIs, the keys and the simulator with which it was started."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from host.apis.api import Api
from host.durable.chosen_journal import default_journal
from host.durable.records import Binding, RunRow
from host.errors import JournalError
from host.run.script import RunResult

if TYPE_CHECKING:
    from host.run.job import RunServices
    from host.settings import Settings

__all__ = ["HostParts", "binding_of", "bound_apis", "check_bound", "kept_simulator"]


class HostParts(msgspec.Struct, frozen=True):
    """The parts of a host that durable runs use.

    ``simulator()`` returns the host's simulator, or ``None`` if there is none yet; ``keep_simulator(path)`` stores its
    objects in a file, which is possible if ``own_simulator``. ``run_many(jobs, concurrency, keep, again)`` runs jobs.
    """

    settings: Settings
    apis: Mapping[str, Api]
    services: RunServices
    simulator: Callable[[], Any]
    keep_simulator: Callable[[str], None]
    own_simulator: bool
    run_many: Callable[..., Iterator[RunResult]]


def binding_of(parts: HostParts, names: Collection[str] | None = None) -> Binding:
    """Where the calls of a host's runs go, and with which key; ``names`` restricts it to these APIs."""
    if parts.services.simulated:
        return Binding("simulated", "simulated", "")
    apis = sorted((name, api) for name, api in parts.apis.items() if names is None or name in names)
    keys = "\0".join(f"{name}\0{api.key.reveal() if api.key else ''}" for name, api in apis)
    account = hashlib.sha256(f"luahost journal\0{keys}".encode()).hexdigest()[:16]
    return Binding(parts.settings.mode or "other", ", ".join(f"{name} {api.base_url}" for name, api in apis), account)


def bound_apis(run: RunRow) -> list[str] | None:
    """The APIs to which a run is bound; its host may have further ones. ``None``, for all, if the run is simulated."""
    if run.mode == "simulated":
        return None
    return [each.partition(" ")[0] for each in run.base.split(", ") if each]


def check_bound(run: RunRow, here: Binding, *, other_key: bool = False) -> None:
    """Raise ``JournalError`` unless a run's calls go to the same place as before; ``other_key`` allows another key."""
    there = run.binding
    differs = there.difference(here)
    if differs == "mode":
        raise JournalError(
            f"run {run.id} is a {there.mode} run and would continue as a {here.mode} one",
            hint="resume it with the key it was started with"
            if there.mode != "simulated"
            else "resume it with --simulate",
        )
    if differs == "base":
        raise JournalError(f"run {run.id} called {there.base} and would continue with {here.base}")
    if differs is not None and not other_key:
        raise JournalError(
            f"run {run.id} was started with another key",
            hint="with a new key of the same account, resume it with --other-key; "
            "the keys of another account would do everything again there",
        )


def kept_simulator(parts: HostParts, run_id: str, path: str | None) -> str | None:
    """Make sure that a simulated run's objects are on disk; returns the file's path."""
    simulator = parts.simulator()
    if simulator is None:
        return None
    kept: str | None = simulator.store.path
    if kept is None and parts.own_simulator:
        kept = path or _simulator_file(parts, run_id)
        parts.keep_simulator(kept)
    if path is not None and kept != path:
        raise JournalError(f"run {run_id} is simulated with {path}, but this host's simulator uses {kept or 'no file'}")
    return kept


def _simulator_file(parts: HostParts, run_id: str) -> str:
    journal = parts.settings.journal or default_journal()
    beside = (
        journal.removeprefix("sqlite:///") if "://" not in journal.removeprefix("sqlite:///") else default_journal()
    )
    folder = Path(beside).absolute().parent / "simulated"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder / f"{run_id}.sqlite")
