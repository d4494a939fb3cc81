"""What the soak calls flat."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.servers import Server
from benchmarks.soak import Look, verdict, watch

CREATES = 1000


def looks(*, grows_kb: int = 0, threads: int = 0, files: int = 0) -> list[Look]:
    """A hundred looks; memory jumps in the first fifth, as caches fill, then grows by what is said."""
    return [
        Look(
            creates=number * 10,
            rss_kb=40_000 + min(number, 20) * 1000 + (grows_kb * number) // 100,
            threads=3 + (threads if number > 80 else 0),
            files=10 + (files if number > 80 else 0),
        )
        for number in range(100)
    ]


def test_warming_up_is_not_growth() -> None:
    """What the first fifth takes is not held against it."""
    assert verdict(looks(), CREATES, allow=3) == []


def test_growth_after_that_is_named() -> None:
    """Memory, threads and files are each told with what they were and became."""
    [memory] = verdict(looks(grows_kb=6000), CREATES, allow=3)
    assert memory.startswith("memory grew from")
    assert verdict(looks(threads=1), CREATES, allow=3) == ["threads grew from 3 to 4"]
    assert verdict(looks(files=2), CREATES, allow=3) == ["files grew from 10 to 12"]


def test_too_little_to_judge_is_not_a_pass() -> None:
    """A soak that ended before anything could be seen says so."""
    assert verdict([], CREATES, allow=3) == ["too few looks to tell: more creates are needed"]


def test_a_process_is_looked_at_from_outside() -> None:
    """Memory, threads and files of a living process are seen, and watching ends with it."""
    program = [sys.executable, "-c", "print('here', flush=True); input()"]
    with (
        Server() as server,
        subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"  # before, it has no memory yet
        watching = watch(process, server)
        first = next(watching)
        assert (first.creates, first.threads) == (0, 1)
        assert first.rss_kb > 1000
        assert first.files >= 3
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.close()
        list(watching)
        assert process.returncode == 0
