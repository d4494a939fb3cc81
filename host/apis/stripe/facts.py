"""Facts about Stripe's API that its OpenAPI document lacks. https://docs.stripe.com/api"""

from __future__ import annotations

from typing import Any

import msgspec

from host.apis.catalog import Catalog, Operation
from host.apis.facts import Facts
from host.apis.openapi import compile
from host.apis.stripe.sugar import SUGAR

BASE_URL = "https://api.stripe.com"

FACTS = Facts(
    name="stripe",
    base_url=BASE_URL,
    default_security=(("bearerAuth",),),  # works for v1 and v2; basic works for v1 only
    brackets=True,  # items[0][price]=…: https://docs.stripe.com/api/metadata, and every example
    idempotency_header="Idempotency-Key",  # https://docs.stripe.com/api/idempotent_requests
    version_header="Stripe-Version",  # v2 refuses a request without it
    account_header="Stripe-Account",  # https://docs.stripe.com/connect/authentication
    sugar=SUGAR,
)


def compile_stripe(document: dict[str, Any]) -> Catalog:
    """Compile a Stripe document: the one in the repository, or one as published by Stripe.

    Enums are open, because Stripe adds values to them without a new API version.
    """
    return compile(_with_contents(_with_cards(document)), "stripe", facts=FACTS, open_enums=True, adjust=_adjust)


def _with_cards(document: dict[str, Any]) -> dict[str, Any]:
    """The document with ``card`` added to ``payment_method_data``, in the form payment_methods.create accepts.

    The API accepts it too, but the document omits it, because card numbers should not pass through a server. Test
    tokens:
    https://docs.stripe.com/testing; with ``card[token]``: https://docs.stripe.com/payments/payment-intents/migration.
    """
    schemas = document.get("components", {}).get("schemas", {})
    data = schemas.get("param.payment_method_data")
    body = document["paths"].get("/v1/payment_methods", {}).get("post", {}).get("requestBody", {}).get("content", {})
    form = body.get("application/x-www-form-urlencoded", {}).get("schema", {}).get("properties", {})
    if data is None or "card" in data["properties"] or "card" not in form:
        return document
    kind = data["properties"]["type"]
    kind = {**kind, "enum": sorted({*kind["enum"], "card"})}
    data = {**data, "properties": {**data["properties"], "card": form["card"], "type": kind}}
    components = {**document["components"], "schemas": {**schemas, "param.payment_method_data": data}}
    return {**document, "components": components}


def _with_contents(document: dict[str, Any]) -> dict[str, Any]:
    """The document with an operation added for the contents of a file, at the URL in the file's ``url``.

    https://docs.stripe.com/file-upload#download-file-contents
    """
    path = "/v1/files/{file}/contents"
    if path in document["paths"] or "/v1/files" not in document["paths"]:
        return document
    operation = {
        "operationId": "files.contents",
        "servers": document["paths"]["/v1/files"]["post"].get("servers", []),
        "parameters": [{"name": "file", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
            "default": {"$ref": "#/components/responses/error"},
        },
    }
    return {**document, "paths": {**document["paths"], path: {"get": operation}}}


def _adjust(operation: Operation) -> Operation:
    """The operation with ``keyed`` set: idempotency keys apply to every POST, and in v2 to DELETE."""
    v2 = operation.path.startswith("/v2/")
    keyed = operation.method == "POST" or (v2 and operation.method == "DELETE")
    return msgspec.structs.replace(operation, keyed=keyed)
