"""What a script's process may not do, tried from inside one."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from host import Limits, ScriptError
from host.isolation import seccomp
from host.isolation import state as child_state
from host.isolation.zygote import REAP
from host.isolation.zygote_client import Isolation
from host.lua import protocol as p
from tests.isolation.child_processes import children, linux, zygote

ROOT = Path(__file__).parents[2]
filtered = pytest.mark.skipif(seccomp.this_machine() not in seccomp.MACHINES, reason="no filter here")

ATTEMPTS = """
import ctypes, json, mmap, os, signal, socket, subprocess, sys, threading
from host.isolation.confinement import Confinement, SOCKET
from host.isolation.child import limit

libc = ctypes.CDLL(None, use_errno=True)
def raw(name, *arguments):
    if libc[name](*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
def executable():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
attempts = {
    "tcp": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "udp": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "pair": lambda: socket.socketpair(),
    "connect": lambda: socket.socket(2, 1, 0, SOCKET).connect(("127.0.0.1", 1)),
    "read a file": lambda: open("/etc/passwd"),
    "write a file": lambda: open("/tmp/confined", "w"),
    "list": lambda: os.listdir("/"),
    "remove": lambda: os.unlink("/tmp/x"),
    "fork": os.fork,
    "vfork": lambda: subprocess.Popen(["/bin/true"]),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "thread": lambda: threading.Thread(target=int).start(),
    "kill the zygote": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "kill all": lambda: os.kill(-1, signal.SIGKILL),
    "ptrace": lambda: raw("ptrace", 16, os.getppid(), 0, 0),
    "be root": lambda: os.setuid(0),
    "pipe": os.pipe,
    "duplicate": lambda: os.dup(SOCKET),
    "executable memory": executable,
    "unshare": lambda: raw("unshare", 0x10000000),
    "mount": lambda: raw("mount", b"none", b"/", b"tmpfs", 0, None),
    "bpf": lambda: raw("syscall", 321, 0, 0, 0),
    "limits of others": lambda: __import__("resource").prlimit(os.getppid(), 7),
}
result = {}
mine, theirs = socket.socketpair()
confinement = Confinement(jit=False)
zygote = confinement.of_zygote()
saved = os.dup(1)
if os.fork() == 0:
    confinement.of_child(theirs.detach())
    for name, attempt in attempts.items():
        try:
            attempt()
            result[name] = "allowed"
        except OSError as error:
            result[name] = error.errno
        except RuntimeError as error:
            result[name] = 1 if "start new thread" in str(error) else repr(error)
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, SOCKET).sendall(json.dumps(result).encode())
    os._exit(0)
theirs.close()
said = b""
while part := mine.recv(65536):
    said += part
