"""Whether this process is a fork of the one in which something was made, without asking the system each time."""

from __future__ import annotations

import os

__all__ = ["Here"]

_forks = 0


def _forked() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
    os.register_at_fork(after_in_child=_forked)


class Here:
    """The process it was made in: false in a process that was forked from it since."""

    __slots__ = ("_forks",)

    def __init__(self) -> None:
        self._forks = _forks

    def __bool__(self) -> bool:
        return self._forks == _forks
