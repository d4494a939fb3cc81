"""Room for open files is made before there are threads, up to what the system allows."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux stops threads for it")

SIZE = """
def size():
    for line in open("/proc/self/status"):
        if line.startswith("FDSize"):
            return int(line.split()[1])
"""
BEFORE = "import fcntl, os, resource, threading; from host.bridge.descriptors import make_room"


def run(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{BEFORE}\n{SIZE}\n{code}"], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


def test_there_is_room_and_no_file_is_left_open() -> None:
    code = """
count = len(os.listdir("/proc/self/fd")); before = size(); make_room(700)
print(before < 700 <= size(), len(os.listdir("/proc/self/fd")) == count)"""
    assert run(code) == ["True", "True"]


def test_not_more_than_the_process_may_open() -> None:
    code = """
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)); make_room(5000); print(300 <= size() < 1000)"""
    assert run(code) == ["True"]


def test_nothing_where_there_are_threads() -> None:
    """It would have to wait itself."""
    code = """
stop = threading.Event(); thread = threading.Thread(target=stop.wait); thread.start()
before = size(); make_room(700); print(size() == before); stop.set(); thread.join()"""
    assert run(code) == ["True"]


def test_nothing_where_no_file_can_be_opened() -> None:
    code = """
os.closerange(3, 100); resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); make_room(700); print("fine")"""
    assert run(code) == ["fine"]


def test_a_host_makes_it_for_its_connections() -> None:
    code = """
from host import Host
with Host(simulate=True) as opened:
    opened.run_source("return 1").raise_for_error()
    print(size() >= min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0]))"""
    assert run(code) == ["True"]
