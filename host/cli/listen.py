"""``listen``: an endpoint for webhooks, whose events a handler script handles."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

import click

from host.cli.arguments import SECONDS, scripts_of
from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, host_options
from host.cli.interrupt import call
from host.cli.listen_options import EndpointOptions, HandlingOptions, endpoint_options, handling_options
from host.cli.live_view import watch_events
from host.cli.one_run import GRACE_DURABLE
from host.cli.output import OutputSink
from host.cli.report_options import Reporting, report_options
from host.cli.strict import StrictCommand
from host.errors import UsageError
from host.report.errors import printable

if TYPE_CHECKING:
    from host.host import Host
    from host.webhooks.dispatcher import Ended
    from host.webhooks.service import Webhooks

__all__ = ["command"]

POLL = 10.0  # seconds between two requests, by default
GRACE = 25.0  # seconds that handlers under way may take after a signal

_EPILOG = f"""\b
Examples:
  STRIPE_WEBHOOK_SECRET=whsec_… python -m host listen handlers.lua
  python -m host listen handlers.lua --poll 30 --since all
  python -m host listen deploys.lua --verify hmac-sha256:X-Hub-Signature-256 --secret …

{EXIT_CODES}"""


@click.command(name="listen", cls=StrictCommand, epilog=_EPILOG)
@click.argument("arguments", metavar="HANDLER [ARGS]...", nargs=-1, type=click.UNPROCESSED)
@endpoint_options
@click.option(
    "--poll",
    is_flag=False,
    flag_value=POLL,
    type=SECONDS,
    metavar="[SECONDS]",
    help="Poll the API for events every SECONDS instead of listening.",
)
@handling_options
@click.option("--simulate", is_flag=True, help="Handlers call the built-in simulator; no key is needed or used.")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="Time limit of each handler's run.")
@report_options
@host_options
@click.pass_context
def command(
    ctx: click.Context,
    arguments: tuple[str, ...],
    endpoint: EndpointOptions,
    poll: float | None,
    handling: HandlingOptions,
    simulate: bool,
    timeout: float | None,
    reporting: Reporting,
    opening: HostOptions,
) -> int:
    """Handle events with a Lua script that calls on("invoice.paid", function(event) … end).

    Each event is verified, recorded and then handled once, by a durable run of its own. Ctrl-C or SIGTERM lets the
    handlers in progress end; events not yet handled are handled after the next start.
    """
    scripts, args = scripts_of(ctx, arguments, None)
    if len(scripts) > 1:
        raise UsageError("listen takes one handler script; it may handle several events with several on(…)")
    if poll is not None:
        _warn_of_unused(ctx)
    plan = opening.plan()
    options = {**endpoint.arguments(), **handling.arguments(), "poll": poll}
    with ExitStack() as stack:
        view = stack.enter_context(watch_events(quiet=reporting.quiet))
        output = OutputSink(sys.stdout.buffer, lambda: None)
        sinks = [output, *reporting.sinks(stack, sys.stderr, plan.settings, name=str), *view.sinks]
        host = plan.open(sinks, simulate=simulate)
        stack.callback(lambda: host.close(GRACE_DURABLE))
        handlers = host.webhooks(scripts[0], run={"args": args, "timeout": timeout}, tell=_report, **options)
        stack.callback(lambda: handlers.close(GRACE))
        view.follow(handlers.inbox.counts)
        handlers.start()
        return _serve(host, handlers, poll, endpoint)


def _serve(host: Host, handlers: Webhooks, poll: float | None, endpoint: EndpointOptions) -> int:
    waiting = handlers.inbox.counts().get("waiting", 0)
    left = f"; {waiting} from before to be handled" if waiting else ""
    with ExitStack() as stack:
        if poll is None:
            from host.serve.server import Server  # uvicorn: not where events are asked for

            serving = Server(lambda abort: handlers, endpoint.address, endpoint.port, thread="host-listen")
            does = f"listening at {stack.enter_context(serving).url}{endpoint.path}"
        else:
            does = f"polling for events every {poll:g} s"
        ended = threading.Event()

        def work() -> None:  # once signals are waited for: who reads the line may send one
            if poll is not None:
                handlers.polled.wait()  # who reads the line may cause an event, which is to be a new one
            if not ended.is_set():
                click.echo(f"{does} (Ctrl-C ends it){left}", err=True)
            ended.wait()

        def stop() -> None:
            ended.set()
            handlers.polled.set()

        call(work, stop)  # that is how it is meant to end: status 0
        click.echo("stopping: handlers in progress may finish", err=True)
    return 0


def _warn_of_unused(ctx: click.Context) -> None:
    """Say of options that only an endpoint has that they have no effect, where events are asked for."""
    for name, option in {"port": "--port", "address": "--host", "path": "--path", "secrets": "--secret"}.items():
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            click.echo(f"{option} has no effect: with --poll events are fetched, and no port is opened", err=True)


def _report(ended: Ended) -> None:
    """One line for each event that is done with, or is tried again."""
    event, error = ended.event, ended.error
    when = datetime.now().strftime("%H:%M:%S")
    line = f"{when}  {event.type}  {event.id}  {ended.how}"
    if ended.how == "again":
        line += f" in {ended.seconds:g} s"
    if error is not None:
        line += f": {error}"
    click.echo(printable(line.replace("\n", " ")), err=True)  # an error's text may be anybody's
