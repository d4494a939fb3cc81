"""``runs``: the durable runs in a journal, what each did, and taking it back."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from host.cli.strict import StrictGroup
from host.errors import UsageError
from host.settings import Settings

if TYPE_CHECKING:
    from host.gate.journal.journal import Journal
    from host.gate.journal.records import Run
    from host.gate.journal.statement import Entry
    from host.gate.undo import Reversal
    from host.host import Host

__all__ = ["command"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@click.group(name="runs", cls=StrictGroup)
def command() -> None:
    """List, show, delete and undo durable runs."""


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--env-file", metavar="FILE", help="Read settings from FILE instead of .env.")(
        function
    )
    return click.option("--journal", metavar="URL", help="The journal: a file, or a database's URL.")(
        function
    )


@command.command("list")
@_options
def list_(journal: str | None, env_file: str | None) -> int:
    """All runs, the newest first."""
    with _open(journal, env_file) as (book, _):
        rows = [
            (run.id, _status(book, run), run.mode, _time(run.created), str(run.calls), run.script)
            for run in book.runs()
        ]
    _table([("ID", "STATUS", "MODE", "BEGUN", "CALLS", "SCRIPT"), *rows] if rows else [("no runs",)])
    return 0


@command.command()
@click.argument("run_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@_options
def show(run_id: str, as_json: bool, journal: str | None, env_file: str | None) -> int:
    """What a run changed: time, line, operation, id, amount and what came of it."""
    from host.gate.journal.statement import statement

    with _open(journal, env_file) as (book, _):
        run = _run(book, run_id)
        entries = statement(book.records(run.id))
        status = _status(book, run)
    if as_json:
        _show_json(entries)
        return 0
    click.echo(f"{run.id}  {run.script}  {status}  {run.mode}  {run.base}")
    if run.error:
        click.echo(f"ended with: {run.error}")
    _table([("TIME", "LINE", "OPERATION", "ID", "AMOUNT", "OUTCOME"), *(_row(entry) for entry in entries)])
    return 0


@command.command()
@click.argument("run_id", metavar="ID")
@_options
def delete(run_id: str, journal: str | None, env_file: str | None) -> int:
    """Forget a run. What it did stays done; it cannot be resumed or undone any more."""
    with _open(journal, env_file) as (book, _):
        _delete(book, _run(book, run_id))
    click.echo(f"deleted {run_id}")
    return 0


@command.command()
@click.option("--older-than", "age", metavar="AGE", required=True, help="Such as 30d, 12h or 90m.")
@click.option("--unfinished", is_flag=True, help="Also runs that failed or were broken off.")
@_options
def prune(age: str, unfinished: bool, journal: str | None, env_file: str | None) -> int:
    """Forget runs that ended before AGE."""
    seconds = _age(age)
    with _open(journal, env_file) as (book, _):
        before = book.clock() - seconds
        old = [
            run
            for run in book.runs()
            if run.updated < before
            and not book.is_running(run)
            and (unfinished or run.status in ("done", "replaced"))
        ]
        for run in old:
            _delete(book, run)
    click.echo(f"deleted {len(old)} run{'' if len(old) == 1 else 's'}")
    return 0


@command.command()
@click.argument("run_id", metavar="ID")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--refunds", is_flag=True, help="Give money back that has moved.")
@_options
def undo(run_id: str, dry_run: bool, refunds: bool, journal: str | None, env_file: str | None) -> int:
    """Take back what a run created, the last first: delete, cancel, archive, refund.

    It is a durable run itself, named ID.undo: broken off, give the same command again.
    """
    from host.cli.run import run_one, sinks_of
    from host.gate.journal.statement import statement
    from host.gate.undo import UndoScript, reversals
    from host.host import Host
    from host.run.script import Script

    with _open(journal, env_file) as (book, settings):
        run = _run(book, run_id)
        if book.is_running(run):
            raise UsageError(f"run {run_id} is still being run")
        entries = statement(book.records(run.id))
        name = f"{run.id.replace('~', '-')}.undo" + (".refunds" if refunds else "")
        begun = book.run(name)
    simulate = run.mode == "simulated"

    def work(host: Host) -> Any:
        host.durable_runs.check_bound(run)
        if begun is not None:
            return host.resume(name)
        script = UndoScript.of(found(host))
        return host.run(
            Script.of(UndoScript.SOURCE, name), globals={"steps": script.steps}, durable=True, run_id=name
        )

    def found(host: Host) -> list[Reversal]:
        return reversals(entries, host.durable_runs.apis, refunds=refunds)

    with ExitStack() as stack:
        with Host(simulate=simulate, env_file=env_file, journal=journal) as looking:
            looking.durable_runs.check_bound(run)
            plan = found(looking)
        for each in plan:
            if dry_run and each.tries:
                how = ", or ".join(operation for operation, _ in each.tries)
                click.echo(f"would undo {each.entry.operation} {each.entry.id} {each.entry.amount} by {how}")
            elif not each.tries:
                click.echo(f"CANNOT undo {each.entry.operation} {each.entry.id}: {each.why}", err=not dry_run)
        if dry_run or not any(each.tries for each in plan):
            return 0
        return run_one(
            lambda sinks: Host(
                simulate=simulate,
                env_file=env_file,
                journal=journal,
                sinks=sinks,
                **_same_simulator(run, stack),
            ),
            work,
            sinks_of(stack, sys.stderr, settings, 0, None),
            timeout=None,
            as_json=False,
            debug=False,
            kept=(name, journal),
        )


def _same_simulator(run: Run, stack: ExitStack) -> dict[str, Any]:
    """A simulated run is undone where its objects are."""
    if run.simulator is None:
        return {}
    from host.apis.stripe import load
    from host.simulator.simulator import Simulator
    from host.simulator.store import Store

    simulator = Simulator(load(), store=Store(run.simulator))
    stack.callback(simulator.close)
    return {"simulator": simulator}


@contextmanager
def _open(journal: str | None, env_file: str | None) -> Iterator[tuple[Journal, Settings]]:
    from host.durable import default_journal
    from host.gate.journal.journal import Journal

    settings = Settings.load(env_file=env_file, overrides={"journal": journal})
    book = Journal.open(settings.journal or default_journal())
    try:
        yield book, settings
    finally:
        book.close()


def _run(book: Journal, run_id: str) -> Run:
    run = book.run(run_id)
    if run is None:
        raise UsageError(
            f"there is no run {run_id} in the journal {book.name}", hint="luahost runs list shows them"
        )
    return run


def _delete(book: Journal, run: Run) -> None:
    if book.is_running(run):
        raise UsageError(f"run {run.id} is being run, and cannot be deleted")
    book.delete(run.id)
    if run.simulator is not None and not any(other.simulator == run.simulator for other in book.runs()):
        import os
        from contextlib import suppress

        for end in ("", "-wal", "-shm"):
            with suppress(OSError):
                os.unlink(run.simulator + end)


def _status(book: Journal, run: Run) -> str:
    if run.status == "running" and not book.is_running(run):
        return "broken off"
    return run.status


def _row(entry: Entry) -> tuple[str, ...]:
    outcome = entry.outcome
    if entry.error:
        outcome += f": {entry.error.get('message', '')}".replace("\n", " ")
    line = "" if entry.line is None else str(entry.line)
    return _time(entry.at), line, entry.operation, entry.id, entry.amount, outcome


def _show_json(entries: list[Entry]) -> None:
    import json

    for entry in entries:
        click.echo(
            json.dumps(
                {
                    "at": entry.at, "line": entry.line, "operation": entry.operation, "id": entry.id,
                    "amount": entry.amount, "outcome": entry.outcome, "request_id": entry.request_id,
                    "error": entry.error,
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
