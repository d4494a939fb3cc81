"""What a call of a small document sends, read back with the standard library."""

from __future__ import annotations

import email.parser
import email.policy
from typing import Any, NamedTuple

from host.apis.catalog import Catalog, Operation
from host.apis.options import CallOptions
from host.apis.prepare import prepare
from host.http.message import Request
from tests.apis.documents import small

BASE = "https://small.test"


class Part(NamedTuple):
    """One part of a multipart body."""

    name: str | None
    content: str
    kind: str | None
    file: str | None
    headers: dict[str, str]


def document_of(content: dict[str, Any], *, path: str = "/x", **node: Any) -> Catalog:
    """A document of one operation, ``send``, with this request body."""
    node.setdefault("responses", {"204": {"description": ""}})
    if content:
        node["requestBody"] = {"required": True, "content": content}
    return small({path: {"post": {"operationId": "send", **node}}})


def operation_of(catalog: Catalog, id: str = "send") -> Operation:
    operation = catalog.operation(id)
    assert operation is not None
    return operation


def sent(catalog: Catalog, given: dict[str, Any], read_file: Any = None, **options: Any) -> Request:
    """The request of ``send`` with these parameters and request options."""
    asked = CallOptions.parse(options)
    return prepare(catalog, operation_of(catalog), given, asked, base_url=BASE, read_file=read_file)


def content_type(request: Request) -> str | None:
    found = [value for name, value in request.headers if name == "Content-Type"]
    assert len(found) < 2
    return found[0] if found else None


def parts_of(request: Request) -> list[Part]:
    head = f"Content-Type: {content_type(request)}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(head + request.content)
    assert message.is_multipart()
    found = []
    for part in message.get_payload():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = part.get_param("name", header="content-disposition")
        own = {
            key: str(value) for key, value in part.items() if key.lower() not in ("content-type", "content-disposition")
        }
        kind = part.get("Content-Type")
        found.append(
            Part(
                None if name is None else str(name),
                content.decode("latin-1"),
                None if kind is None else str(kind),
                part.get_filename(),
                own,
            )
        )
    return found
