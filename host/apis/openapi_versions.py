"""Converts a document of any supported version to OpenAPI 3, for compiling."""

from __future__ import annotations

from typing import Any

from host.apis.document import Document
from host.apis.references import FileSource
from host.errors import CatalogError

__all__ = ["opened"]


def opened(document: dict[str, Any], files: FileSource | None) -> Document:
    """The document, converted to OpenAPI 3 if needed. Raises ``CatalogError`` if it cannot be used."""
    swagger, version = document.get("swagger"), document.get("openapi")
    if version is None and swagger is not None and str(swagger) != "2.0":
        raise CatalogError(f"the document is Swagger {swagger}; Swagger 2.0 and OpenAPI 3.0 to 3.2 are read")
    if swagger is None and not (isinstance(version, str) and version.startswith("3.")):
        raise CatalogError(f"the document has openapi: {version!r}; expected 3.0.x, 3.1.x or 3.2.x")
    if not isinstance(document.get("paths"), dict) or not document["paths"]:
        if not isinstance(document.get("webhooks"), dict):
            raise CatalogError("the document has no paths")
        document = {**document, "paths": {}}  # it may have only webhooks: OpenAPI 3.1, "OpenAPI Object"
    source = Document(document, files)
    if version is None:
        from host.apis.swagger2 import converted  # only where there is such a document

        source = source.become(converted(source), files)
    _leave_out_schemes(source)
    return source


def _leave_out_schemes(source: Document) -> None:
    """Remove security schemes that cannot be read, so that the rest of the document can be used."""
    components = source.root.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    good: dict[str, Any] = {}
    for name, node in schemes.items() if isinstance(schemes, dict) else ():
        place = f"#/components/securitySchemes/{name}"
        try:
            good[name] = source.follow(node, place)
        except CatalogError as error:
            source.warn(place, f"left out: {error.message.removeprefix(f'{place}: ')}")
    if schemes and good != schemes:
        source.root = {**source.root, "components": {**source.root["components"], "securitySchemes": good}}
