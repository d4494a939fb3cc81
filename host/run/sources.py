"""The source texts of a run's code, and the place that an error message names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from host.run.script import LONG, Script, excerpt, lines_of, without_shebang

__all__ = ["Sources", "has_siblings"]

SHOWN = 59  # bytes of a chunk's name that LuaJIT shows in messages; of a longer one the end
# Patterns are compiled when the first run fails: most commands end without.
_LINE = r"(?s):(\d{1,9}): (.*)\Z"
_LOADING = r"\Aerror loading module '[^\n]*?': "


class Sources:
    """The script and the modules it has required, by their names as chunks.

    For a module only its path and the text's hash are kept: ten thousand runs may have required the same one.
    """

    __slots__ = ("_modules", "_script")

    def __init__(self, script: Script) -> None:
        self._script = script
        self._modules: dict[str, int] = {}

    def required(self, name: str, text: bytes) -> None:
        """A module was loaded: ``name`` is its chunk's."""
        self._modules[name] = hash(text)

    def text(self, name: str) -> bytes | None:
        """The source of a chunk; ``None`` of an unknown one, or whose file has changed since it was loaded."""
        if name == self._script.name:
            return self._script.source
        if name not in self._modules:
            return None
        path = Path(name)
        try:
            text = without_shebang(path.read_bytes()) if path.is_file() else b""
        except OSError:
            return None
        return text if hash(text) == self._modules[name] else None

    def tail_call(self, script: str, line: int, facts: dict[str, Any], message: str) -> tuple[str, int] | None:
        """Script and line of a call made by ``return f(x)``, if ``line`` of ``script`` only led to it."""
        from host.run.tail_calls import tail_call  # needed only for an error message

        names = [script, *(name for name in (self._script.name, *self._modules) if name != script)]
        texts = [(name, lines_of(text)) for name in names if (text := self.text(name)) and len(text) <= LONG]
        return tail_call(texts, script, line, facts, message)

    def ending_call(self, lines: Iterable[int], facts: dict[str, Any], message: str) -> int | None:
        """Which of the script's own ``return f(x)`` it ended with; ``None`` where it may be one of several."""
        from host.run.tail_calls import naming  # where an error is told only

        found = set(lines)
        if len(found) > 1 and len(self._script.source) <= LONG:
            rows = lines_of(self._script.source)
            found = {line for line in found if naming(rows, line, facts, message)}
        return found.pop() if len(found) == 1 else None

    def habit(self, message: str, name: str, line: int) -> int | None:
        """The line that is written as in another language and keeps the text from compiling."""
        from host.run.syntax_habits import line_of_habit  # needed only for an error message

        text = self.text(name)
        return None if text is None else line_of_habit(message, lines_of(text), line)

    def excerpt(self, name: str, line: int) -> str:
        """The source around a line, or an empty text."""
        text = self.text(name)
        return "" if text is None else excerpt(text, line)

    def hint(self, message: str) -> str | None:
        """What to do about an error of Lua's own that the script caught, with its place."""
        script, line, said = self.place(message)
        return self.hint_at(said, script, line, caught=True)

    def hint_at(self, message: str, script: str | None, line: int | None, *, caught: bool = False) -> str | None:
        """The same for a message without its place; all there is to say, unless the script has caught the error."""
        from host.run.hints import hint_for  # its tables are large, and most runs end without an error

        return hint_for(message, None if script is None else self.text(script), line, caught=caught)

    def place(self, message: str, also: str | None = None) -> tuple[str | None, int | None, str]:
        """Script, line and the message without them, where it begins with a place of these texts or of the chunk
        ``also``. Of an error that was raised again with ``error(message)`` it is the place of the first time."""
        names = {_shown(name): name for name in (also, *self._modules, self._script.name) if name is not None}
        script: str | None = None
        line: int | None = None
        loading = ""
        while (found := _place(message, names)) is not None:
            script, line, message = found
            module = re.match(_LOADING, message)
            if module is not None and not loading:
                loading, message = module[0], message[module.end() :]
        return script, line, loading + message


def _place(message: str, names: dict[str, str]) -> tuple[str, int, str] | None:
    """The place that a message begins with, and the rest; ``names``: of chunks, by how they are shown."""
    for shown, name in names.items():
        if message.startswith(f"{shown}:") and (found := re.match(_LINE, message[len(shown) :])) is not None:
            return name, int(found[1]), found[2]
    return None


def _shown(name: str) -> str:
    """A chunk's name as messages show it."""
    data = name.encode("utf-8", "surrogateescape")
    return name if len(data) <= SHOWN else "..." + data[3 - SHOWN :].decode("utf-8", "replace")


def has_siblings(line: str) -> bool:
    """Whether a line begins two functions, neither of which contains the other."""
    depth, ended = 0, set[int]()
    for word in re.findall(
        r"\b(?:function|do|if|end)\b", re.sub(r"--.*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", "", line)
    ):
        if word == "end":
            depth -= 1
            continue
        if word == "function":
            if depth in ended:
                return True
            ended.add(depth)
        depth += 1
    return False
