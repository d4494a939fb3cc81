"""``run``: one script, from its first line to its exit code."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, TextIO

import click

from host.cli.apis import api_limits_option, api_option, check_limited, documents
from host.cli.arguments import SECONDS, scripts_of
from host.cli.batch_options import CONCURRENCY, Batch, batch_options
from host.cli.commands import EXIT_CODES
from host.cli.durable_options import DurableOptions, keeping_options
from host.cli.in_flight import UnderWaySink
from host.cli.interrupt import call
from host.cli.live_or_simulated import choose, not_modelled_lines
from host.cli.output import OutputSink
from host.cli.policy_options import Granting, granting_options
from host.cli.rerun_hints import batch_hint, resume_hint
from host.cli.result_text import as_json as as_json_line
from host.cli.result_text import as_text, ordered
from host.cli.strict import GIVEN, StrictCommand
from host.errors import ConfigError, HostError, UsageError
from host.settings import Settings

if TYPE_CHECKING:
    from host.events import Sink
    from host.host import Host
    from host.run.script import RunResult

__all__ = ["GRACE", "GRACE_DURABLE", "command", "run_one", "sinks_of"]

_EPILOG = f"""\b
Examples:
  python -m host run --simulate lua_scripts/payment.lua
  python -m host run -e 'return stripe.products.list{{limit = 3}}' --json

  python -m host run refund.lua --each customers.csv --jobs 20 --json

Options may stand before or after the script; one that is not known is refused. What is meant for the
script is no option, or stands behind --.

