"""Limits the system calls of a script's process by a filter in the kernel. Linux on x86-64 and AArch64.

The filter is an allow-list: memory, clocks, locks, the one socket, the process's own limits and its exit. Any other
call fails with ``EPERM``.
Numbers: the kernel's ``arch/x86/entry/syscalls/syscall_64.tbl`` and ``include/uapi/asm-generic/unistd.h``;
the filter's form: ``Documentation/userspace-api/seccomp_filter.rst``.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2

ALLOW = 0x7FFF0000
DENY = 0x00050000 | 1  # SECCOMP_RET_ERRNO with EPERM
KILL = 0x80000000

LOAD, RETURN = 0x20, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_RET|BPF_K
EQUAL, ANY_BIT = 0x15, 0x45  # BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JSET|BPF_K
NUMBER, ARCHITECTURE, ARGUMENT_0, ARGUMENT_2 = 0, 4, 16, 32  # offsets in struct seccomp_data, low words
PROT_EXEC = 4

NAMES = (
    "munmap", "mremap", "brk", "madvise", "futex", "sched_yield", "rt_sigreturn", "restart_syscall",
    "sendto", "recvfrom", "clock_gettime", "clock_getres", "gettimeofday", "getrusage", "getrandom",
    "getpid", "gettid", "exit", "exit_group",
)  # fmt: skip

X86_64 = {
    "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25,
    "madvise": 28, "getpid": 39, "sendto": 44, "recvfrom": 45, "exit": 60, "gettimeofday": 96,
    "getrusage": 98, "gettid": 186, "time": 201, "futex": 202, "restart_syscall": 219,
    "clock_gettime": 228, "clock_getres": 229, "exit_group": 231, "prlimit64": 302, "getrandom": 318,
}  # fmt: skip
AARCH64 = {
    "exit": 93, "exit_group": 94, "futex": 98, "clock_gettime": 113, "clock_getres": 114, "sched_yield": 124,
    "restart_syscall": 128, "rt_sigreturn": 139, "getrusage": 165, "gettimeofday": 169, "getpid": 172,
    "gettid": 178, "sendto": 206, "recvfrom": 207, "brk": 214, "munmap": 215, "mremap": 216,
    "mmap": 222, "mprotect": 226, "madvise": 233, "prlimit64": 261, "getrandom": 278,
}  # fmt: skip
MACHINES = {"x86_64": (0xC000003E, X86_64), "aarch64": (0xC00000B7, AARCH64)}  # AUDIT_ARCH_…


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def program(machine: str, *, jit: bool) -> bytes | None:
    """The filter's code, or ``None`` for an unknown machine. ``jit`` permits executable memory."""
    known = MACHINES.get(machine)
    if known is None:
        return None
    architecture, numbers = known
    plain = [numbers[name] for name in (*NAMES, "time") if name in numbers]
    if jit:
        plain += [numbers["mmap"], numbers["mprotect"]]
    tests: list[tuple[int, int]] = [(number, 0) for number in plain]
    # After the list, each checked call has two instructions: load its argument, compare it.
    checked = [(numbers["prlimit64"], ARGUMENT_0, EQUAL, 0)]  # process 0: its own limits only
    if not jit:
        checked += [(numbers[name], ARGUMENT_2, ANY_BIT, PROT_EXEC) for name in ("mmap", "mprotect")]
    tests += [(number, i + 1) for i, (number, *_) in enumerate(checked)]

    allow_at = 4 + len(tests) + 1 + 2 * len(checked)
    deny_at = 4 + len(tests)
    code = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL)]
    code.append((LOAD, 0, 0, NUMBER))
    for number, target in tests:
        at = len(code)
        to = allow_at if target == 0 else deny_at + 1 + 2 * (target - 1)
        code.append((EQUAL, to - at - 1, 0, number))
    code.append((RETURN, 0, 0, DENY))
    for _, offset, operation, value in checked:
        code.append((LOAD, 0, 0, offset))
        allow = allow_at - len(code) - 1
        yes, no = (allow, allow + 1) if operation == EQUAL else (allow + 1, allow)
        code.append((operation, yes, no, value))
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, DENY)]
    return b"".join(struct.pack("=HBBI", *each) for each in code)


def this_machine() -> str:
    """The key of :data:`MACHINES` for this process, or an empty string."""
    if not sys.platform.startswith("linux") or sys.byteorder != "little" or sys.maxsize < 2**32:
        return ""
    return {"arm64": "aarch64", "amd64": "x86_64"}.get(machine := platform.machine().lower(), machine)


def install(libc: ctypes.CDLL, code: bytes) -> bool:
    """Install the filter for this process, for good. Needs ``no_new_privs``. Returns whether it is in force."""
    filter = _Program(len(code) // 8, code)
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter), 0, 0) == 0)
