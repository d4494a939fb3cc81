"""``listen``: an endpoint for webhooks, whose events a handler script handles."""

from __future__ import annotations

import re
import sys
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from host.cli.arguments import SECONDS, scripts_of
from host.cli.commands import EXIT_CODES
from host.cli.host_options import HostOptions, host_options
from host.cli.interrupt import call
from host.cli.live_view import watch_events
from host.cli.one_run import GRACE_DURABLE
from host.cli.output import OutputSink
from host.cli.policy_options import Granting, granting_options
from host.cli.report_options import Reporting, report_options
from host.cli.strict import StrictCommand
from host.errors import UsageError
from host.settings import Secret

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
@click.option("--port", type=click.IntRange(0, 65535), default=4242, show_default=True, help="Port; 0: a free one.")
@click.option("--host", "address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--path", default="/webhook", show_default=True, help="Where events are sent to.")
@click.option("--secret", "secrets", multiple=True, help="What events are signed with; again while one is rolled.")
@click.option("--verify", default="stripe", metavar="SCHEME", help="Whose signatures: hmac-sha256:HEADER[:base64] …")
@click.option("--field", "fields", multiple=True, metavar="NAME=PATH", help="Where the body has id, type, object.")
@click.option("--poll", is_flag=False, flag_value=POLL, type=SECONDS, metavar="[SECONDS]", help="Ask for events.")
@click.option("--since", metavar="TIME|all", help="With --poll, the first time: events from then on (default: now).")
@click.option("--attempts", type=click.IntRange(1, 10_000), default=5, show_default=True, help="In all, per event.")
@click.option("--retry-delay", type=SECONDS, default=10.0, show_default=True, help="Before the second; then doubled.")
@click.option("--ordered", is_flag=True, help="Handle the events of one object one after the other.")
@click.option("--concurrency", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Handlers at once.")
@click.option("--name", help="Of the inbox, and before its runs' ids (default: the script's name).")
@click.option("--simulate", is_flag=True, help="Handlers call the built-in simulator; no key is needed or used.")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="End a handler's run after this long.")
@report_options
@host_options
@granting_options
@click.pass_context
def command(
    ctx: click.Context,
    arguments: tuple[str, ...],
    port: int,
    address: str,
    path: str,
    secrets: tuple[str, ...],
    verify: str,
    fields: tuple[str, ...],
    poll: float | None,
    since: str | None,
    attempts: int,
    retry_delay: float,
    ordered: bool,
    concurrency: int,
    name: str | None,
    simulate: bool,
    timeout: float | None,
    reporting: Reporting,
    opening: HostOptions,
    granting: Granting,
) -> int:
    """Handle events by a Lua script that says on("invoice.paid", function(event) … end).

    Each event is verified, recorded and then handled once, by a durable run of its own. Ctrl-C or SIGTERM lets the
    handlers under way end; what was not handled is taken up the next time.
    """
    scripts, args = scripts_of(ctx, arguments, None)
    if len(scripts) > 1:
        raise UsageError("listen takes one handler script; one with several on(…) handles all kinds of events")
    if poll is not None:
        _tell_unused(ctx)
    plan = opening.plan(granting)
    options: dict[str, Any] = {
        "secret": [Secret(each).reveal() for each in secrets] or None,
        "verify": verify,
        "paths": _paths(fields),
        "path": path,
        "concurrency": concurrency,
        "attempts": attempts,
        "retry_delay": retry_delay,
        "ordered": ordered,
        "name": name,
        "poll": poll,
        "since": _time(since),
    }
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
        return _serve(host, handlers, poll, address, port, path)


def _serve(host: Host, handlers: Webhooks, poll: float | None, address: str, port: int, path: str) -> int:
    waiting = handlers.inbox.counts().get("waiting", 0)
    left = f"; {waiting} from before to be handled" if waiting else ""
    with ExitStack() as stack:
        if poll is None:
            from host.serve.server import Server  # uvicorn: not where events are asked for

            server = stack.enter_context(Server(lambda abort: handlers, address, port, thread="host-listen"))
            does = f"listening at {server.url}{path}"
        else:
            does = f"asking for events every {poll:g} s"
        ended = threading.Event()

        def work() -> None:  # once signals are waited for: who reads the line may send one
            click.echo(f"{does} (Ctrl-C ends it){left}", err=True)
            ended.wait()

        call(work, ended.set)  # that is how it is meant to end: status 0
        click.echo("ending: handlers under way may finish", err=True)
    return 0


def _tell_unused(ctx: click.Context) -> None:
    """Say of options that only an endpoint has that they have no effect, where events are asked for."""
    for name, option in {"port": "--port", "address": "--host", "path": "--path", "secrets": "--secret"}.items():
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            click.echo(
                f"{option} has no effect: with --poll events are asked for, and nothing is listened on", err=True
            )


def _report(ended: Ended) -> None:
    """One line for each event that is done with, or is tried again."""
    event, error = ended.event, ended.error
    when = datetime.now().strftime("%H:%M:%S")
    line = f"{when}  {event.type}  {event.id}  {ended.how}"
    if ended.how == "again":
        line += f" in {ended.seconds:g} s"
    if error is not None:
        line += f": {error}"
    click.echo(line, err=True)


def _paths(fields: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in fields:
        name, equals, path = field.partition("=")
        if not equals or not all(path.split(".")):
            raise UsageError(f"--field {field}: expected NAME=PATH, such as type=action or id=delivery.id")
        if found.setdefault(name, path) != path:
            raise UsageError(f"--field {field}: {name} is given twice, with different paths")
    return found


def _time(text: str | None) -> float | None:
    """``all``, a date with or without a time, or how long ago (``2h``, ``3d``), as seconds since 1970."""
    if text is None:
        return None
    if text == "all":
        return 0.0
    if found := re.fullmatch(r"(\d{1,6})([smhd])", text):
        return max(0.0, time.time() - int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]])
    try:
        at = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f"--since {text}: expected all, a time such as 2026-03-01T12:00Z, or 2h, 3d") from None
    if at > time.time():
        raise UsageError(f"--since {text}: that is still to come; expected a time from which on there are events")
    return max(0.0, at)
