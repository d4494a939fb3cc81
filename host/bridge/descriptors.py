"""Room in the system's table of this process's open files, made before there are threads.

Linux doubles that table when a new file finds it full. In a process with threads it then waits until no core can be
reading the old one (``synchronize_rcu``): 5 to 20 ms in which whoever opens a socket stands still. A thousand
connections meet that four times, on the loop's thread.
"""

from __future__ import annotations

import os
import sys

__all__ = ["make_room"]

TASKS = "/proc/self/task"


def make_room(files: int) -> None:
    """Have the table take so many files, where that costs nothing: on Linux, in a process of one thread."""
    if sys.platform != "linux":
        return
    import fcntl
    import resource

    try:
        if len(os.listdir(TASKS)) > 1:
            return
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        wanted = files if limit < 0 else min(files, limit)
        with open(os.devnull, "rb", buffering=0) as file:
            os.close(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, wanted - 1))
    except OSError:  # no /proc, or no file to be had: then it grows by itself
        return
