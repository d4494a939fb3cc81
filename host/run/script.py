"""A script ready to run, and what a run of it gave."""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from msgspec.structs import force_setattr

from host import arguments
from host.errors import ScriptError, UsageError
from host.frozen import Frozen

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    V = TypeVar("V", default=Any, covariant=True)
else:
    from typing import TypeVar  # a default is for type checkers, until Python 3.13

    V = TypeVar("V", covariant=True)


MOST_SOURCE = 16 << 20  # bytes of a script or module
LONG = 1 << 16  # bytes of source; a longer one is not looked through
MOST = 40  # methods
_LINE_BREAK = re.compile(r"\r\n|\n\r|\n|\r")
_METHOD = re.compile(rb":\s*([A-Za-z_][A-Za-z0-9_]*)\s*[({\"'\[]")


class Script(Frozen, frozen=True, weakref=True):
    """Lua source with its name. ``folder`` is where ``require`` looks, ``None``: nowhere."""

    UNSHOWN = frozenset({"source"})

    name: str
    source: bytes
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise arguments.wrong("name", self.name, "a string: what stands in messages")
        if not isinstance(self.source, bytes):
            force_setattr(self, "source", _bytes("source", self.source))
        if self.folder is not None and not isinstance(self.folder, Path):
            force_setattr(self, "folder", Path(arguments.a_path("folder", self.folder)))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Script:
        """The script of a file. Raises ``UsageError`` naming a path that cannot be read."""
        file = Path(arguments.a_path("path", path))
        try:
            with file.open("rb") as opened:
                source = opened.read(MOST_SOURCE + 1)
        except FileNotFoundError:
            raise UsageError(f"there is no script {file}") from None
        except IsADirectoryError:
            raise UsageError(f"{file} is a folder, not a script") from None
        except OSError as error:
            raise UsageError(f"the script {file} cannot be read: {error.strerror}") from error
        check_size(source, f"the script {file}")
        return cls(str(file), without_shebang(source), file.parent)

    @classmethod
    def of(cls, code: str | bytes, name: str = "inline") -> Script:
        """A script of this text."""
        source = code if isinstance(code, bytes) else _bytes("code", code)
        return cls(name, without_shebang(source), None)

    def lines(self, line: int, around: int = 2) -> str:
        """The source around a line (1-based), numbered, the line itself marked with ``>``."""
        for name, value in (("line", line), ("around", around)):
            if not isinstance(value, int):
                raise arguments.wrong(name, value, "a whole number")
        return excerpt(self.source, line, around)


def check_size(source: bytes, what: str) -> None:
    """Raise ``UsageError`` for more text than is compiled."""
    if len(source) > MOST_SOURCE:
        raise UsageError(f"{what} is over {MOST_SOURCE >> 20} MB")


def excerpt(source: bytes, line: int, around: int = 2) -> str:
    """The lines of a string around line ``line`` (1-based), numbered, the line itself marked with ``>``."""
    rows = lines_of(source)
    first, last = max(1, line - around), min(len(rows), line + around)
    width = len(str(last))
    return "\n".join(f"{'>' if n == line else ' '} {n:>{width}} | {rows[n - 1]}" for n in range(first, last + 1))


def lines_of(source: bytes) -> list[str]:
    """The lines of a string as Lua counts them."""
    rows = _LINE_BREAK.split(source.decode(errors="replace"))
    return rows if rows[-1] else rows[:-1]


@functools.lru_cache(64)
def mentioned(source: bytes) -> tuple[str, ...]:
    """The names of methods that a string calls, up to some: a guess, so that all can be described at once."""
    if len(source) > LONG:
        return ()
    names = dict.fromkeys(name.decode() for name in _METHOD.findall(source))
    return tuple(sorted(list(names)[:MOST]))


def _bytes(name: str, text: Any) -> bytes:
    if not isinstance(text, str):
        raise arguments.wrong(name, text, "Lua source text")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name} holds lone surrogates, which are no Unicode") from None


def without_shebang(source: bytes) -> bytes:
    """A file's text in the form Lua accepts: without a byte order mark, its first line a comment if it begins with
    ``#``.
    """
    if source.startswith(b"\xef\xbb\xbf"):
        source = source[3:]
    return b"--" + source if source.startswith(b"#") else source


class RunResult(Frozen, Generic[V], frozen=True):
    """What one run gave.

    ``value`` is the script's (first) returned value as plain Python, or what ``returns=`` made of it (its type is
    that of a run without an error: with one it is ``None``); ``rest`` holds what it returned beside it, ``values``
    all of them; ``output`` what it printed; ``calls`` how
    many calls it made; ``duration`` seconds; ``error`` the :class:`ScriptError` that ended it, or ``None``;
    ``exit_status`` what it gave ``os.exit``, if it did; ``job`` is what ``run_many``
    was given for it.
    """

    UNSHOWN = UNCOMPARED = frozenset({"job"})

    run_id: str
    script: str
    value: V = None  # type: ignore[assignment]  # of a run that failed
    output: str = ""
    calls: int = 0
    duration: float = 0.0
    error: ScriptError | None = None
    simulated: bool = False
    exit_status: int | None = None
    job: Any = None
    rest: tuple[Any, ...] = ()

    @property
    def values(self) -> tuple[Any, ...]:
        """All returned values, ``value`` the first; none where the script returned nothing, or nil alone."""
        return () if self.value is None and not self.rest else (self.value, *self.rest)

    @property
    def ok(self) -> bool:
        """Whether the run ended without an error."""
        return self.error is None

    def raise_for_error(self) -> RunResult[V]:
        """This result, or raises its error."""
        if self.error is not None:
            raise self.error
        return self
