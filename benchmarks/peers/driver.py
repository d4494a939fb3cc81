"""The command line, the clock and the answer line that all Python peers share.

``--creates N`` creates by ``--concurrency C`` workers that each make theirs one after another, after
``--warmup M`` creates by as many workers. The last line printed is JSON with ``us_per_create``, ``rps``,
``cpu_us_per_create``, ``peak_rss_kb`` and ``creates``. A create that fails ends the program.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

NAME = "Premium Software License"
DESCRIPTION = "A comprehensive software solution"
PRODUCT_ID = "prod_QX7YbWz3kT9m2L"
FORM = {"name": NAME, "description": DESCRIPTION, "metadata[category]": "software"}
PARAMS = {"name": NAME, "description": DESCRIPTION, "metadata": {"category": "software"}}


@dataclass(frozen=True)
class Task:
    """What the command line asks for."""

    base_url: str
    key: str
    creates: int
    concurrency: int
    warmup: int


def headers(key: str) -> dict[str, str]:
    """What a bare client sends to be told from an SDK in nothing that costs: key and idempotency key."""
    return {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid.uuid4())}


def arguments() -> Task:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--key", default="sk_test_benchmark")
    parser.add_argument("--mode", choices=("serial", "inflight"), default="serial")
    parser.add_argument("--creates", type=int, required=True)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--warmup", type=int, default=0)
    given = parser.parse_args()
    concurrency = 1 if given.mode == "serial" else given.concurrency
    return Task(given.base_url, given.key, given.creates, concurrency, given.warmup)


def shares(total: int, workers: int) -> list[int]:
    """``total`` dealt out to ``workers``, the first ones taking the remainder."""
    each, more = divmod(total, workers)
    return [each + (1 if place < more else 0) for place in range(workers)]


def check(product_id: str) -> None:
    """Fails on the answer of a create that is not the server's product."""
    if product_id != PRODUCT_ID:
        raise SystemExit(f"a create answered {product_id!r}")


def peak_rss_kb() -> int:
    """The most memory this program had resident. ``ru_maxrss`` would include the program that started it."""
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Clock:
    """Wall and processor time since it was made."""

    def __init__(self) -> None:
        self.cpu = self.cpu_seconds()
        self.wall = time.perf_counter()

    @staticmethod
    def cpu_seconds() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def report(self, creates: int) -> None:
        wall = time.perf_counter() - self.wall
        cpu = self.cpu_seconds() - self.cpu
        figures = {
            "us_per_create": round(wall * 1e6 / max(creates, 1), 2),
            "rps": round(creates / wall, 1),
            "cpu_us_per_create": round(cpu * 1e6 / max(creates, 1), 2),
            "peak_rss_kb": peak_rss_kb(),
            "creates": creates,
        }
        print(json.dumps(figures), flush=True)


async def drive_async(task: Task, create: Callable[[], Awaitable[str]]) -> None:
    async def worker(share: int) -> None:
        for _ in range(share):
            check(await create())

    await asyncio.gather(*map(worker, shares(task.warmup, task.concurrency)))
    clock = Clock()
    await asyncio.gather(*map(worker, shares(task.creates, task.concurrency)))
    clock.report(task.creates)


def drive_threads(task: Task, create: Callable[[], str]) -> None:
    def worker(share: int) -> None:
        for _ in range(share):
            check(create())

    if task.concurrency == 1:
        worker(task.warmup)
        clock = Clock()
        worker(task.creates)
        clock.report(task.creates)
        return
    with ThreadPoolExecutor(task.concurrency) as pool:
        list(pool.map(worker, shares(task.warmup, task.concurrency)))
        clock = Clock()
        list(pool.map(worker, shares(task.creates, task.concurrency)))
        clock.report(task.creates)


def run_async(main: Callable[[Task], Awaitable[None]]) -> None:
    """Runs ``main`` on uvloop where there is one: the peers at their best."""
    task = arguments()

    async def whole() -> None:
        await main(task)

    try:
        import uvloop
    except ImportError:
        asyncio.run(whole())
    else:
        uvloop.run(whole())
