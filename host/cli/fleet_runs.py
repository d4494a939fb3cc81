"""The parts of ``runs`` about runs that others run, on this machine or in a fleet: following, cancelling, retrying."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import click
from msgspec.structs import replace

from host.cli.journal_options import journal_options, opened, runs_of, status_of
from host.cli.strict import StrictCommand
from host.config_file import read_config
from host.errors import JournalError
from host.fleet.setting import database_url
from host.settings import Settings

if TYPE_CHECKING:
    from host.durable.journal import Journal
    from host.fleet.database import FleetDatabase

__all__ = ["cancel", "fleet_of", "follow", "job_lines", "listed", "retry"]

LOOK: Final = 0.3  # seconds between looks at what a run printed
LOOK_AGAIN: Final = 1.0  # the same while the database is away


@contextmanager
def fleet_of(settings: Settings, needed: str | None = None) -> Iterator[FleetDatabase | None]:
    """The fleet's database, if the settings name one; ``needed``: raises ``ConfigError`` naming the command if not."""
    is_fleet = settings.database is not None and settings.database.startswith("postgres")
    if not is_fleet and needed is None:
        yield None
        return
    url = database_url(settings.database, needed or "runs")
    from host.fleet.database import FleetDatabase as Database  # an extra

    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def listed(
    database: FleetDatabase | None, shown: Sequence[str], *, failed: bool, limit: int
) -> tuple[list[tuple[str, str, str]], dict[str, str], list[tuple[str, str, float, str]]]:
    """Of the fleet: the runs nobody has begun (id, status, script), the status of each that is ``shown``, and its
    schedules."""
    if database is None:
        return [], {}, []
    from host.fleet.jobs import not_begun, statuses
    from host.fleet.schedules import schedules

    rows = not_begun(database, statuses=("failed", "stopped") if failed else (), limit=limit)
    waiting = [(row.id, row.status, row.script) for row in rows]
    due = (
        []
        if failed
        else [(each.name, f"{each.cron} {each.zone}", each.next, each.script) for each in schedules(database)]
    )
    return waiting, statuses(database, shown), due


def job_lines(database: FleetDatabase | None, run_id: str) -> list[str]:
    """Lines about a submitted run."""
    if database is None:
        return []
    from host.fleet.jobs import job, waiting

    found = job(database, run_id)
    if found is None:
        return []
    lines = [f"{found.id}  {found.script}  {found.status}  queue {found.queue}, priority {found.priority}"]
    if found.due is not None and not found.has_ended:
        lines.append(f"not before: {_time(found.due)}")
    if found.worker is not None:
        lines.append(f"worker: {found.worker}, attempt {found.attempts}")
    why = waiting(database, found)
    if why is not None:
        lines.append(f"waiting: {why}")
    if found.ended_with is not None:
        lines.append(f"ended with: {found.ended_with}")
    return lines


def follow(store: Journal, database: FleetDatabase | None, run_id: str) -> None:
    """Show what a run prints until it has ended, also while its database restarts.

    Raises ``UsageError`` for one that there is not.
    """
    from host.durable.database import JournalLost
    from host.durable.kept_output import kept_output

    at, shown, over = 0, None, False
    while not over:
        pause = LOOK
        try:
            over, why = _state(store, database, run_id)
            data, at = kept_output(store, run_id, at)
        except JournalLost as error:
            if "://" not in store.name:  # a file that is gone does not come back
                raise
            over, why, data, pause = False, f"{error.message}; trying again", b"", LOOK_AGAIN
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        if why is not None and why != shown:
            click.echo(f"waiting: {why}", err=True)
        shown = why
        if not over:
            time.sleep(pause)


def _state(store: Journal, database: FleetDatabase | None, run_id: str) -> tuple[bool, str | None]:
    """Whether a run has ended, and why it waits, as far as that is known."""
    if database is not None:
        from host.fleet.jobs import job, waiting

        found = job(database, run_id)
        if found is not None:
            return found.has_ended, waiting(database, found)
    run = store.run(run_id)
    if run is None:
        from host.durable.chosen_journal import no_such_run

        raise no_such_run(store, run_id)
    return status_of(store, run) != "running", None


def _settings(database: str | None, env_file: str | None) -> Settings:
    found = read_config(None)
    return Settings.load(env_file=env_file, overrides={"database": database}, config=(found.path, found.settings))


@click.command(cls=StrictCommand)
@click.argument("run_id", metavar="ID")
@journal_options
def cancel(run_id: str, journal: str | None, env_file: str | None) -> int:
    """Cancel a run or a batch, whatever process or machine runs it; or remove a schedule, whose ID is its name."""
    with opened(journal, env_file) as (store, settings):
        with fleet_of(_of_its_fleet(store, settings)) as database:
            said = None if database is None else _cancel_submitted(database, run_id)
        click.echo(said or _cancel_running(store, run_id))
    return 0


def _of_its_fleet(store: Journal, settings: Settings) -> Settings:
    """The settings with the journal's database as the fleet's, if it is one."""
    if settings.database is None and "://" in store.name:
        with suppress(JournalError):  # there is no such table: it is a journal and nothing else
            store.read("SELECT version FROM luahost_fleet_version", {})
            return replace(settings, database=settings.journal)
    return settings


def _cancel_submitted(database: FleetDatabase, run_id: str) -> str | None:
    """What came of it, or ``None``: nothing of that name was submitted."""
    from host.fleet.batches import cancel_batch
    from host.fleet.jobs import cancel as cancel_job
    from host.fleet.jobs import job
    from host.fleet.schedules import remove

    if job(database, run_id) is None:
        if remove(database, run_id):
            return f"the schedule {run_id} is removed; the runs it has submitted stay"
        found = cancel_batch(database, run_id)
        if found is None:
            return None
        return f"{run_id}: {found.waiting:,} runs are cancelled, {found.running:,} are running, and are being ended"
    return f"{run_id} was cancelled" if cancel_job(database, run_id) == "cancelled" else _being_ended(run_id)


def _cancel_running(store: Journal, run_id: str) -> str:
    from host.durable.cancelling import cancel as cancel_run

    runs = runs_of(store, run_id)
    running = [run for run in runs if store.is_running(run)]
    for run in running or runs[:1]:
        cancel_run(store, run)
    return _being_ended(run_id) if runs[0].id == run_id else f"{run_id}: {len(running)} runs are being stopped"


def _being_ended(run_id: str) -> str:
    return f"{run_id} is running and is being stopped"


@click.command(cls=StrictCommand)
@click.argument("run_id", metavar="ID")
@journal_options
def retry(run_id: str, journal: str | None, env_file: str | None) -> int:
    """Continue a submitted run that failed, was stopped or cancelled, on any worker."""
    from host.fleet.jobs import retry as retry_run

    with fleet_of(_settings(journal, env_file), "runs retry") as database:
        assert database is not None
        retry_run(database, run_id)
    click.echo(f"{run_id} was queued again")
    return 0


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(at))
