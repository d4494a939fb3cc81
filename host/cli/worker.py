"""``worker``: run what is submitted to a fleet."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, host_options
from host.cli.live_or_simulated import choose
from host.cli.one_run import GRACE_DURABLE
from host.cli.report_options import Reporting, report_options
from host.cli.strict import StrictCommand
from host.cli.worker_options import WorkerArguments, worker_options
from host.errors import ConfigError
from host.fleet.setting import database_url

if TYPE_CHECKING:
    from host.fleet.worker import FleetWorker
    from host.host import Host
    from host.serve.server import Server

__all__ = ["command"]


@click.command(
    name="worker",
    cls=StrictCommand,
    epilog=f"""\b
Examples:
  HOST_DATABASE=postgresql://me@db/fleet python -m host worker --concurrency 50
  python -m host worker --queue mail --setup myshop.scripting:setup

{EXIT_CODES}""",
)
@worker_options
@report_options
@host_options
def command(
    options: WorkerArguments,
    reporting: Reporting,
    opening: HostOptions,
) -> int:
    """Run the scripts submitted to the fleet of HOST_DATABASE, until SIGTERM or Ctrl-C.

    Then it takes no more runs, those in progress may end, and other workers continue the rest.
    """
    plan = opening.plan()
    url = database_url(plan.settings.database, "worker")
    if plan.settings.journal != plan.settings.database:
        raise ConfigError(
            "a worker's journal is in the fleet's database, where others can read it; "
            f"HOST_JOURNAL (set by {plan.settings.source('journal')}) names another one",
            hint="omit HOST_JOURNAL and --journal",
        )
    mode = choose(
        plan.settings,
        simulate=options.simulate,
        at_terminal=False,
        command="",
        other_apis=plan.has_other_apis,
        verb="worker",
    )
    if mode.notice:
        click.echo(mode.notice, err=True)
    plan = replace(plan, options=replace(plan.options, settings={**plan.options.settings, "database": url}))
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # that the database is away is reported once, by the worker
    with ExitStack() as stack:
        sinks = reporting.sinks(stack, sys.stderr, plan.settings, name=str)
        host = plan.open(sinks, simulate=options.simulate, setup=options.setup)
        stack.callback(lambda: host.close(GRACE_DURABLE))
        worker = host.fleet_worker(
            queues=options.taken,
            concurrency=options.concurrency,
            grace=options.grace,
            keep=options.keep,
            tell=_report,
        )
        if options.metrics_port is not None:
            stack.enter_context(_metrics(host, worker, options.metrics_address, options.metrics_port))
        asyncio.run(
            _work(worker, f"worker {worker.name} runs up to {options.concurrency} runs from {', '.join(options.taken)}")
        )
    return 0


def _metrics(host: Host, worker: FleetWorker, address: str, port: int) -> Server:
    from host.fleet.health import HealthApp
    from host.serve.server import Server as Serving  # uvicorn: where metrics are asked for

    app = HealthApp(lambda: worker.health(host.stats(), limits_up=host.limits_up))
    server = Serving(lambda abort: app, address, port, thread="host-metrics")
    _report(f"metrics at {server.url}/metrics")
    return server


async def _work(worker: FleetWorker, begun: str) -> None:
    """Run the worker until a signal stops it; ``begun`` is printed once signals are waited for."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows: Ctrl-C ends it immediately, and its leases expire
            loop.add_signal_handler(number, worker.stop)
    _report(begun)
    await worker.run()


def _report(line: str) -> None:
    click.echo(line, err=True)
