"""Reads the requests an API sends: the ``webhooks`` of a document and the ``callbacks`` of its operations.

https://spec.openapis.org/oas/v3.1.1.html, "OpenAPI Object" and "Callback Object".
"""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Schema, Webhook
from host.apis.document import Document
from host.apis.keywords import UnreadKeywords
from host.apis.responses import json_schema, with_content
from host.apis.schemas import SchemaCompiler
from host.errors import CatalogError

__all__ = ["WebhookReader"]

_METHODS = ("post", "put", "patch", "delete", "get", "query")


class WebhookReader:
    """Reads webhooks and callbacks into ``found``, by name. Malformed ones are left out with a warning."""

    def __init__(self, source: Document, schemas: SchemaCompiler, unread: UnreadKeywords) -> None:
        self.found: dict[str, Webhook] = {}
        self._source = source
        self._schemas = schemas
        self._unread = unread

    def document(self) -> None:
        """Read the webhooks of the document."""
        webhooks = self._source.root.get("webhooks")
        for name, item in webhooks.items() if isinstance(webhooks, dict) and not self._source.is_old else ():
            self._add(name.strip("/"), [item], f"#/webhooks/{name}")

    def callbacks(self, operation: str, node: dict[str, Any], place: str) -> None:
        """Read the callbacks of an operation's ``node``. One with several URLs becomes one webhook with any of their
        bodies.
        """
        callbacks = node.get("callbacks")
        for name, raw in callbacks.items() if isinstance(callbacks, dict) else ():
            where = f"{place} callback {name}"
            try:
                callback = self._source.follow(raw, where)
            except CatalogError as error:
                self._source.warn(where, f"left out: {error.message}")
                continue
            items = [item for key, item in callback.items() if not key.startswith("x-")]
            self._add(f"{operation}.{name}", items, where)

    def _add(self, name: str, items: list[Any], place: str) -> None:
        if not name or name in self.found:
            self._source.warn(place, "left out: it has no name, or the name of another")
            return
        try:
            bodies = [body for item in items for body in self._bodies(item, place)]
        except (CatalogError, AttributeError, TypeError, ValueError) as error:  # a part of the wrong type
            self._source.warn(place, f"left out: {getattr(error, 'message', error)}")
            return
        known = [body for body in bodies if body is not None]
        whole = None if not bodies or len(known) < len(bodies) else known[0]
        if len(known) > 1 and whole is not None:
            whole = Schema(any_of=tuple(known))
        self.found[name] = Webhook(name, whole)

    def _bodies(self, item: Any, place: str) -> list[Schema | None]:
        """The body schema of each method of a path item; None if it is undocumented or not JSON."""
        found: list[Schema | None] = []
        methods = self._source.follow(item, place)
        for method in (each for each in _METHODS if each in methods):
            node = self._source.follow(methods[method], f"{place} {method}")
            self._unread.note("operation", node, place)
            if "requestBody" not in node:
                found.append(None)
                continue
            body = with_content(self._source, node["requestBody"], f"{place} requestBody")
            self._unread.note_body(body, place)
            found.append(json_schema(self._schemas, body.get("content") or {}, place))
        return found
