"""Calls of real APIs, beside what their own Python clients sent for them to a server on loopback.

``public/calls`` has for each API the operations of its document, cut to what requests need, with the calls and what the
client sent. Read alike: members of JSON and pairs of a query in any order, a comma as itself or percent-encoded, a part
with or without the content type that the document gives it.
"""

from __future__ import annotations

import email.parser
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from host.apis.naming import given_id
from host.apis.openapi import compile
from host.apis.prepare import prepare

FOLDER = Path(__file__).parent / "public" / "calls"
BASE = "https://here.example"
CALLS = [
    pytest.param(file.stem, number, id=f"{file.stem}-{each['operation']}")
    for file in sorted(FOLDER.glob("*.json"))
    for number, each in enumerate(json.loads(file.read_text(encoding="utf-8"))["calls"])
]


def read(content_type: str, body: bytes) -> Any:
    """A body as a server reads it: JSON, parts by name and file name, or pairs."""
    if "json" in content_type:
        return json.loads(body)
    if not content_type.startswith("multipart/"):
        return parse_qsl(body.decode(), keep_blank_values=True)
    message = email.parser.BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    return sorted((str(part.get_param("name", header="content-disposition")), part.get_filename() or "",
                   as_json(part.get_payload(decode=True))) for part in message.get_payload())  # fmt: skip


def as_json(content: bytes) -> str:
    """JSON without regard to its blanks, anything else as it is."""
    try:
        return json.dumps(json.loads(content), sort_keys=True)
    except ValueError:
        return content.decode("latin-1")


@pytest.mark.parametrize(("api", "number"), CALLS)
def test_a_call_sends_what_the_apis_own_client_sends(api: str, number: int) -> None:
    """Method, path, query, content type and body."""
    data = json.loads((FOLDER / f"{api}.json").read_text(encoding="utf-8"))
    call = data["calls"][number]
    catalog = compile(data["document"], api)
    operation = catalog.operation(given_id(call["operation"], "", "")) or catalog.operation(call["operation"])
    assert operation is not None
    request = prepare(catalog, operation, call["arguments"], base_url=BASE)
    sent, headers = call["sent"], dict(request.headers)
    path, _, query = request.url.removeprefix(BASE).partition("?")
    theirs, _, their_query = sent["target"].partition("?")
    assert (request.method, path) == (sent["method"], theirs)
    assert sorted(parse_qsl(query, keep_blank_values=True)) == sorted(parse_qsl(their_query, keep_blank_values=True))
    if not sent["body"]:
        assert request.content == b""
        return
    kind = headers["Content-Type"]
    assert kind.partition(";")[0] == sent["type"].partition(";")[0]
    assert read(kind, request.content) == read(sent["type"], sent["body"].encode("latin-1"))


def test_each_extract_names_its_source_and_licence() -> None:
    """Where it is from, under which licence, and which client was asked."""
    assert CALLS
    for file in FOLDER.glob("*.json"):
        data = json.loads(file.read_text(encoding="utf-8"))
        assert data["source"]
        assert data["licence"] in ("Apache-2.0", "MIT")
        assert data["client"]
