"""Small OpenAPI documents for tests."""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Catalog
from host.apis.openapi import compile


def small(paths: dict[str, Any], version: str = "3.1.0", **more: Any) -> Catalog:
    """A catalog of a few paths."""
    document = {
        "openapi": version,
        "info": {"title": "Small", "version": "1"},
        "servers": [{"url": "https://small.test/"}],
        "paths": paths,
        **more,
    }
    return compile(document, "small")


def answers(schema: dict[str, Any]) -> dict[str, Any]:
    """Responses of one JSON answer."""
    return {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}


def takes(schema: dict[str, Any], kind: str = "application/json", **media: Any) -> dict[str, Any]:
    """A required request body."""
    return {"required": True, "content": {kind: {"schema": schema, **media}}}
