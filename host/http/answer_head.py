"""The head of an answer as it came, and its headers by name."""

from __future__ import annotations

__all__ = ["Head", "fields_of"]

Head = list[tuple[bytes, bytes]]
"""Names and values in the order they came."""

# Of answers' heads, by the names as they were sent: in lower case, and whether each is there once.
_names: dict[tuple[bytes, ...], tuple[tuple[str, ...], bool]] = {}


def fields_of(head: Head) -> dict[str, str]:
    """An answer's headers by lower-case name, those of one name joined; headers that are not ASCII are left out."""
    if not head:
        return {}
    sent, values = zip(*head)  # noqa: B905 - pairs
    known = _names.get(sent)
    if known is None:
        lower = tuple(name.decode("latin-1").lower() for name in sent)
        known = lower, len(set(lower)) == len(lower)
        if len(_names) < 256 and len(sent) < 100 and max(map(len, sent)) < 100:
            _names[sent] = known
    lower, are_distinct = known
    joined = b"\n".join(values)
    if are_distinct and joined.isascii():
        texts = joined.decode("ascii").split("\n")
        if len(texts) == len(lower):
            return dict(zip(lower, texts))  # noqa: B905 - of one length
    fields: dict[str, str] = {}
    for name, value in zip(lower, values, strict=True):
        if value.isascii():
            text = value.decode("ascii")
            fields[name] = f"{fields[name]}, {text}" if name in fields else text
    return fields
