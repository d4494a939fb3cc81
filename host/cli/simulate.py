"""``simulate``: the simulator on a port, for programs that speak to it over the network."""

from __future__ import annotations

import os
import secrets
import shlex
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from host.cli.arguments import check_url
from host.cli.interrupt import call
from host.cli.live_or_simulated import not_modelled_lines
from host.cli.simulate_options import SimulateOptions, simulate_options
from host.cli.strict import StrictCommand
from host.errors import UsageError

if TYPE_CHECKING:
    from host.simulator.delivery import Target
    from host.simulator.simulator import Simulator

__all__ = ["command"]

ANY_KEY = "sk_test_simulated"  # what to use where any test key will do


@click.command(
    name="simulate",
    cls=StrictCommand,
    epilog="""\b
Example:
  python -m host simulate --port 12111 --key sk_test_me
""",
)
@simulate_options
@click.option("--debug", is_flag=True, help="Show Python tracebacks.")
def command(
    options: SimulateOptions,
    debug: bool,
) -> int:
    """Serve the simulator until Ctrl-C, and print the settings that point to it."""
    options.check()
    frozen = _frozen(options.clock)
    from host.apis.stripe import load  # the catalog and the server: not for --help
    from host.simulator.fault_injection import Faults
    from host.simulator.simulator import Simulator
    from host.simulator.store import Store

    made = Faults.parse(options.faults, options.seed) if options.faults is not None else None
    kept = Store(options.store) if options.store is not None else None
    try:
        timed: dict[str, Any] = {} if frozen is None else {"clock": lambda: frozen}
        simulator = Simulator(
            load(), key=options.key, seed=options.seed, faults=made, store=kept, lenient=options.lenient, **timed
        )
        _serve(simulator, options)
        for line in not_modelled_lines([str(each) for each in simulator.not_modelled]):
            click.echo(line, err=True)
    finally:
        if kept is not None:
            kept.close()
    return 0


def _serve(simulator: Simulator, options: SimulateOptions) -> None:
    """Answer requests and deliver events until a signal comes."""
    from host.simulator.delivery import Deliveries, DeliveryFaults
    from host.simulator.server import serve

    secret = _secret()
    targets = _targets(options.forward, options.events, secret)
    faults = None if options.deliver is None else DeliveryFaults.parse(options.deliver)
    deliveries = Deliveries(
        simulator,
        targets,
        faults=faults,
        anywhere=options.deliver_anywhere,
        seed=options.seed,
        report=_report,
    )
    with (
        deliveries,  # before anybody can make anything happen
        serve(simulator, host=options.address, port=options.port, names=options.names) as server,
    ):
        ended = threading.Event()

        def work() -> None:  # once signals are waited for: who reads the lines may send one
            _show_settings(server.url, options.key, secret if targets else None)
            ended.wait()

        call(work, ended.set)  # that is how it is meant to end: status 0
        if lost := deliveries.lost:
            click.echo(
                f"{lost} pending deliveries are lost; with --store FILE they are made after the next start", err=True
            )


def _show_settings(url: str, key: str | None, secret: str | None) -> None:
    """Print the variables by which a program finds the simulator."""
    click.echo(f"simulator at {url} (Ctrl-C ends it)")
    click.echo(f"export STRIPE_API_BASE={url}")
    click.echo(f"export STRIPE_SECRET_KEY={shlex.quote(key or ANY_KEY)}")
    if secret is not None:
        click.echo(f"export STRIPE_WEBHOOK_SECRET={secret}")


def _secret() -> str:
    """The secret that deliveries are signed with: the setting if it is a single one, or a new one."""
    given = os.environ.get("STRIPE_WEBHOOK_SECRET", "")
    return given if given and "," not in given else f"whsec_{secrets.token_hex(16)}"


def _targets(forward: str | None, events: str | None, secret: str) -> list[Target]:
    from host.apis.stripe import load
    from host.simulator.delivery import Target, event_patterns

    names = ("*",) if events is None else event_patterns(events, load().schema("event").properties["type"].enum)
    urls = [] if forward is None else [url.strip() for url in forward.split(",")]
    for url in urls:
        check_url("--forward-to", url)
        if urls.count(url) > 1:
            raise UsageError(f"--forward-to {url}: given twice; each event is delivered once to each URL")
    return [Target(url, (secret,), names) for url in urls]


def _report(line: str) -> None:
    click.echo(line, err=True)


def _frozen(clock: str) -> float | None:
    """The time that ``--clock frozen:TIME`` stands still at; ``None`` for ``now``."""
    word, colon, text = clock.partition(":")
    if clock == "now":
        return None
    if word == "frozen" and colon:
        try:
            if text.isdecimal():
                return float(datetime.fromtimestamp(int(text), UTC).timestamp())
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError, OSError):
            pass
    raise UsageError(
        f"--clock {clock}: expected now, or frozen:TIME with seconds since 1970 or a date and time "
        "(frozen:1800000000, frozen:2027-01-15T08:00:00)"
    )
