"""Where a script's text decides by members of made-up objects, or uses them: what follows may be otherwise.

Comparing texts and numbers cannot be noticed in Lua, so the text is looked through: a line that decides (``if``,
``while``, ``until``, ``and``, ``or``, a comparison) and names a member that was made up is reported, and so is one that
uses such a member's value otherwise.
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
    """(line, "decides by" or "uses", member, whose). ``made_up`` has the members of made-up objects and which objects
    those are; ``used`` those of them whose value may be used.
    """
    text = _TEXT_OR_COMMENT.sub(lambda found: "\n" * found[0].count("\n") or " ", source.decode("utf-8", "replace"))
    for number, line in enumerate(text.split("\n"), 1):
        does, members = ("uses", used) if _DECIDES.search(line) is None else ("decides by", made_up)
        for member in dict.fromkeys(_MEMBER.findall(line)):
            if member in members:
                yield number, does, member, members[member]
