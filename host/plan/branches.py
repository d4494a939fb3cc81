"""Where a script's text decides by members of made-up objects: what comes behind may be otherwise.

Comparing texts and numbers cannot be noticed in Lua, so the text is looked through: a line that decides (``if``,
``while``, ``until``, ``and``, ``or``, a comparison) and names a member that was made up is told, once each.
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


def branches_on(source: bytes, made_up: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
    """(line, member, whose) where ``made_up`` has the members of made-up objects and which objects those are."""
    text = _TEXT_OR_COMMENT.sub(lambda found: "\n" * found[0].count("\n") or " ", source.decode("utf-8", "replace"))
    for number, line in enumerate(text.split("\n"), 1):
        if _DECIDES.search(line) is None:
            continue
        for member in dict.fromkeys(_MEMBER.findall(line)):
            if member in made_up:
                yield number, member, made_up[member]
