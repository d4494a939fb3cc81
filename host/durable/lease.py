"""The owner of a run: a string that names a machine and a process, so that the end of the process can be detected."""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from pathlib import Path


def this_owner() -> str:
    """``machine:pid:start:nonce`` of this process; the nonce distinguishes the journals of one process."""
    pid = os.getpid()
    return f"{_machine()}:{pid}:{_started(pid) or 0}:{os.urandom(4).hex()}"


def is_dead(owner: str) -> bool:
    """Whether the owner's process is known to have ended. This can be determined only on its own machine."""
    machine, *rest = owner.split(":")
    if machine != _machine() or rest[1] == "0":
        return False
    pid, start, _ = rest
    return _started(int(pid)) != start


def _machine() -> str:
    """An id of this machine's boot and process namespace."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _started(pid: int) -> str | None:
    """When the process began (field 22 of proc(5)'s stat), or ``None`` without one, or if it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields[19]
