"""What tests of isolated runs look at: the zygote's process and its children, from outside."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from host.isolation.zygote_client import Isolation

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def zygote(isolation: Isolation) -> int:
    return isolation._zygote._process.pid


def children(isolation: Isolation) -> list[int]:
    pid = zygote(isolation)
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_end(pids: list[int]) -> None:
    """Until none of these processes runs any more."""
    while any(_lives(pid) for pid in pids):
        os.sched_yield()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