os.write(saved, said)
"""


@linux
@filtered
def test_next_to_nothing_is_allowed() -> None:
    """Network, files, processes, threads, signals, new privileges, code in memory: each is refused."""
    program = [sys.executable, "-c", ATTEMPTS]
    done = subprocess.run(program, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60)
    results = json.loads(done.stdout)
    allowed = {name: code for name, code in results.items() if code not in (1, 13)}  # EPERM, EACCES
    assert allowed == {}
    assert len(results) == 24


def decide(program: bytes, machine: str, number: int, *arguments: int) -> int:
    """What the filter says of a system call: the four instructions it uses, carried out here."""
    code = list(struct.iter_unpack("=HBBI", program))
    data = {0: number, 4: seccomp.MACHINES[machine][0] if machine in seccomp.MACHINES else 0}
    data |= {16 + 8 * i: value for i, value in enumerate(arguments)}
    at = accumulator = 0
    while True:
        operation, yes, no, value = code[at]
        at += 1
        if operation == seccomp.LOAD:
            accumulator = data.get(value, 0)
        elif operation == seccomp.EQUAL:
            at += yes if accumulator == value else no
        elif operation == seccomp.ANY_BIT:
            at += yes if accumulator & value else no
        else:
            assert operation == seccomp.RETURN
            return value


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_the_filter_allows_what_is_listed_and_nothing_else(machine: str, jit: bool) -> None:
    """Every number of a system call gets its right answer on each machine, also with foreign arguments."""
    program = seccomp.program(machine, jit=jit)
    assert program is not None
    numbers = seccomp.MACHINES[machine][1]
    allowed = set(numbers.values())
    every = [*range(1024), *range(1 << 30, (1 << 30) + 600)]  # the others are x86-64's with 32-bit pointers
    assert {n for n in every if decide(program, machine, n) == seccomp.ALLOW} == allowed
    executable = seccomp.ALLOW if jit else seccomp.DENY
    for name in ("mmap", "mprotect"):
        assert decide(program, machine, numbers[name], 0, 0, 7) == executable
        assert decide(program, machine, numbers[name], 0, 0, 3) == seccomp.ALLOW
    assert decide(program, machine, numbers["prlimit64"], 1) == seccomp.DENY
    assert decide(program, "another", numbers["brk"]) == seccomp.KILL


def test_an_unknown_machine_has_no_filter() -> None:
    """Rather none, and told, than one with wrong numbers."""
    assert seccomp.program("riscv64", jit=False) is None


KEY = "_".join(["sk", "test", "9f27c41be08d"])  # put together here, so that no constant has it


@pytest.fixture(scope="module")
def isolation() -> Iterator[Isolation]:
    """One whose host has a key in its environment."""
    os.environ["STRIPE_SECRET_KEY"] = KEY
    made = Isolation(Limits(), later=lambda *_: None)
    del os.environ["STRIPE_SECRET_KEY"]
    yield made
    made.close()


@linux
@filtered
def test_what_is_in_force_is_reported(isolation: Isolation) -> None:
    """describe() names each measure, and what this system lacks as missing; together they are all."""
    told = isolation.describe()
    assert {"seccomp", "no new privileges", "no more descriptors", "no more processes"} <= set(told.in_force)
    assert set(told.missing) <= {"Landlock"}


def descriptors(folder: Path) -> dict[int, str]:
    """What a process has open, once it is confined: one kept ready may just have been born."""
    for _ in range(500):
        with suppress(FileNotFoundError):
            found = {int(fd.name): os.readlink(fd) for fd in folder.joinpath("fd").iterdir()}
            if set(found) <= {0, 1, 2, 3}:
                return found
        time.sleep(0.01)
    return found


@linux
def test_processes_know_no_key_and_hold_no_descriptor(isolation: Isolation) -> None:
    """Neither environment, arguments nor memory of the zygote and its children have the host's key."""
    state = isolation.state(lambda *_: None, Limits())
    looked = 0
    for pid in [zygote(isolation), *children(isolation)]:
        folder = Path(f"/proc/{pid}")
        assert KEY.encode() not in folder.joinpath("cmdline").read_bytes()
        try:
            assert folder.joinpath("environ").read_bytes() == b""
            links = descriptors(folder)
            assert not holds(pid, KEY.encode())
        except PermissionError:  # not even we may look: it is not dumpable
            continue
        looked += 1
        assert links[1] == links[2] == "/dev/null"
        if pid != zygote(isolation):
            assert links[0] == "/dev/null"
            assert set(links) == {0, 1, 2, 3}
            assert links[3].startswith("socket:")
    assert looked or os.geteuid() != 0
    state.close()


def test_compiled_code_that_never_ends_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hook fires in what LuaJIT compiled: the kill from outside is what ends it."""
    monkeypatch.setattr(child_state, "KILL_MARGIN", 0.0)
    jit = Isolation(Limits(), later=lambda *_: None, jit=True)
    state = jit.state(lambda *_: None, Limits(lua_time=0.1))
    with pytest.raises(ScriptError, match="was killed") as caught:
        state.enter(p.START, b"@s", b"while true do end", 0)
    assert caught.value.kind == "limit"
    state.close()
    jit.close()


class Timer:
    def __init__(self, ring: Callable[[Any], None]) -> None:
        self.ring = ring
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


def test_stopping_kills_what_does_not_end_by_itself() -> None:
    """stop() sets one timer, and when it rings the process is killed and the waiting thread told."""
    timers: list[Timer] = []

    def later(_: float, ring: Callable[[Any], None]) -> Timer:
        timers.append(Timer(ring))
        return timers[-1]

    def host(code: int, *_: Any) -> None:
        if code == p.NAME:
            state.stop()
            state.stop()
            timers[0].ring(None)

    jit = Isolation(Limits(), later=later, jit=True)

    state = jit.state(host, Limits())
    with pytest.raises(ScriptError, match="SIGKILL"):
        state.enter(p.START, b"@s", b"local x = something while true do end", 0)
    assert len(timers) == 1
    state.close()
    assert timers[0].cancelled
    jit.close()


def test_how_a_killed_process_ended_is_known_when_it_is_gone(isolation: Isolation) -> None:
    """It may be asked for only after the zygote has taken note of its end."""
    state = isolation.state(lambda *_: None, Limits())
    state._process.kill()
    time.sleep(10 * REAP)
    assert state._process.status() == signal.SIGKILL
    state.close()


def holds(pid: int, needle: bytes) -> bool:
    """Whether a process has these bytes anywhere in its memory."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            if "r" not in rights or "[v" in line:
                continue
            start, end = (int(each, 16) for each in span.split("-"))
            memory.seek(start)
            if needle in memory.read(end - start):
                return True
    return False
