"""The options of ``simulate``: where the simulator listens, what it keeps, what goes wrong, and where events go."""

from __future__ import annotations

from typing import Annotated

import click
import msgspec

from host.cli.struct_options import fields_of, struct_options
from host.errors import UsageError
from host.option import Option
from host.settings import DEMO_KEY

__all__ = ["SimulateOptions", "simulate_options"]


class SimulateOptions(msgspec.Struct, frozen=True):
    """What the options say."""

    port: Annotated[int, Option("--port", "Port; 0: a free one.", kind=click.IntRange(0, 65535))] = 0
    address: Annotated[str, Option("--host", "Address to listen on.")] = "127.0.0.1"
    names: Annotated[tuple[str, ...], Option("--allow-host", "Answer to this name of the server, too.", "NAME")] = ()
    key: Annotated[str | None, Option("--key", "Accept this key only (default: any test key).")] = None
    faults: Annotated[
        str | None, Option("--faults", "Faults to inject, such as 500:3%,429:1%,latency:50ms.", "SPEC")
    ] = None
    seed: Annotated[int | None, Option("--seed", "Make ids and faults the same each time.", kind=int)] = None
    store: Annotated[str | None, Option("--store", "Keep the state in FILE (default: in memory).", "FILE")] = None
    clock: Annotated[str, Option("--clock", "now, or frozen:TIME: seconds or a date.", "CLOCK")] = "now"
    lenient: Annotated[
        bool, Option("--lenient", "Answer by its shape what is not modelled, and list it at the end.")
    ] = False
    forward: Annotated[
        str | None, Option("--forward-to", "Deliver events there, signed with a secret it prints.", "URL[,URL]")
    ] = None
    events: Annotated[
        str | None, Option("--events", "With --forward-to: these events only, such as customer.*", "NAME[,NAME]")
    ] = None
    deliver: Annotated[
        str | None, Option("--deliver", "Inject faults into deliveries: duplicate:5%,reorder:5%,delay:2s.", "SPEC")
    ] = None
    deliver_anywhere: Annotated[
        bool, Option("--deliver-anywhere", "Also to webhook endpoints that are not on this machine.")
    ] = False

    def check(self) -> None:
        """Raise ``UsageError`` for options that do not go together."""
        if self.key == DEMO_KEY:
            raise UsageError(f"--key {DEMO_KEY}: the demo key counts as no key; any other will do")
        if self.events is not None and self.forward is None:
            raise UsageError("--events says which events go where --forward-to says: give both")


simulate_options = struct_options("options", fields_of(SimulateOptions), SimulateOptions)
"""Gives a command the options, which reach it as one value, ``options``."""
