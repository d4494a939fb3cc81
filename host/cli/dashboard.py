"""``dashboard``: durable runs in a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, HostPlan, host_options
from host.cli.interrupt import call
from host.cli.one_run import GRACE_DURABLE
from host.cli.strict import StrictCommand
from host.cli.undo import same_simulator
from host.errors import ConfigError
from host.fleet.setting import database_url
from host.secret import Secret
from host.settings import Settings

if TYPE_CHECKING:
    from host.durable.journal import Journal
    from host.durable.records import RunRow
    from host.events import Sink
    from host.fleet.database import FleetDatabase
    from host.host import Host

__all__ = ["command"]

_EPILOG = f"""\b
Examples:
  python -m host dashboard
  HOST_DASHBOARD_TOKEN=… python -m host dashboard --listen 0.0.0.0 --allow-host runs.example.com

{EXIT_CODES}"""


@click.command(name="dashboard", cls=StrictCommand, epilog=_EPILOG)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8321,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--listen",
    "address",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; any but a local one needs a token.",
)
@click.option(
    "--allow-host",
    "names",
    metavar="NAME",
    multiple=True,
    help="Also accept requests for this host name (repeatable).",
)
@host_options
def command(port: int, address: str, names: tuple[str, ...], opening: HostOptions) -> int:
    """Show durable runs in a browser; resume and undo them there.

    Runs resumed there may do what these options and host.toml allow. The token HOST_DASHBOARD_TOKEN is asked
    for if it is set; without one, only this machine can connect. Ctrl-C or SIGTERM ends it, and runs that are being
    resumed, which can be resumed again.
    """
    plan = opening.plan()
    try:
        from host.dashboard.access import Access
        from host.dashboard.actions import RunActions
        from host.dashboard.app import Dashboard
        from host.dashboard.fleet_tables import FleetTables
    except ModuleNotFoundError as error:
        raise ConfigError("dashboard needs Starlette and Jinja", hint="pip install 'luahost[dashboard]'") from error
    from host.serve.server import Server

    settings = plan.settings
    access = Access(settings.dashboard_token, address, names)
    with ExitStack() as stack:
        fleet = _fleet(settings, stack)
        where = fleet.url if fleet is not None else settings.journal  # a fleet's journal is in its database
        journal, notice = _journal(where)
        stack.callback(journal.close)
        plan = replace(plan, options=replace(opening, settings={**opening.settings, "journal": where}))
        tables = None if fleet is None else FleetTables(fleet)
        actions = RunActions(journal, lambda run, sinks: _host(plan, run, sinks))
        stack.callback(actions.close)
        secrets = [value for name in settings.__struct_fields__ if isinstance(value := getattr(settings, name), Secret)]
        app = Dashboard(journal, actions, access, secrets=secrets, tables=tables).app
        server = stack.enter_context(Server(lambda abort: app, address, port, thread="host-dashboard"))
        ended = threading.Event()

        def work() -> None:  # once signals are waited for: who reads the line may send one
            click.echo(f"dashboard of {journal.name} at {server.url} (Ctrl-C ends it)", err=True)
            if notice:
                click.echo(notice, err=True)
            ended.wait()

        call(work, ended.set)  # that is how it is meant to end: status 0
    return 0


def _journal(where: str | None) -> tuple[Journal, str]:
    """The journal, and what to say of it: a dashboard may be opened before the first run, or of a misspelt one."""
    from host.durable.chosen_journal import open_journal
    from host.durable.database import NoJournal

    try:
        return open_journal(where, existing=True), ""
    except NoJournal as error:
        return open_journal(where), f"{error.message}; a new one is created; its runs appear once there are any"


def _fleet(settings: Settings, stack: ExitStack) -> FleetDatabase | None:
    """The fleet's database, if there is one and no other journal is asked for."""
    if settings.database is None or settings.journal not in (None, settings.database):
        return None
    url = database_url(settings.database, "dashboard")
    from host.fleet.database import FleetDatabase  # an extra

    database = FleetDatabase(url)
    stack.callback(database.close)
    return database


@contextmanager
def _host(plan: HostPlan, run: RunRow, sinks: Sequence[Sink]) -> Iterator[Host]:
    """A host whose calls go where those of the run went."""
    with ExitStack() as stack:
        simulator = same_simulator(run, stack)
        host = plan.open(sinks, simulate=run.mode == "simulated", **simulator)
        stack.callback(lambda: host.close(GRACE_DURABLE))
        yield host
