"""The parts of ``runs`` about runs that were submitted to a fleet."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from host.cli.journal_options import journal_options
from host.cli.strict import StrictCommand
from host.config_file import read_config
from host.errors import UsageError
from host.fleet.setting import database_url
from host.settings import Settings

if TYPE_CHECKING:
    from host.fleet.database import FleetDatabase

__all__ = ["cancel", "fleet_of", "follow", "job_lines", "listed", "retry"]

LOOK: Final = 0.3  # seconds between looks at what a run printed


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
    database: FleetDatabase | None, known: Collection[str], *, failed: bool
) -> tuple[list[tuple[str, str, str]], dict[str, str], list[tuple[str, str, float, str]]]:
    """Of the fleet: the runs nobody has begun (id, status, script), the status of each run, and its schedules."""
    if database is None:
        return [], {}, []
    from host.fleet.jobs import jobs
    from host.fleet.schedules import schedules

    rows = jobs(database, statuses=("failed", "stopped") if failed else ())
    waiting = [(row.id, row.status, row.script) for row in rows if row.id not in known]
    due = (
        []
        if failed
        else [(each.name, f"{each.cron} {each.zone}", each.next, each.script) for each in schedules(database)]
    )
    return waiting, {row.id: row.status for row in rows}, due


def job_lines(database: FleetDatabase | None, run_id: str) -> list[str]:
    """Lines about a submitted run."""
    if database is None:
        return []
    from host.fleet.jobs import error_of, job, waiting

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
    error = error_of(found.error)
    if error is not None:
        lines.append(f"ended with: {error}")
    return lines


def follow(database: FleetDatabase | None, run_id: str) -> None:
    """Show what a run prints until it has ended. Raises ``UsageError`` for one that was not submitted."""
    from host.fleet.jobs import job, output, waiting

    assert database is not None
    at, shown = 0, None
    while True:
        found = job(database, run_id)
        if found is None:
            raise UsageError(f"no run {run_id} was submitted to this fleet")
        data, at = output(database, run_id, at)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        if found.has_ended:
            return
        why = waiting(database, found)
        if why is not None and why != shown:
            click.echo(f"waiting: {why}", err=True)
        shown = why
        time.sleep(LOOK)


def _settings(database: str | None, env_file: str | None) -> Settings:
    found = read_config(None)
    return Settings.load(env_file=env_file, overrides={"database": database}, config=(found.path, found.settings))


@click.command(cls=StrictCommand)
@click.argument("run_id", metavar="ID")
@journal_options
def cancel(run_id: str, journal: str | None, env_file: str | None) -> int:
    """Cancel a submitted run, ending it if it has begun; or remove a schedule, whose ID is its name."""
    from host.fleet.jobs import cancel as cancel_run
    from host.fleet.jobs import job
    from host.fleet.schedules import remove

    with fleet_of(_settings(journal, env_file), "runs cancel") as database:
        assert database is not None
        if job(database, run_id) is None and remove(database, run_id):
            click.echo(f"{run_id} is no schedule any more; the runs it submitted stay")
            return 0
        status = cancel_run(database, run_id)
    click.echo(f"{run_id} is cancelled" if status == "cancelled" else f"{run_id} is running, and is being ended")
    return 0


@click.command(cls=StrictCommand)
@click.argument("run_id", metavar="ID")
@journal_options
def retry(run_id: str, journal: str | None, env_file: str | None) -> int:
    """Continue a submitted run that failed, was stopped or cancelled, on any worker."""
    from host.fleet.jobs import retry as retry_run

    with fleet_of(_settings(journal, env_file), "runs retry") as database:
        assert database is not None
        retry_run(database, run_id)
    click.echo(f"{run_id} is queued again")
    return 0


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(at))
