"""Opens files without following links, so that the file opened is the one that was granted.

``Permissions.check_read`` and ``check_write`` return a path without links. Since a link could be put in its place
before the file is opened, each step of the path is opened by itself, from the root, refusing links (openat(2)).
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
    """Open the folder of ``real``, and yield its descriptor and the last name of the path.

    Raises ``OSError`` if a step is a link. Where step-by-step opening is impossible, yields ``None`` and ``real``.
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
    """Open a regular file and return its descriptor. Raises ``OSError``, or ``InvalidCall`` for anything else."""
    with parent(real) as (folder, name):
        # Non-blocking: opening a pipe whose other end is not open must not block the thread.
        fd = os.open(name, flags | _COMMON | getattr(os, "O_NONBLOCK", 0), 0o666, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise InvalidCall(f"{real} is not a plain file")
    return fd


def open_folder(real: str) -> int | str:
    """An argument for ``os.scandir``: a descriptor that the caller closes, or on some systems the path."""
    if not _STEPWISE or os.scandir not in os.supports_fd:
        return real
    flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _COMMON
    with parent(real) as (folder, name):
        return os.open(name, flags, dir_fd=folder)


class Replacement:
    """The new content of a file, written to a temporary file and then moved to its path in one step."""

    def __init__(self, real: str) -> None:
        self._real = real
        self._temporary = os.path.join(os.path.dirname(real), f".{uuid.uuid4().hex}.part")
        self._fd: int | None = None

    def begin(self) -> None:
        """Open the temporary file, or empty it again. Raises ``InvalidCall`` if the path is not a regular file."""
        if self._fd is None:
            with parent(self._real) as (folder, name):
                self._existing(folder, name)
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
        """Move the content to its path, with the permissions of the file that was there."""
        assert self._fd is not None
        with parent(self._real) as (folder, name):
            source = self._temporary if folder is None else os.path.basename(self._temporary)
            there = self._existing(folder, name)
            if there is not None:
                with contextlib.suppress(OSError):
                    os.fchmod(self._fd, stat.S_IMODE(there.st_mode))
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = None
            os.replace(source, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _existing(self, folder: int | None, name: str) -> os.stat_result | None:
        """The status of the file at the path, or ``None`` if there is none."""
        try:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(there.st_mode):
            raise InvalidCall(f"{self._real} is not a plain file")
        return there

    def discard(self) -> None:
        """Remove the temporary file. Does nothing after ``commit``."""
        if self._fd is None:
            return
        os.close(self._fd)
        self._fd = None
        with contextlib.suppress(OSError), parent(self._temporary) as (folder, name):
            os.unlink(name, dir_fd=folder)


def failure(what: str, error: OSError) -> CallError:
    """The error a script gets for a failed system call; ``code`` is the name of the errno."""
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return DeniedError(f"{what}: the path was replaced by a link while it was being opened")
    code = errno.errorcode.get(error.errno or 0)
    return InvalidCall(f"{what}: {(error.strerror or 'it failed').lower()}", code=code)
