"""``resume``: go on with a durable run."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any, Literal

import click

from host.cli.apis import api_limits_option, api_option, check_limited, documents
from host.cli.arguments import SECONDS
from host.cli.commands import EXIT_CODES
from host.cli.granting import Granting, granting_options
from host.cli.run import run_one, sinks_of
from host.cli.strict import StrictCommand
from host.settings import Settings

__all__ = ["command"]


@click.command(
    name="resume",
    cls=StrictCommand,
    epilog=f"""\b
Examples:
  python -m host resume run_5d0c0a1b2c3d4e5f6a7b
  python -m host resume nightly-2026-03-01 --in-doubt skip

{EXIT_CODES}""",
)
@click.argument("run_id", metavar="ID")
@click.option("--journal", metavar="URL", help="Where it is recorded: a file, or a database's URL.")
@click.option("--env-file", metavar="FILE", help="Read settings from FILE instead of .env.")
@click.option(
    "--in-doubt",
    type=click.Choice(["ask", "skip", "repeat"]),
    default="ask",
    help="Changes sent without a recorded answer whose key may be forgotten: skip or repeat them.",
)
@click.option("--recorded", is_flag=True, help="Run the script's text as it was recorded, not its file.")
@click.option("--force-new", is_flag=True, help="Start over with new keys: what was done is done again.")
@click.option("--other-key", is_flag=True, help="The present key is another one of the same account.")
@api_option
@api_limits_option
@click.option("--isolate", is_flag=True, help="Run the script's Lua in a confined process of its own.")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="As for run.")
@click.option("-v", "--verbose", count=True, help="Show calls and answers on stderr; -vv also arguments.")
@click.option("--json", "as_json", is_flag=True, help="Print the returned value as JSON.")
@click.option("--trace", metavar="FILE", help="Write every event of the run to FILE as JSON lines.")
@click.option("--debug", is_flag=True, help="Show Python tracebacks.")
@granting_options
def command(
    run_id: str,
    journal: str | None,
    env_file: str | None,
    in_doubt: Literal["ask", "skip", "repeat"],
    recorded: bool,
    force_new: bool,
    other_key: bool,
    apis: tuple[str, ...],
    api_limits: str | None,
    isolate: bool,
    timeout: float | None,
    verbose: int,
    as_json: bool,
    trace: str | None,
    debug: bool,
    granting: Granting,
) -> int:
    """Go on with a durable run: what it did answers from the journal, the rest is done now."""
    from host.durable import default_journal, no_such_run
    from host.gate.journal.journal import Journal
    from host.host import Host

    config = granting.over()
    overrides: dict[str, Any] = {"journal": journal, "api_limits": api_limits}
    settings = Settings.load(
        env_file=env_file,
        overrides=overrides,
        config=(config.path, config.settings),
        claimed=lambda name: config.claims(name, documents(apis)),
    )
    check_limited(settings, [*documents(apis), *config.apis])
    kept = Journal.open(settings.journal or default_journal())
    try:
        run = kept.run(run_id)
        if run is None:
            raise no_such_run(kept, run_id)
    finally:
        kept.close()
    simulate = run.mode == "simulated"
    if simulate:
        click.echo(f"run {run_id} is simulated, and goes on so", err=True)
    with ExitStack() as stack:
        return run_one(
            lambda sinks: Host(
                simulate=simulate,
                env_file=env_file,
                config=config,
                sinks=sinks,
                isolation="process" if isolate else "none",
                apis=documents(apis),
                **overrides,
            ),
            lambda host: host.resume(
                run_id,
                in_doubt=in_doubt,
                recorded=recorded,
                force_new=force_new,
                other_key=other_key,
                timeout=timeout,
            ),
            sinks_of(stack, sys.stderr, settings, verbose, trace),
            timeout=timeout,
            as_json=as_json,
            debug=debug,
            kept=(run_id, journal),
        )
