"""The keywords of OpenAPI and JSON Schema that a catalog does not read, each named once in its warnings.

Each keyword of the specifications is read by the compiler, listed here with its treatment, or an annotation for people
(``ANNOTATIONS``). tests/apis/test_keywords.py walks all of them.
https://spec.openapis.org/oas/v3.2.0.html · https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from host.apis.document import Document

__all__ = ["ANNOTATIONS", "UNREAD", "UnreadKeywords"]

_CHECKED = "is not checked; the API decides"

UNREAD: Final[Mapping[str, Mapping[str, str]]] = {
    "schema": {
        **dict.fromkeys(
            (
                *("not", "if", "then", "else", "dependentSchemas", "dependentRequired", "dependencies"),
                *("prefixItems", "contains", "minContains", "maxContains", "unevaluatedItems", "additionalItems"),
                *("minItems", "maxItems", "uniqueItems", "multipleOf"),
                *("propertyNames", "minProperties", "maxProperties", "contentSchema"),
            ),
            _CHECKED,
        ),
        "discriminator": "is not read: all alternatives are tried",
        "$dynamicRef": "is read as a reference that always leads to the same schema",
        "$recursiveRef": "is not read",
        "$recursiveAnchor": "is not read",
        "$vocabulary": "is not read",
    },
    "document": {
        "jsonSchemaDialect": "is not read: schemas are assumed to be JSON Schema 2020-12",
    },
    "operation": {},
    "response": {"links": "is not read"},
    "media type": {
        "itemSchema": "is not read: items of a stream are not checked",
        "prefixEncoding": "is not read",
        "itemEncoding": "is not read",
    },
    "encoding": dict.fromkeys(("encoding", "prefixEncoding", "itemEncoding"), "is not read"),
    "security scheme": {"oauth2MetadataUrl": "is not read: tokens come from tokenUrl"},
}

ANNOTATIONS: Final[Mapping[str, frozenset[str]]] = {
    "schema": frozenset(
        {"title", "description", "examples", "deprecated", "externalDocs", "xml", "writeOnly", "$comment", "$schema"}
    ),
    "document": frozenset({"tags", "externalDocs"}),
    "path item": frozenset({"summary", "description"}),
    "operation": frozenset({"summary", "description", "tags", "externalDocs"}),
    "parameter": frozenset({"description", "deprecated", "example", "examples"}),
    "request body": frozenset({"description"}),
    "media type": frozenset({"example", "examples"}),
    "response": frozenset({"description", "summary", "headers"}),
    "security scheme": frozenset({"description", "deprecated", "bearerFormat", "openIdConnectUrl"}),
}


class UnreadKeywords:
    """Collects the keywords of a document that are not read, with their number and first place."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[str, int]] = {}
        self._seen: set[int] = set()

    def note(self, kind: str, node: Any, place: str) -> None:
        """Examine an object of the document (a ``schema``, an ``operation`` …) when it is first read."""
        if not isinstance(node, dict) or id(node) in self._seen:
            return
        self._seen.add(id(node))
        for key in node.keys() & UNREAD[kind].keys():
            first, times = self._found.get((kind, key), (place, 0))
            self._found[kind, key] = (first, times + 1)

    def note_body(self, body: Mapping[str, Any], place: str) -> None:
        """The media types of a request body or response, and their encodings."""
        for media in _dicts(body.get("content")):
            self.note("media type", media, place)
            for encoding in _dicts(media.get("encoding")):
                self.note("encoding", encoding, place)

    def warn(self, document: Document) -> None:
        """Warn about all of them, in the order of the table."""
        for kind, keys in UNREAD.items():
            for key, fate in keys.items():
                if (kind, key) in self._found:
                    place, times = self._found[kind, key]
                    more = f" ({times} in the document, this is the first)" if times > 1 else ""
                    document.warn(place, f"{key!r} {fate}{more}")


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return (each for each in value.values() if isinstance(each, dict)) if isinstance(value, dict) else ()
