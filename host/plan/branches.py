"""Finds the lines of a script that use members of made-up objects, after which the real run may differ.

A comparison of strings or numbers cannot be observed in Lua, so the source is searched instead. A line is reported as
deciding if it has a condition or comparison (``if``, ``while``, ``until``, ``and``, ``or``, ``==`` …) and names a
made-up member, and otherwise as using the member's value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

__all__ = ["branches_on"]

_TEXT_OR_COMMENT = re.compile(
    r"--\[(=*)\[.*?\]\1\]|--[^\n]*|\[(=*)\[.*?\]\2\]|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)
_DECIDES = re.compile(r"\b(?:if|elseif|while|until|and|or|not)\b|[=~]=|[<>]")
_MEMBER = re.compile(r"(?<!\.)\.\s*([A-Za-z_][A-Za-z0-9_]*)\b(?!\s*[({\"'])")


def branches_on(
    source: bytes, made_up: Mapping[str, str], used: Mapping[str, str]
) -> Iterator[tuple[int, str, str, str]]:
    """Yield (line, ``"decides by"`` or ``"uses"``, member, object) for each use of a made-up member.

    ``made_up`` maps the members of made-up objects to the id of the object; ``used`` has those of them that have a
    plain value, which a script could use without noticing that it is made up.
    """
    text = _TEXT_OR_COMMENT.sub(lambda found: "\n" * found[0].count("\n") or " ", source.decode("utf-8", "replace"))
    for number, line in enumerate(text.split("\n"), 1):
        does, members = ("uses", used) if _DECIDES.search(line) is None else ("decides by", made_up)
        for member in dict.fromkeys(_MEMBER.findall(line)):
            if member in members:
                yield number, does, member, members[member]
