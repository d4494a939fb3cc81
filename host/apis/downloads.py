"""Decides which operations answer with bytes that can be written to a file."""

from __future__ import annotations

from host.apis import media_types
from host.apis.catalog import Catalog, Operation
from host.errors import InvalidCall

__all__ = ["check_bytes"]


def check_bytes(catalog: Catalog, operation: Operation) -> None:
    """Raise ``InvalidCall`` for an operation that answers with JSON or without content."""
    if operation.method == "HEAD":
        _refuse(catalog, operation, "a HEAD request has no body")
    if operation.result is None:
        if operation.answers or catalog.name == "stripe":  # the document says that there is no content
            _refuse(catalog, operation, "it answers without content")
        return
    kinds = [kind for answer in operation.answers for kind in answer.content_types]
    if any(not media_types.is_json(kind) for kind in kinds):
        return
    shape = catalog.resolve(operation.result)
    if shape.type == "string" and shape.format == "binary":
        return
    if not shape.type and not shape.any_of and not shape.properties and not operation.result.ref and not kinds:
        return  # its answer is not documented
    _refuse(catalog, operation, "it answers with JSON, which the call returns as a table")


def _refuse(catalog: Catalog, operation: Operation, why: str) -> None:
    raise InvalidCall(
        f"{catalog.name}.{operation.id}: option download: {why}",
        operation=f"{catalog.name}.{operation.id}",
        param="download",
        hint="download is for operations that answer with a file. Write the results of others with fs.write.",
    )
