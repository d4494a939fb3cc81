"""Transfers scripts with their modules: collects them, stores them by hash, and restores them on a worker."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from host.errors import JournalError, UsageError
from host.run.script import Script, without_shebang

__all__ = ["Parcel", "ScriptFolders", "parcel_of"]

MOST_FILES: Final = 1000
MOST_BYTES: Final = 16 << 20
KEPT: Final = 200  # scripts a worker keeps on its disk
_LITERAL = re.compile(rb"""\brequire\s*\(?\s*(["'])([^"'\\\n]+)\1""")
_WORD = re.compile(rb"\brequire\b")
_COMMENT = re.compile(rb"--(?!\[=*\[)[^\n]*")
_PATH = re.compile(rb"\bpackage\s*\.\s*path\b")


class Parcel(msgspec.Struct, frozen=True):
    """A script to submit. ``modules`` maps paths below its folder to hashes, ``texts`` hashes to contents."""

    name: str
    text: str
    modules: dict[str, str]
    texts: dict[str, bytes]


def parcel_of(script: Script) -> Parcel:
    """The script with the modules it requires by name, and those they require. One that makes up names (``require(x)``,
    ``package.path``) takes along every Lua file below its folder. Raises ``UsageError`` where that is too much.
    """
    texts = {_hash(script.source): script.source}
    modules: dict[str, str] = {}
    if script.folder is not None:
        for path in _files(script, script.folder.resolve()):
            text = without_shebang(path.read_bytes())
            texts[_hash(text)] = text
            modules[path.relative_to(script.folder.resolve()).as_posix()] = _hash(text)
        if len(modules) > MOST_FILES or sum(map(len, texts.values())) > MOST_BYTES:
            raise UsageError(
                f"{script.name}: {len(modules):,} Lua files of {sum(map(len, texts.values())) >> 20} MB are below its "
                f"folder, and a run takes along {MOST_FILES:,} of {MOST_BYTES >> 20} MB",
                hint='require modules by name, as in require("lib.prices"): then only those travel',
            )
    name = script.name if script.folder is None else Path(script.name).name
    return Parcel(name, _hash(script.source), modules, texts)


def _files(script: Script, root: Path) -> Iterable[Path]:
    found: dict[Path, None] = {}
    waiting = [script.source]
    while waiting:
        text = _COMMENT.sub(b"", waiting.pop())
        names = [match[2].decode("utf-8", "replace") for match in _LITERAL.finditer(text)]
        if len(_WORD.findall(text)) > len(names) or _PATH.search(text):
            return [each for each in sorted(root.rglob("*.lua"))[: MOST_FILES + 2] if _is_below(each, root)]
        for name in names:
            place = name.removesuffix(".lua").replace("/", ".").replace(".", "/")
            for path in (root / f"{place}.lua", root / place / "init.lua"):
                if _is_below(path, root) and path not in found:
                    found[path] = None
                    waiting.append(path.read_bytes())
    return found


def _is_below(path: Path, root: Path) -> bool:
    """Whether ``path`` is below ``root`` with links resolved; other files cannot be required on this machine either."""
    return path.is_file() and path.resolve().is_relative_to(root)


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


class ScriptFolders:
    """A worker's copies of scripts, each with its modules in a separate folder. ``read(hashes)`` returns texts by hash.

    The :data:`KEPT` scripts used last are kept. The folder of another is deleted with its last run. Not thread-safe.
    """

    def __init__(self, read: Callable[[list[str]], Mapping[str, bytes]]) -> None:
        self._read = read
        self._folder = tempfile.TemporaryDirectory(prefix="luahost-fleet-")
        self._scripts: OrderedDict[str, Script] = OrderedDict()

    def script(self, name: str, text: str, modules: Mapping[str, str]) -> Script:
        """The script in a local folder.

        Raises :class:`JournalError` if a text is missing or differs from its hash, or if the folder cannot be written.
        """
        key = _hash(repr((name, text, sorted(modules.items()))).encode())
        found = self._scripts.get(key)
        if found is not None:
            self._scripts.move_to_end(key)
            return found
        wanted = sorted({text, *modules.values()})
        texts = self._read(wanted)
        for each in wanted:
            if _hash(texts.get(each, b"")) != each:
                raise JournalError(f"the text {each[:12]} of {name} is not in the fleet's database as it was submitted")
        try:
            folder = self._unpacked(name, modules, texts) if modules else None
        except OSError as error:
            raise JournalError(f"{name}: its modules cannot be written on this worker: {error.strerror}") from error
        self._scripts[key] = found = Script(name, texts[text], folder)
        if folder is not None:
            weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
        if len(self._scripts) > KEPT:
            self._scripts.popitem(last=False)
        return found

    def _unpacked(self, name: str, modules: Mapping[str, str], texts: Mapping[str, bytes]) -> Path:
        """A new folder with the modules."""
        folder = Path(tempfile.mkdtemp(dir=self._folder.name)).resolve()
        try:
            for place, hash in modules.items():
                path = (folder / place).resolve()
                if not path.is_relative_to(folder):
                    raise JournalError(f"{name}: the module {place} is outside the script's folder")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(texts[hash])
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def close(self) -> None:
        """Delete the folders."""
        self._folder.cleanup()
