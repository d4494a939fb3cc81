"""Searches operations and parameters by words in their names and descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from host.apis.catalog import Catalog, Operation
from host.apis.descriptions import Described, Descriptions
from host.apis.parameter_reference import plain_text
from host.errors import UsageError

__all__ = ["search_lines"]

MOST_FOUND = 40
LONGEST = 110  # characters of a description shown beside a name


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\da-zA-Z_]+")


class _Hit(NamedTuple):
    """A search result. ``rank`` orders results, 0 first."""

    rank: int
    name: str
    text: str


def search_lines(words: str, apis: Iterable[tuple[Catalog, Descriptions]]) -> list[str]:
    """The operations and parameters that contain all ``words``, at most :data:`MOST_FOUND`, best matches first.

    Matches in an operation's names rank before those in its description, and these before those in its parameters.
    Raises ``UsageError`` if ``words`` contains no word.
    """
    wanted = " ".join(_WORD.findall(words)).lower().split()
    if not wanted:
        raise UsageError("--search: expected words to look for, such as 'cancel subscription'")
    hits = [hit for catalog, texts in apis for hit in _hits(catalog, texts, wanted)]
    hits.sort(key=lambda hit: hit.rank)
    if not hits:
        return [f"Nothing has {words!r} in its name or description."]
    lines = [f"{hit.name}  {hit.text}".rstrip() for hit in hits[:MOST_FOUND]]
    return [*lines, f"… and {len(hits) - MOST_FOUND} more"] if len(hits) > MOST_FOUND else lines


def _hits(catalog: Catalog, texts: Descriptions, wanted: list[str]) -> Iterator[_Hit]:
    also: dict[str, list[str]] = {}
    for alias, id in catalog.aliases().items():
        also.setdefault(id, []).append(alias)
    for id in catalog.operation_ids():
        operation = catalog.operation(id)
        assert operation is not None
        said = texts.operation(id)
        names = [
            id,
            *also.get(id, ()),
            operation.path,
            said.name,
            f"new_{operation.builder}" if operation.builder else "",
        ]
        text = f"{said.summary} {said.text}"
        label = f"{catalog.name}.{id}"
        about = _cut(said.summary or said.text) or f"{operation.method} {operation.path}"
        if _has(" ".join(names), wanted):
            yield _Hit(0 if _has(id, wanted) else 1, label, about)
        elif _has(f"{' '.join(names)} {text}", wanted):
            yield _Hit(2, label, about)
        else:
            yield from _in_parameters(operation, texts, wanted, label)


def _in_parameters(operation: Operation, texts: Descriptions, wanted: list[str], label: str) -> Iterator[_Hit]:
    for name, param in operation.params.items():
        described = texts.param(operation.id, name)
        for path, text in ((name, texts.text(described)), *_inner(name, described, texts)):
            if _has(f"{label} {path} {param.name} {text}", wanted):
                named = any(word in path.lower() for word in wanted)
                yield _Hit(3 if named else 4, f"{label} {path}", _cut(text))


def _inner(name: str, described: Described, texts: Descriptions) -> Iterator[tuple[str, str]]:
    """The members one level below a parameter, as (dotted path, description)."""
    known = dict(described.members)
    for ref in described.refs:
        known.update(texts.of_schema(ref).members)
    for member, each in known.items():
        yield f"{name}.{member}", texts.text(each)


def _has(text: str, wanted: list[str]) -> bool:
    """Whether each word is a prefix of a word in ``text``: ``sent`` matches ``DateSent`` but not ``consent``."""
    text = " " + " ".join(_WORD.findall(text)).lower()
    return all(f" {word}" in text for word in wanted)


def _cut(text: str) -> str:
    text = plain_text(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
