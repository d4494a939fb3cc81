"""Denies access to files, TCP ports and other processes by Landlock, without exceptions. Linux from 5.13.

Numbers: the kernel's ``include/uapi/linux/landlock.h`` and ``Documentation/userspace-api/landlock.rst``.
"""

from __future__ import annotations

import ctypes
import os
import struct

CREATE_RULESET, RESTRICT_SELF = 444, 446  # the same on every architecture
VERSION = 1
FILES = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}  # rights each version knows
TCP = 0x3  # bind and connect, from version 4
SCOPES = 0x3  # abstract sockets and signals to outside, from version 6


def restrict(libc: ctypes.CDLL) -> int:
    """Take every right that Landlock knows from this process and those it forks. Needs ``no_new_privs``.

    Returns the version of the interface in force, 0 if there is none.
    """
    version = int(libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION))
    if version < 1:
        return 0
    rights = struct.pack("=Q", FILES[min(version, 5)])
    if version >= 4:
        rights += struct.pack("=Q", TCP)
    if version >= 6:
        rights += struct.pack("=Q", SCOPES)
    ruleset = int(libc.syscall(CREATE_RULESET, rights, ctypes.c_size_t(len(rights)), 0))
    if ruleset < 0:
        return 0
    try:
        return version if libc.syscall(RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)
