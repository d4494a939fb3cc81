"""``runs``: the durable runs in a journal: listing, showing, deleting and undoing them."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from host.cli.fleet_runs import cancel, fleet_of, follow, job_lines, listed, retry
from host.cli.journal_options import journal_options, opened, runs_of, status_of
from host.cli.strict import StrictGroup
from host.cli.undo import command as undo
from host.errors import UsageError

if TYPE_CHECKING:
    from host.durable.audit_trail import TrailEntry
    from host.durable.journal import Journal
    from host.durable.records import RunRow

__all__ = ["command"]

PRINTED = 20  # lines of a run's output
LONGEST_LINE = 500  # characters of each
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@click.group(name="runs", cls=StrictGroup)
def command() -> None:
    """List, show, delete and undo durable runs."""


command.add_command(undo)
command.add_command(cancel)
command.add_command(retry)


@command.command("list")
@click.option("--failed", is_flag=True, help="Only runs that failed.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", default=1000, show_default=True, help="Show at most N runs."
)
@click.option("--before", metavar="ID", help="Only runs that began before this one.")
@journal_options
def list_(failed: bool, limit: int, before: str | None, journal: str | None, env_file: str | None) -> int:
    """Runs, the newest first."""
    from host.cli.run_pages import calls_of, newest, state_of  # for a journal that can be opened

    with opened(journal, env_file) as (store, settings):
        runs = newest(store, failed=failed, before=before, limit=limit + 1)
        made = calls_of(store, runs[:limit])
        with fleet_of(settings) as fleet:
            waiting, statuses, due = listed(fleet, [run.id for run in runs], failed=failed, limit=limit)
        waiting, due = ([], []) if before is not None else (waiting, due)
        now = store.clock()
        rows = [
            (
                run.id, statuses.get(run.id) or state_of(run, now), run.mode, _time(run.created),
                str(max(run.calls, made.get(run.id, 0))), run.script,
            )
            for run in runs[:limit]
        ]  # fmt: skip
    more = f"; --before {runs[limit - 1].id} shows older ones" if len(runs) > limit else ""
    rows = [*((id, status, "", "", "0", script) for id, status, script in waiting), *rows]
    _table([("ID", "STATUS", "MODE", "BEGUN", "CALLS", "SCRIPT"), *rows] if rows else [("no runs",)])
    if due:
        click.echo()
        _table([("SCHEDULE", "CRON", "NEXT", "SCRIPT"), *((*each[:2], _time(each[2]), each[3]) for each in due)])
    if more or len(waiting) == limit:
        click.echo(f"these are {len(rows):,} runs, and there are more{more}", err=True)
    return 0


@command.command()
@click.argument("run_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option("-f", "--follow", "following", is_flag=True, help="Follow the run's output until it ends.")
@click.option("--html", metavar="FILE", help="Write an HTML page of all its calls instead, like --trace.")
@journal_options
def show(
    run_id: str, as_json: bool, following: bool, html: str | None, journal: str | None, env_file: str | None
) -> int:
    """What a run, or each run of a batch, changed: time, line, operation, id, amount and outcome."""
    if html is not None:
        if as_json or following:
            other = "--json" if as_json else "--follow"
            raise UsageError(f"{other} prints to stdout and --html writes a file: choose one")
        return _write_page(html, run_id, journal, env_file)
    with opened(journal, env_file) as (store, settings):
        with fleet_of(settings) as fleet:
            if following:
                follow(store, fleet, run_id)
            lines = job_lines(fleet, run_id)
        if lines and not as_json:
            click.echo("\n".join(lines))
        if lines and store.run(run_id) is None:
            return 0
        runs = runs_of(store, run_id)
        shown = [(run, _entries(store, run), status_of(store, run)) for run in runs]
        printed = [] if as_json or following or len(runs) > 1 else _printed(store, run_id)
    if as_json:
        for run, entries, _ in shown:
            _show_json(run, entries)
        return 0
    _tell(run_id, shown)
    for line in printed:
        click.echo(line)
    return 0


def _tell(run_id: str, shown: list[tuple[RunRow, list[TrailEntry], str]]) -> None:
    if shown[0][0].id != run_id:
        counts = Counter(status for _, _, status in shown)
        parts = ", ".join(f"{number} {status}" for status, number in counts.items())
        click.echo(f"{run_id}  batch of {len(shown)} run{'' if len(shown) == 1 else 's'}: {parts}\n")
    for run, entries, status in shown:
        click.echo(f"{run.id}  {run.script}  {status}  {run.mode}  {run.base}")
        if run.error:
            click.echo(f"ended with: {run.error}")
        _table([("TIME", "LINE", "OPERATION", "ID", "AMOUNT", "OUTCOME"), *(_row(entry) for entry in entries)])


def _printed(store: Journal, run_id: str) -> list[str]:
    """The last lines of a run's output."""
    from host.durable.kept_output import end_of_output

    text, cut = end_of_output(store, run_id)
    lines = text.splitlines()
    if not lines:
        return []
    more = cut or len(lines) > PRINTED
    where = f", the last lines (all of them: runs show -f {run_id}{store.option})" if more else ""
    return ["", f"printed{where}:", *(f"  {_readable(line)}" for line in lines[-PRINTED:])]


