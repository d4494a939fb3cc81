"""Takes rights from the zygote, whose children inherit the restrictions, and further ones from each child.

Every measure is tried. The methods return the names of those in force.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

from host.isolation import landlock, seccomp
from host.isolation.child import limit

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
NOBODY = 65534

SOCKET = 3  # the descriptor of the socket in a script's process; 0, 1 and 2 are /dev/null

LIMITS = (
    ("no core dump", "RLIMIT_CORE", 0),
    ("no files written", "RLIMIT_FSIZE", 0),
    ("no more descriptors", "RLIMIT_NOFILE", SOCKET + 1),
    ("no more processes", "RLIMIT_NPROC", 0),
)


class Confinement:
    """The measures, made and used in the zygote's process."""

    def __init__(self, *, jit: bool) -> None:
        self._linux = sys.platform.startswith("linux")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._filter = seccomp.program(seccomp.this_machine(), jit=jit)
        self._zygote = os.getpid()

    def of_zygote(self) -> list[str]:
        """Drop the rights that are not needed once all is imported. Returns the measures in force."""
        done = ["empty environment", "own session"]
        if os.geteuid() == 0 and _become_nobody():
            done.append("no root")
        if self._linux and self._libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            done.append("no new privileges")
            version = landlock.restrict(self._libc)
            if version:
                done.append(f"Landlock {version}")
        return done

    def of_child(self, sock: int) -> list[str]:
        """Confine a process just forked, and move its socket from ``sock`` to 3. Returns the measures in force."""
        done = []
        os.setsid()
        if self._linux:
            self._libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
            if self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0:
                done.append("ends with the zygote")
            if os.getppid() != self._zygote:
                raise ChildProcessError("the zygote is gone")
        os.dup2(sock, SOCKET)
        os.dup2(1, 0)
        os.closerange(SOCKET + 1, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 16))
        done.append("no inherited descriptors")
        for measure, name, most in LIMITS:
            what = getattr(resource, name, None)
            if what is not None and limit(what, most, most):
                done.append(measure)
        if self._filter is not None and seccomp.install(self._libc, self._filter):
            done.append("seccomp")
        return done

    def of_run(self, address_space: int | None) -> list[str]:
        """Try the limits that each run sets (``host.isolation.child``). Returns those that can be in force."""
        done = []
        if address_space is not None and limit(resource.RLIMIT_AS, 2 * address_space, 2 * address_space):
            done.append("address space")
        if limit(resource.RLIMIT_CPU, 60, 60):
            done.append("CPU time")
        return done

    def address_space(self) -> int | None:
        """Bytes this process has mapped, or ``None`` if the system does not say, so that no limit can be set."""
        try:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
        except OSError:
            return None
        return pages * resource.getpagesize()


def _become_nobody() -> bool:
    with suppress(OSError):  # no such user in this namespace
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        return True
    return False
