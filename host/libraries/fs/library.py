"""``fs``: files inside the granted folders. The functions run in threads, off the event loop."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Mapping
from typing import Any

from host.errors import InvalidCall, LimitError
from host.libraries.fs.paths import Replacement, failure, open_file, open_folder, parent
from host.libraries.library import BuiltinParts, LibraryCall, LibraryFunction, Provider

__all__ = ["Files", "provider"]

LARGEST = 64 << 20  # bytes of one file
MOST = 10_000  # entries of a folder


def provider(parts: BuiltinParts) -> Provider:
    """The library of a host."""
    return Files()


class Files:
    """The functions of ``fs``."""

    def __init__(self) -> None:
        reads: Mapping[str, Callable[[LibraryCall], Any]] = {"read": _read, "list": _list, "exists": _exists}
        writes: Mapping[str, Callable[[LibraryCall], Any]] = {"write": _write, "append": _append, "remove": _remove}
        self.functions = {
            **{f"fs.{name}": LibraryFunction(_threaded(work), "read") for name, work in reads.items()},
            **{f"fs.{name}": LibraryFunction(_threaded(work), "write") for name, work in writes.items()},
        }

    def ended(self, run_id: str) -> None:
        return None

    async def aclose(self) -> None:
        return


def _threaded(work: Callable[[LibraryCall], Any]) -> Callable[[LibraryCall, float], Any]:
    async def run(asked: LibraryCall, deadline: float) -> Any:
        return await asyncio.to_thread(_translated, work, asked)

    return run


def _translated(work: Callable[[LibraryCall], Any], asked: LibraryCall) -> Any:
    most = 2 if work in (_write, _append) else 1
    if len(asked.args) > most:
        wanted = "a path and a string" if most == 2 else "a path"
        raise InvalidCall(f"{asked.name} takes {wanted} and no more, got {len(asked.args)} arguments")
    try:
        return work(asked)
    except OSError as error:
        raise failure(f"{asked.name}({asked.args[0]!r})", error) from error


def _path(asked: LibraryCall) -> str:
    path = asked.argument(0)
    if not isinstance(path, str) or not path or "\0" in path:
        raise InvalidCall(f"{asked.name} expects a path, got {_kind(path)}")
    return path


def _content(asked: LibraryCall) -> bytes:
    content = asked.argument(1)
    if isinstance(content, str):
        content = content.encode()
    elif isinstance(content, int | float) and not isinstance(content, bool):
        content = f"{content:.14g}".encode()
    if not isinstance(content, bytes):
        raise InvalidCall(f"{asked.name} expects a string to write, got {_kind(content)}")
    if len(content) > LARGEST:
        raise LimitError(f"{asked.name}: {len(content):,} bytes are more than {LARGEST >> 20} MB")
    return content


def _kind(value: Any) -> str:
    names = {type(None): "nothing", str: "a string", bytes: "a string", bool: "a boolean", dict: "a table"}
    return names.get(type(value), "a table" if isinstance(value, list) else "a number")


def _read(asked: LibraryCall) -> bytes:
    path = _path(asked)
    fd = open_file(asked.permissions.check_read(path), os.O_RDONLY)
    with os.fdopen(fd, "rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise LimitError(f"fs.read({path!r}): the file is over {LARGEST >> 20} MB")
    return data


def _write(asked: LibraryCall) -> None:
    path, content = _path(asked), _content(asked)
    new = Replacement(asked.permissions.check_write(path))
    try:
        new.begin()
        new.write(content)
        new.commit()
    finally:
        new.discard()


def _append(asked: LibraryCall) -> None:
    path, content = _path(asked), _content(asked)
    fd = open_file(asked.permissions.check_write(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        if os.fstat(fd).st_size + len(content) > LARGEST:
            raise LimitError(f"fs.append({path!r}): the file would be over {LARGEST >> 20} MB")
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


def _remove(asked: LibraryCall) -> bool:
    """Remove a file. Returns whether it existed. Raises ``InvalidCall`` for a folder."""
    real = asked.permissions.check_write(_path(asked))
    try:
        with parent(real) as (folder, name):
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise InvalidCall(f"fs.remove({asked.args[0]!r}): it is a folder; only files are removed")
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _exists(asked: LibraryCall) -> bool:
    real = asked.permissions.check_read(_path(asked))
    try:
        with parent(real) as (folder, name):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _list(asked: LibraryCall) -> list[dict[str, Any]]:
    path = _path(asked)
    place = open_folder(asked.permissions.check_read(path))
    found: list[dict[str, Any]] = []
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if len(found) >= MOST:
                    raise LimitError(f"fs.list({path!r}): there are more than {MOST:,} entries")
                found.append(_entry(entry))
    finally:
        if isinstance(place, int):
            os.close(place)
    return sorted(found, key=lambda each: str(each["name"]))


def _entry(entry: os.DirEntry[str]) -> dict[str, Any]:
    about: dict[str, Any] = {"name": os.fsencode(entry.name)}
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError:  # removed meanwhile
        return {**about, "type": "other"}
    if stat.S_ISREG(facts.st_mode):
        return {**about, "type": "file", "size": facts.st_size, "modified": facts.st_mtime}
    kind = "folder" if stat.S_ISDIR(facts.st_mode) else "link" if stat.S_ISLNK(facts.st_mode) else "other"
    return {**about, "type": kind, "modified": facts.st_mtime}
