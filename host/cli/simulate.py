"""``simulate``: the simulator on a port, for programs that speak to it over the network."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command(name="simulate", epilog="Example:  python -m host simulate --port 12111 --key sk_test_me")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port (default: a free one).")
@click.option("--host", "address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--key", help="Accept this key only (default: any test key).")
@click.option("--faults", metavar="SPEC", help="Faults to inject, such as 500:3%,429:1%,latency:50ms.")
@click.option("--seed", type=int, help="Make ids and faults the same each time.")
def command(port: int, address: str, key: str | None, faults: str | None, seed: int | None) -> int:
    """Serve the simulator until Ctrl-C, and print the settings that lead to it."""
    return 0
