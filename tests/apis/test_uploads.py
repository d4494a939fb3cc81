"""Files by their path in calls of an API: read under a grant, wherever a file is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from host import Host, Permissions

FILE = {"type": "string", "format": "binary"}
PARTS = {"type": "object", "properties": {"file": FILE, "files": {"type": "array", "items": FILE}}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Files", "version": "1"},
    "servers": [{"url": "https://files.test"}],
    "paths": {
        "/parts": {"post": {"operationId": "parts", "requestBody": {"content": {
            "multipart/form-data": {"schema": PARTS}}}, "responses": {"204": {"description": ""}}}},
        "/whole": {"put": {"operationId": "whole", "requestBody": {"content": {"image/*": {}}},
                           "responses": {"204": {"description": ""}}}},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        'x.parts{file = {path = "%s"}}',
        'x.parts{files = {{path = "%s"}, {content = "y"}}}',
        'x.whole{path = "%s"}',
        'x.whole{body = {path = "%s"}}',
    ],
)
def test_a_granted_file_is_sent_and_another_is_not_read(tmp_path: Path, code: str) -> None:
    """Nothing goes out where reading was not granted, or the file is not there."""
    granted, other = tmp_path / "granted", tmp_path / "other"
    for folder in (granted, other):
        folder.mkdir()
        (folder / "a.png").write_bytes(b"\x89PNG of " + folder.name.encode())
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    with Host(
        stripe_secret_key="sk_test_1",
        permissions=Permissions(read=(str(granted),)),
        transport=httpx.MockTransport(answer),
    ) as host:
        host.add_api("x", DOCUMENT)
        host.run_source(code % (granted / "a.png")).raise_for_error()
        assert b"\x89PNG of granted" in seen[0].content
        denied = host.run_source(code % (other / "a.png")).error
        missing = host.run_source(code % (granted / "none.png")).error
    assert len(seen) == 1
    assert denied is not None
    assert denied.kind == "denied"
    assert missing is not None
    assert "none.png: no such file" in missing.message
