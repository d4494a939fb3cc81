"""Files opened without following links, so that what was granted is what is opened.

``Permissions.check_read`` and ``check_write`` give a path without links. Between that and the opening
somebody may
put a link in its place; so each step of the path is opened by itself, from the root, refusing links
(openat(2)).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterator

from host.errors import CallError, DeniedError, InvalidCall

__all__ = ["Replacement", "failure", "open_file", "open_folder", "parent"]

_STEPWISE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_COMMON = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@contextlib.contextmanager
def parent(real: str) -> Iterator[tuple[int | None, str]]:
    """The open folder of a path without links, and the last name in it. ``OSError`` if a link is in the way.

    Where the system cannot open step by step, no folder and the whole path.
    """
    if not _STEPWISE:
        yield None, real
        return
    *steps, last = real.strip(os.sep).split(os.sep)
    folder = os.open(os.sep, _FOLDER)
    try:
        for step in steps:
            inner = os.open(step, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder, last or "."
    finally:
        os.close(folder)


def open_file(real: str, flags: int) -> int:
    """A descriptor of a plain file. ``OSError``, or ``InvalidCall`` for what is no plain file."""
    with parent(real) as (folder, name):
        # Non-blocking: a pipe with nobody at its other end must not hold the thread.
        fd = os.open(name, flags | _COMMON | getattr(os, "O_NONBLOCK", 0), 0o666, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise InvalidCall(f"{real} is not a plain file")
    return fd


def open_folder(real: str) -> int | str:
    """What ``os.scandir`` takes: a descriptor to close, or the path where the system has no such thing."""
    if not _STEPWISE or os.scandir not in os.supports_fd:
        return real
    flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _COMMON
    with parent(real) as (folder, name):
        return os.open(name, flags, dir_fd=folder)


class Replacement:
    """A file's new content, written beside it and put in its place at once, or not at all."""

    def __init__(self, real: str) -> None:
        self._real = real
        self._temporary = os.path.join(os.path.dirname(real), f".{uuid.uuid4().hex}.part")
        self._fd: int | None = None

    def begin(self) -> None:
        """Open the file beside it, empty. Again: start over. ``InvalidCall`` where what is there is no plain file."""
        if self._fd is None:
            with parent(self._real) as (folder, name):
                self._there(folder, name)
            self._fd = open_file(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        else:
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.truncate(self._fd, 0)

    def write(self, data: bytes) -> None:
        assert self._fd is not None
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def commit(self) -> None:
        """Put it in place; a file that was there keeps its permissions."""
        assert self._fd is not None
        with parent(self._real) as (folder, name):
            source = self._temporary if folder is None else os.path.basename(self._temporary)
            there = self._there(folder, name)
            if there is not None:
                with contextlib.suppress(OSError):
                    os.fchmod(self._fd, stat.S_IMODE(there.st_mode))
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = None
            os.replace(source, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _there(self, folder: int | None, name: str) -> os.stat_result | None:
        """What is in its place, which is a plain file or nothing."""
        try:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(there.st_mode):
            raise InvalidCall(f"{self._real} is not a plain file")
        return there

    def discard(self) -> None:
        """Leave nothing behind. After ``commit`` it does nothing."""
        if self._fd is None:
            return
        os.close(self._fd)
        self._fd = None
        with contextlib.suppress(OSError), parent(self._temporary) as (folder, name):
            os.unlink(name, dir_fd=folder)


def failure(what: str, error: OSError) -> CallError:
    """What a script hears of a failed system call."""
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return DeniedError(f"{what}: a link was put in its way while it was opened")
    code = errno.errorcode.get(error.errno or 0)
    return InvalidCall(f"{what}: {(error.strerror or 'it failed').lower()}", code=code)
