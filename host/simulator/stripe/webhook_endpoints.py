"""Webhook endpoints. https://docs.stripe.com/api/webhook_endpoints

An endpoint of the platform gets the platform's own events or, with ``connect``, only those of its connected accounts
(https://docs.stripe.com/connect/webhooks). An endpoint of a connected account gets that account's events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.partition import Partition
from host.simulator.store import Store

SECRETS = "~webhook_secret"  # by endpoint: its secret


def create_endpoint(call: RequestContext) -> Object:
    """Create an endpoint. Only this answer shows its secret."""
    endpoint = resources.create(call)
    endpoint.pop("secret", None)
    call.save("webhook_endpoint", endpoint)
    secret = call.backend.ids.new("whsec_", 32)
    kept = {"id": endpoint["id"], "connect": bool(call.params.get("connect")), "secret": secret}
    call.backend.store.put(SECRETS, endpoint["id"], kept)
    return {**endpoint, "secret": secret}


def update_endpoint(call: RequestContext) -> Object:
    """Update, enable or disable an endpoint."""
    endpoint = call.put(call.subject(), call.params)
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    return call.save("webhook_endpoint", endpoint)


def endpoints_for(store: Store, event: Mapping[str, Any]) -> Iterator[tuple[Object, str]]:
    """The enabled endpoints for events of this account, each with its secret."""
    account = str(event.get("account", ""))
    for part in (store, Partition(store, account)) if account else (store,):
        for endpoint in part.each("webhook_endpoint"):
            kept = part.get(SECRETS, endpoint["id"])
            if kept is None or endpoint.get("status") != "enabled":
                continue
            if part is not store or kept.get("connect", False) == bool(account):
                yield endpoint, kept["secret"]


BEHAVIOURS = {"webhook_endpoints.create": create_endpoint, "webhook_endpoints.update": update_endpoint}
EFFECTS = {"webhook_endpoints.create": {"connect"}, "webhook_endpoints.update": {"disabled"}}
