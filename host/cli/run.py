"""``run``: one script, from its first line to its exit code."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

import click

from host.cli.commands import EXIT_CODES
from host.cli.interrupt import call
from host.cli.mode import choose
from host.cli.output import OutputSink
from host.cli.underway import UnderWaySink
from host.cli.value import as_json as as_json_line
from host.cli.value import as_text
from host.errors import ConfigError, HostError
from host.settings import Settings

if TYPE_CHECKING:
    from host.events import Sink
    from host.run.script import RunResult, Script

__all__ = ["command"]

_EPILOG = f"""\b
Examples:
  python -m host run --simulate lua_scripts/payment.lua
  python -m host run -e 'return stripe.products.list{{limit = 3}}' --json

Options may stand before or after the script; everything behind -- goes to the script.

{EXIT_CODES}"""


_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells count
_GRACE = 5.0  # seconds for what is under way when a script has ended
_GRACE_INTERRUPTED = 0.2  # the same after Ctrl-C, which ends the process within a second


@click.command(name="run", epilog=_EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", metavar="SCRIPT [ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option("-e", "code", metavar="CODE", help="Run this text instead of a file.")
@click.option("--simulate", is_flag=True, help="Call the built-in simulator; no key is needed or used.")
@click.option("--env-file", metavar="FILE", help="Read settings from FILE instead of .env.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End the whole run after this long.",
)
@click.option(
    "--http-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Wait this long for the answer to one request.",
)
@click.option("-v", "--verbose", count=True, help="Show calls and answers on stderr; -vv also arguments.")
@click.option("--json", "as_json", is_flag=True, help="Print the returned value as JSON.")
@click.option("--trace", metavar="FILE", help="Write every event of the run to FILE as JSON lines.")
@click.option("--require-live", "require", flag_value="live", help="Run only with a live key.")
@click.option("--require-test", "require", flag_value="test", help="Run only with a test key or simulated.")
@click.option("--debug", is_flag=True, help="Show Python tracebacks.")
@click.pass_context
def command(
    ctx: click.Context,
    arguments: tuple[str, ...],
    code: str | None,
    simulate: bool,
    env_file: str | None,
    timeout: float | None,
    http_timeout: float | None,
    verbose: int,
    as_json: bool,
    trace: str | None,
    require: Literal["live", "test"] | None,
    debug: bool,
) -> int:
    """Run a Lua script. SCRIPT is a file, or - for standard input.

    Without a key (STRIPE_SECRET_KEY) a run at a terminal is simulated; elsewhere it is refused.
    """
    script, args = _script(ctx, arguments, code)
    overrides: dict[str, Any] = {"http_timeout": http_timeout}
    settings = Settings.load(env_file=env_file, overrides=overrides)
    mode = choose(
        settings,
        simulate=simulate,
        at_terminal=sys.stdout.isatty() and sys.stderr.isatty(),
        command=shlex.join(["-e", code, *args] if code is not None else arguments),
        require=require,
    )
    if mode.notice:
        click.echo(mode.notice, err=True)

    from host.host import Host  # Lua, the loop and the client: once it is clear that something will run

    with ExitStack() as stack:
        output = OutputSink(sys.stdout.buffer, lambda: host.interrupt())
        under_way = UnderWaySink()
        sinks: list[Sink] = [output, under_way, *_sinks(stack, settings, verbose, trace)]
        host = Host(simulate=mode.simulate, env_file=env_file, sinks=sinks, **overrides)
        result, signal = call(
            lambda: host.run(script, args=args, timeout=timeout), host.interrupt, limit=timeout
        )
        host.close(_GRACE_INTERRUPTED if signal else _GRACE)
    return _finish(result, output, under_way, signal, as_json=as_json, debug=debug)


def _finish(
    result: RunResult,
    output: OutputSink,
    under_way: UnderWaySink,
    signal: int | None,
    *,
    as_json: bool,
    debug: bool,
) -> int:
    """Say how it ended, and give the exit code."""
    error = result.error
    if error is None and result.exit_status is None and (as_json or result.value is not None):
        output.write((as_json_line if as_json else as_text)(result.value) + "\n")
    if isinstance(output.failure, BrokenPipeError):  # whoever read has left; nobody is there to be told
        return _BROKEN_PIPE
    if output.failure is not None:
        raise HostError(f"stdout cannot be written: {output.failure.strerror}")
    if error is None:
        return result.exit_status or 0
    if signal is not None and error.kind == "interrupted":
        where = f" at {error.script}:{error.line}" if error.line is not None else ""
        click.echo(
            f"interrupted{where}, after {result.calls} call{'' if result.calls == 1 else 's'}", err=True
        )
        if waiting := str(under_way):
            click.echo(f"without an answer, so what came of it is unknown: {waiting}", err=True)
        return 128 + signal
    if debug:
        from traceback import print_exception

        print_exception(error.cause or error)
    raise error


def _script(
    ctx: click.Context, arguments: tuple[str, ...], code: str | None
) -> tuple[Script, tuple[str, ...]]:
    """What is to be run, and its arguments. Raises for a path that is no script."""
    from host.run.script import Script

    if code is not None:
        return Script.of(code, "-e"), arguments
    if not arguments:
        raise click.UsageError("give a script, - for standard input, or -e CODE", ctx)
    name, *args = arguments
    if name == "-":
        return Script.of(sys.stdin.buffer.read(), "stdin"), tuple(args)
    if name.startswith("-") and not os.path.exists(name):
        raise click.NoSuchOption(name, possibilities=_near(ctx, name), ctx=ctx)
    return Script.read(name), tuple(args)


def _near(ctx: click.Context, name: str) -> list[str]:
    from difflib import get_close_matches  # for this message alone

    return get_close_matches(name, [option for item in ctx.command.params for option in item.opts])


def _sinks(stack: ExitStack, settings: Settings, verbose: int, trace: str | None) -> list[Sink]:
    from host.report.terminal import TerminalSink

    sinks: list[Sink] = [TerminalSink(sys.stderr, verbosity=verbose, log_level=settings.log_level)]
    if trace is not None:
        from host.report.jsonl import JsonlSink

        try:
            file = open(trace, "w", encoding="utf-8")  # noqa: SIM115 - closed with the stack
        except OSError as error:
            raise ConfigError(f"--trace {trace} cannot be written: {error.strerror}") from error
        sinks.append(JsonlSink(stack.enter_context(file)))
    return sinks