{EXIT_CODES}"""


_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells count
GRACE = 5.0  # seconds for what is under way when a script has ended
GRACE_INTERRUPTED = 0.2  # the same after Ctrl-C, which ends the process within a second
GRACE_DURABLE = 5.0  # the same for a durable run, whose changes under way are to be recorded


@click.command(name="run", cls=StrictCommand, epilog=_EPILOG)
@click.argument("arguments", metavar="SCRIPT [ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option("-e", "code", metavar="CODE", help="Run this text instead of a file.")
@click.option("--simulate", is_flag=True, help="Call the built-in simulator; no key is needed or used.")
@click.option("--lenient", is_flag=True, help="Simulated: answer by its shape what is not modelled, and list it.")
@click.option("--env-file", metavar="FILE", help="Read settings from FILE instead of .env.")
@click.option(
    "--timeout",
    type=SECONDS,
    metavar="SECONDS",
    help="End the whole run after this long.",
)
@click.option(
    "--http-timeout",
    type=SECONDS,
    metavar="SECONDS",
    help="Wait this long for the answer to one request.",
)
@click.option("-v", "--verbose", count=True, help="Show calls and answers on stderr; -vv also arguments.")
@click.option("--json", "as_json", is_flag=True, help="Print the returned value as JSON.")
@click.option("--trace", metavar="FILE", help="Write every event of the run to FILE as JSON lines.")
@click.option("--require-live", "require", flag_value="live", help="Run only with a live key.")
@click.option("--require-test", "require", flag_value="test", help="Run only with a test key or simulated.")
@api_option
@api_limits_option
@click.option("--isolate", is_flag=True, help="Run the script's Lua in a confined process of its own.")
@click.option("--debug", is_flag=True, help="Show Python tracebacks.")
@keeping_options
@granting_options
@batch_options
@click.pass_context
def command(
    ctx: click.Context,
    arguments: tuple[str, ...],
    code: str | None,
    simulate: bool,
    lenient: bool,
    env_file: str | None,
    timeout: float | None,
    http_timeout: float | None,
    verbose: int,
    as_json: bool,
    trace: str | None,
    require: Literal["live", "test"] | None,
    apis: tuple[str, ...],
    api_limits: str | None,
    isolate: bool,
    debug: bool,
    keeping: DurableOptions,
    granting: Granting,
    batch: Batch,
) -> int:
    """Run a Lua script. SCRIPT is a file, or - for standard input.

    Several names that end in .lua are several scripts, run at once; what is behind -- goes to each.

    Without a key (STRIPE_SECRET_KEY) a run at a terminal is simulated; elsewhere it is refused.
    """
    scripts, args = scripts_of(ctx, arguments, code)
    overrides: dict[str, Any] = {
        "http_timeout": http_timeout, "journal": keeping.journal, "api_limits": api_limits,
        "lenient": lenient or None,
    }  # fmt: skip
    config = granting.over()
    settings = Settings.load(
        env_file=env_file,
        overrides=overrides,
        config=(config.path, config.settings),
        claimed=lambda name: config.claims(name, documents(apis)),
    )
    if settings.api_limits:
        check_limited(settings, [*documents(apis), *config.apis])
    mode = choose(
        settings,
        simulate=simulate,
        at_terminal=sys.stdout.isatty() and sys.stderr.isatty(),
        command=_without_passwords(shlex.join(ctx.meta[GIVEN])),
        require=require,
        other_apis=bool(apis or config.apis),
    )
    if lenient and not mode.simulate:
        raise UsageError("--lenient is about the simulator, and this run is not simulated; --simulate asks for it")
    if mode.notice:
        click.echo(mode.notice, err=True)

    def open_host(sinks: Sequence[Sink]) -> Host:
        from host.host import Host  # Lua, the loop and the client: once it is clear that something will run

        return Host(
            simulate=mode.simulate,
            env_file=env_file,
            config=config,
            sinks=sinks,
            processes=batch.processes,
            isolation="process" if isolate else "none",
            apis=documents(apis),
            **overrides,
        )

    with ExitStack() as stack:
        if batch.asked or len(scripts) > 1:
            again = None
            if keeping.run_id is not None:
                again = batch_hint(keeping.run_id, ctx.meta[GIVEN])
                click.echo(f"durable batch {keeping.run_id}; if it breaks off: {again}", err=True)
            from host.cli.batch_run import Jobs, run_batch  # most commands run one script

            return run_batch(
                batch,
                Jobs(batch, scripts, args, timeout),
                open_host,
                lambda stderr: sinks_of(stack, stderr, settings, verbose, trace, runs=True),
                results=lambda host, jobs: host.run_many(
                    jobs,
                    concurrency=batch.jobs or CONCURRENCY,
                    batch_id=keeping.run_id,
                    force_new=keeping.force_new,
                ),
                timeout=timeout,
                as_json=as_json,
                graces=(GRACE, GRACE_INTERRUPTED if again is None else GRACE_DURABLE),
                again=again,
            )
        again = None
        if keeping.run_id is not None:
            again = resume_hint(ctx, settings, keeping.run_id)
            click.echo(f"durable run {keeping.run_id}; if it breaks off: {again}", err=True)
        return run_one(
            open_host,
            lambda host: host.run(scripts[0], args=args, timeout=timeout, **keeping.arguments()),
            sinks_of(stack, sys.stderr, settings, verbose, trace),
            timeout=timeout,
            as_json=as_json,
            debug=debug,
            stats=batch.stats,
            again=again,
        )


def _without_passwords(command: str) -> str:
    """The command as it was given, to be shown: URLs of databases may hold a password."""
    return re.sub(r"(://[^\s:/@]*):[^\s/@]*@", r"\1:…@", command)


def run_one(
    open_host: Callable[[Sequence[Sink]], Host],
    work: Callable[[Host], RunResult],
    more: Sequence[Sink],
    *,
    timeout: float | None,
    as_json: bool,
    debug: bool,
    stats: bool = False,
    again: str | None = None,
) -> int:
    """Do one run of one host, to its exit code. ``again``: the command that goes on with a durable run."""
    output = OutputSink(sys.stdout.buffer, lambda: host.interrupt())
    under_way = UnderWaySink()
    host = open_host([output, under_way, *more])
    signal: int | None = None
    try:
        result, signal = call(lambda: work(host), host.interrupt, limit=timeout)
        if stats:
            from host.report.health import health  # for this option alone

            click.echo(health(host.stats()), err=True)
        for line in not_modelled_lines(host.not_modelled):
            click.echo(line, err=True)
        if again is not None and " resume " in again and result.error is not None and result.error.hint:
            # what the journal names a run by, with all else that the run needs
            bare = host.durable_runs.journal.command("resume", result.run_id)
            result.error.hint = result.error.hint.replace(bare, again)
    finally:
        host.close(GRACE if not signal else GRACE_DURABLE if again else GRACE_INTERRUPTED)
    error = result.error
    if again is not None and error is not None and not signal and error.kind not in ("diverged", "in doubt"):
        error.hint = "\n".join(filter(None, [error.hint, f"to go on: {again}"]))
    status = _finish(result, output, under_way, signal, as_json=as_json, debug=debug)
    if again is not None and error is not None:
        click.echo(f"to go on: {again}", err=True)
    return status


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
    if error is None and result.exit_status is None and (as_json or result.values):
        if as_json:
            output.write(as_json_line(ordered(result.values if result.rest else result.value)) + "\n")
        else:
            output.write("".join(f"{as_text(ordered(each))}\n" for each in result.values))
    if isinstance(output.failure, BrokenPipeError):  # whoever read has left; nobody is there to be told
        return _BROKEN_PIPE
    if output.failure is not None:
        raise HostError(f"stdout cannot be written: {output.failure.strerror}")
    if error is None:
        return result.exit_status or 0
    if signal is not None and error.kind == "interrupted":
        where = f" at {error.script}:{error.line}" if error.line is not None else ""
        click.echo(f"interrupted{where}, after {result.calls} call{'' if result.calls == 1 else 's'}", err=True)
        if waiting := str(under_way):
            click.echo(f"without an answer, so what came of it is unknown: {waiting}", err=True)
        return 128 + signal
    if debug:
        from traceback import print_exception

        print_exception(error.cause or error)
    raise error


def sinks_of(
    stack: ExitStack,
    stderr: TextIO,
    settings: Settings,
    verbose: int,
    trace: str | None,
    *,
    runs: bool = False,
) -> list[Sink]:
    from host.report.terminal import TerminalSink

    sinks: list[Sink] = [TerminalSink(stderr, verbosity=verbose, log_level=settings.log_level, runs=runs)]
    if trace is not None:
        from host.report.jsonl import JsonlSink

        try:
            file = open(trace, "w", encoding="utf-8")  # noqa: SIM115 - closed with the stack
        except OSError as error:
            raise ConfigError(f"--trace {trace} cannot be written: {error.strerror}") from error
        sinks.append(JsonlSink(stack.enter_context(file)))
    return sinks
