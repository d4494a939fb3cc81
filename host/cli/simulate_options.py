"""The options of ``simulate``: where the simulator listens, what it keeps, what goes wrong, and where events go."""

from __future__ import annotations

from typing import Annotated

import click
import msgspec

from host.cli.struct_options import fields_of, struct_options
from host.errors import UsageError
from host.option import Option
from host.stripe_key import DEMO_KEY

__all__ = ["SimulateOptions", "simulate_options"]


class SimulateOptions(msgspec.Struct, frozen=True):
    """What the options say."""

    port: Annotated[int, Option("--port", "Port to listen on; 0 takes a free one.", kind=click.IntRange(0, 65535))] = 0
    address: Annotated[str, Option("--host", "Address to listen on.")] = "127.0.0.1"
    names: Annotated[tuple[str, ...], Option("--allow-host", "Also accept requests for this host name.", "NAME")] = ()
    key: Annotated[str | None, Option("--key", "Accept only this key (default: any test key).")] = None
    faults: Annotated[
        str | None, Option("--faults", "Faults to inject, such as 500:3%,429:1%,latency:50ms.", "SPEC")
    ] = None
    seed: Annotated[int | None, Option("--seed", "Make ids and faults reproducible.", kind=int)] = None
    store: Annotated[str | None, Option("--store", "Keep the state in FILE (default: in memory).", "FILE")] = None
    clock: Annotated[str, Option("--clock", "now, or frozen:TIME (seconds since 1970, or a date).", "CLOCK")] = "now"
    lenient: Annotated[
        bool, Option("--lenient", "Answer what is not modelled from the schema alone, and list it at the end.")
    ] = False
    forward: Annotated[
        str | None, Option("--forward-to", "Deliver events to URL, signed with a secret that is printed.", "URL[,URL]")
    ] = None
    events: Annotated[
        str | None, Option("--events", "With --forward-to: only these events, such as customer.*", "NAME[,NAME]")
    ] = None
    deliver: Annotated[
        str | None, Option("--deliver", "Inject faults into deliveries: duplicate:5%,reorder:5%,delay:2s.", "SPEC")
    ] = None
    deliver_anywhere: Annotated[
        bool, Option("--deliver-anywhere", "Also deliver to webhook endpoints that are not on this machine.")
    ] = False

    def check(self) -> None:
        """Raise ``UsageError`` for options that cannot be combined."""
        if self.key == DEMO_KEY:
            raise UsageError(f"--key {DEMO_KEY}: the demo key does not count as a key; use any other")
        if self.events is not None and self.forward is None:
            raise UsageError("--events selects the events for --forward-to: give both")


simulate_options = struct_options("options", fields_of(SimulateOptions), SimulateOptions)
"""Gives a command the options, which reach it as one value, ``options``."""
