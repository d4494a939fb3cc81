"""``bench``: creates against one server, counted and timed, to compare this host with something else."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from host.cli.strict import StrictCommand
from host.limits import MOST_PROCESSES, Limits
from host.run.script import Script

if TYPE_CHECKING:
    from host.host import Host

__all__ = ["command"]

_CREATES = """
local creates, tasks = tonumber(args[1]), tonumber(args[2])

local function create(times)
  for _ = 1, times do
    new_product()
      :name("Premium Software License")
      :description("A comprehensive software solution")
      :metadata("category", "software")
      :create()
  end
end

if tasks == 1 then
  create(creates)
else
  for task = 1, tasks do
    spawn(create, math.floor(creates / tasks) + (task <= creates % tasks and 1 or 0))
  end
end
"""


@click.command(
    name="bench",
    cls=StrictCommand,
    epilog="""\b
Example:
  python -m host bench --base-url http://127.0.0.1:8000 --key sk_test_x \\
    --scripts 32 --creates 16000 --warmup 1600""",
)
@click.option("--base-url", required=True, metavar="URL", help="The server to send POST /v1/products to.")
@click.option("--key", required=True, help="The key to send.")
@click.option("--scripts", type=click.IntRange(1), default=1, show_default=True, help="How many run concurrently.")
@click.option("--tasks", type=click.IntRange(1), default=1, show_default=True, help="Tasks in each script.")
@click.option("--creates", type=click.IntRange(1), required=True, help="Total number of products to create.")
@click.option(
    "--warmup", type=click.IntRange(0), default=0, show_default=True, help="Creates before the measurement begins."
)
@click.option(
    "--processes", type=click.IntRange(1, MOST_PROCESSES), default=1, show_default=True, help="Worker processes."
)
def command(base_url: str, key: str, scripts: int, tasks: int, creates: int, warmup: int, processes: int) -> int:
    """Create products with many concurrent scripts, and print what it cost.

    The creates are distributed evenly; scripts and tasks that get none do not start. The last line is JSON:
    microseconds per create, creates per second, processor time per create, peak memory, creates. A create
    that fails ends it. With worker processes, processor time and memory are those of all together.
    """
    from host.host import Host

    script = Script.of(_CREATES, "bench")
    limits = Limits(calls=max(creates, warmup), tasks=tasks + 1)
    with Host(stripe_secret_key=key, stripe_api_base=base_url, limits=limits, processes=processes) as host:
        _run(host, script, _shares(warmup, scripts), tasks)
        before, wall = host.stats(), time.perf_counter()
        _run(host, script, _shares(creates, scripts), tasks)
        wall, after = time.perf_counter() - wall, host.stats()
    figures = {
        "us_per_create": round(wall * 1e6 / creates, 2),
        "rps": round(creates / wall, 1),
        "cpu_us_per_create": round((after.cpu - before.cpu) * 1e6 / creates, 2),
        "peak_rss_kb": after.peak_memory >> 10,
        "creates": creates,
    }
    click.echo(json.dumps(figures))
    return 0


def _shares(total: int, scripts: int) -> list[int]:
    """``total`` divided among ``scripts``, the first ones taking the remainder; empty shares are left out."""
    each, more = divmod(total, scripts)
    return [each + 1] * more + ([each] * (scripts - more) if each else [])


def _run(host: Host, script: Script, shares: list[int], tasks: int) -> None:
    """One script per share, all at once. Raises the error of the first that fails."""
    if not shares:
        return
    jobs = [{"script": script, "args": (str(share), str(min(tasks, share)))} for share in shares]
    for result in host.run_many(jobs, concurrency=len(shares)):
        result.raise_for_error()