def _readable(line: str) -> str:
    """A line without what would move the cursor or colour what follows, cut where it is long."""
    whole = "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in line[: LONGEST_LINE + 1])
    return whole if len(whole) <= LONGEST_LINE else f"{whole[:LONGEST_LINE]}…"


def _entries(store: Journal, run: RunRow) -> list[TrailEntry]:
    from host.durable.audit_trail import trail_of
    from host.durable.undoing import taken_back

    back = taken_back(store, run)
    entries = trail_of(store.records(run.id))
    return [replace(each, outcome="undone") if each.call in back else each for each in entries]


def _write_page(html: str, run_id: str, journal: str | None, env_file: str | None) -> int:
    from host.cli.run_page import write_page  # the page is large

    with opened(journal, env_file) as (store, settings):
        runs = runs_of(store, run_id)
        calls = write_page(html, store, runs, settings)
    many = f" of {len(runs)} runs" if len(runs) > 1 else ""
    click.echo(f"{html}: {calls} call{'' if calls == 1 else 's'}{many}")
    return 0


@command.command()
@click.argument("run_id", metavar="ID")
@journal_options
def delete(run_id: str, journal: str | None, env_file: str | None) -> int:
    """Forget a run, or a batch. What it did stays done; it cannot be resumed or undone any more."""
    with opened(journal, env_file) as (store, _):
        runs = runs_of(store, run_id)
        for run in runs:
            _check_idle(store, run)
        for run in runs:
            _delete(store, run)
    click.echo(f"deleted {run_id}")
    return 0


@command.command()
@click.option("--older-than", "age", metavar="AGE", required=True, help="Age, such as 30d, 12h or 90m.")
@click.option("--unfinished", is_flag=True, help="Also runs that failed or were interrupted.")
@journal_options
def prune(age: str, unfinished: bool, journal: str | None, env_file: str | None) -> int:
    """Forget runs that ended, and events that were handled, before AGE."""
    seconds = _age(age)
    with opened(journal, env_file) as (store, _):
        before = store.clock() - seconds
        old = [
            run
            for run in store.runs()
            if run.updated < before
            and not store.is_running(run)
            and (unfinished or run.status in ("done", "replaced", "undone"))
        ]
        for run in old:
            _delete(store, run)
        store.forget_events(before)
    click.echo(f"deleted {len(old)} run{'' if len(old) == 1 else 's'}")
    return 0


def _check_idle(store: Journal, run: RunRow) -> None:
    if store.is_running(run):
        raise UsageError(f"run {run.id} is running and cannot be deleted")


def _delete(store: Journal, run: RunRow) -> None:
    from host.durable.undoing import attempts

    _check_idle(store, run)
    for attempt in attempts(store, run):
        _check_idle(store, attempt)
        store.delete(attempt.id)
    store.delete(run.id)
    if run.simulator is not None and not any(other.simulator == run.simulator for other in store.runs()):
        for end in ("", "-wal", "-shm"):
            with suppress(OSError):
                os.unlink(run.simulator + end)


def _row(entry: TrailEntry) -> tuple[str, ...]:
    outcome = entry.outcome
    if outcome == "in doubt":
        outcome += f": {entry.call}"
    if entry.error:
        outcome += f": {entry.error.get('message', '')}".replace("\n", " ")
    line = "" if entry.line is None else str(entry.line)
    return _time(entry.at), line, entry.operation, entry.id, entry.amount, outcome


def _show_json(run: RunRow, entries: list[TrailEntry]) -> None:
    for entry in entries:
        click.echo(
            json.dumps(
                {
                    "run": run.id, "call": entry.call, "at": entry.at,
                    "line": entry.line, "operation": entry.operation, "id": entry.id,
                    "amount": entry.amount, "outcome": entry.outcome, "request_id": entry.request_id,
                    "key": entry.key, "error": entry.error,
                }
            )
        )  # fmt: skip


def _time(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""


def _age(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip())
    if match is None:
        raise UsageError(f"--older-than is {text!r}; expected a number with s, m, h, d or w, such as 30d")
    return float(match[1]) * _UNITS[match[2]]


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
