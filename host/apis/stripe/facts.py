"""What Stripe's OpenAPI document does not say. https://docs.stripe.com/api"""

from __future__ import annotations

import msgspec

from host.apis.catalog import Catalog, Facts, Operation
from host.apis.openapi import compile
from host.apis.stripe.sugar import SUGAR

BASE_URL = "https://api.stripe.com"

FACTS = Facts(
    name="stripe",
    base_url=BASE_URL,
    default_security=("bearerAuth",),  # works for v1 and v2; basic works for v1 only
    idempotency_header="Idempotency-Key",  # https://docs.stripe.com/api/idempotent_requests
    version_header="Stripe-Version",  # v2 refuses a request without it
    account_header="Stripe-Account",  # https://docs.stripe.com/connect/authentication
    sugar=SUGAR,
)


def compile_stripe(document: dict[str, object]) -> Catalog:
    """The catalog of a Stripe document: the one in the repository, or Stripe's own published one.

    Stripe adds values to enums without a new API version, so enums are open.
    """
    return compile(document, "stripe", facts=FACTS, open_enums=True, adjust=_adjust)


def _adjust(operation: Operation) -> Operation:
    """Keys are honoured on every POST, and on DELETE in v2, where nothing else makes it repeatable."""
    v2 = operation.path.startswith("/v2/")
    keyed = operation.method == "POST" or (v2 and operation.method == "DELETE")
    return msgspec.structs.replace(operation, keyed=keyed)
