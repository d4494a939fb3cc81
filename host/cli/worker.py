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

from host.cli.arguments import SECONDS
from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, host_options
from host.cli.live_or_simulated import choose
from host.cli.one_run import GRACE_DURABLE
from host.cli.report_options import Reporting, report_options
from host.cli.strict import StrictCommand
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
@click.option(
    "--queue", "queues", multiple=True, metavar="Q", help="Take from this queue (repeatable; default: default)."
)
@click.option("--concurrency", type=click.IntRange(1, 10_000), metavar="N", default=10, show_default=True,
              help="Runs at once.")  # fmt: skip
@click.option("--setup", metavar="MODULE:FUNCTION", help="Called with the host: gives it its functions and APIs.")
@click.option("--grace", type=SECONDS, metavar="SECONDS", default=30.0, show_default=True,
              help="For runs to end after SIGTERM; others go on with what is left.")  # fmt: skip
@click.option("--metrics-port", type=click.IntRange(0, 65535), metavar="P",
              help="Serve /metrics, /healthz and /readyz on this port; 0: a free one.")  # fmt: skip
@click.option("--metrics-address", default="127.0.0.1", show_default=True, metavar="ADDRESS",
              help="Address to serve them on.")  # fmt: skip
@click.option("--keep", type=SECONDS, metavar="SECONDS", default=7 * 86400.0, show_default=True,
              help="Forget runs this long after they ended.")  # fmt: skip
@click.option("--simulate", is_flag=True, help="Call the built-in simulator; no key is needed or used.")
@report_options
@host_options
def command(
    queues: tuple[str, ...],
    concurrency: int,
    setup: str | None,
    grace: float,
    metrics_port: int | None,
    metrics_address: str,
    keep: float,
    simulate: bool,
    reporting: Reporting,
    opening: HostOptions,
) -> int:
    """Run what is submitted to the fleet of HOST_DATABASE, until SIGTERM or Ctrl-C.

    Then no more runs are taken, those under way may end, and other workers go on with the rest.
    """
    plan = opening.plan()
    url = database_url(plan.settings.database, "worker")
    if plan.settings.journal != plan.settings.database:
        raise ConfigError(
            "a worker's journal is in the fleet's database, where others find what it did; "
            f"HOST_JOURNAL (set by {plan.settings.source('journal')}) names another place",
            hint="leave HOST_JOURNAL and --journal out",
        )
    mode = choose(
        plan.settings, simulate=simulate, at_terminal=False, command="", other_apis=plan.has_other_apis, verb="worker"
    )
    if mode.notice:
        click.echo(mode.notice, err=True)
    plan = replace(plan, options=replace(plan.options, settings={**plan.options.settings, "database": url}))
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # that the database is away is reported once, below
    with ExitStack() as stack:
        sinks = reporting.sinks(stack, sys.stderr, plan.settings, name=str)
        host = plan.open(sinks, simulate=simulate, setup=setup)
        stack.callback(lambda: host.close(GRACE_DURABLE))
        worker = host.fleet_worker(
            queues=queues or ("default",), concurrency=concurrency, grace=grace, keep=keep, tell=_report
        )
        if metrics_port is not None:
            stack.enter_context(_metrics(host, worker, metrics_address, metrics_port))
        _report(f"worker {worker.name} takes up to {concurrency} runs from {', '.join(queues or ('default',))}")
        asyncio.run(_work(worker))
    return 0


def _metrics(host: Host, worker: FleetWorker, address: str, port: int) -> Server:
    from host.fleet.health import HealthApp
    from host.serve.server import Server as Serving  # uvicorn: where metrics are asked for

    app = HealthApp(lambda: worker.health(host.stats(), limits_up=host.limits_up))
    server = Serving(lambda abort: app, address, port, thread="host-metrics")
    _report(f"metrics at {server.url}/metrics")
    return server


async def _work(worker: FleetWorker) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows: Ctrl-C ends it at once, and leases end by themselves
            loop.add_signal_handler(number, worker.stop)
    await worker.run()


def _report(line: str) -> None:
    click.echo(line, err=True)
