"""Functions for ``setup=``, called in worker processes."""

from __future__ import annotations

import os
from typing import Any

import httpx

from host.errors import UsageError


def functions(host: Any) -> None:
    async def double(n: int) -> int:
        return n * 2

    def process() -> int:
        return os.getpid()

    def broken() -> None:
        raise KeyError("gone")

    for each in (double, process, broken):
        host.function(each)


def transport(host: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": "prod_mock", "object": "product", "path": request.url.path})

    host.use(transport=httpx.MockTransport(answer))


def failing(host: Any) -> None:
    raise ValueError("not today")


def refusing(host: Any) -> None:
    raise UsageError("not like this", hint="like that")


def simulated_api(host: Any) -> None:
    document = {
        "openapi": "3.0.0",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://pets.example"}],
        "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "x"}}}}},
    }
    host.add_api("petstore", document)


def dying(host: Any) -> None:
    os._exit(7)
