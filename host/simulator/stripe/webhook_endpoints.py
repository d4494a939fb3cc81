"""Endpoints for events. https://docs.stripe.com/api/webhook_endpoints

An endpoint of the platform gets the platform's own events; with ``connect`` those of its connected accounts, and only
those (https://docs.stripe.com/connect/webhooks). An endpoint that a connected account made gets that account's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.partition import Partition
from host.simulator.store import Store

SECRETS = "~webhook_secret"  # the kind of the endpoints' secrets, by the endpoint's id


def create_endpoint(call: RequestContext) -> Object:
    """An endpoint; its secret is shown once, here."""
    endpoint = resources.create(call)
    endpoint.pop("secret", None)
    call.save("webhook_endpoint", endpoint)
    secret = call.world.ids.new("whsec_", 32)
    told = {"id": endpoint["id"], "connect": bool(call.params.get("connect"))}
    call.world.store.put(SECRETS, endpoint["id"], {**told, "secret": secret})
    return {**endpoint, "secret": secret}


def update_endpoint(call: RequestContext) -> Object:
    """An endpoint is changed, switched off and on."""
    endpoint = call.put(call.subject(), call.params)
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    return call.save("webhook_endpoint", endpoint)


def endpoints_for(store: Store, event: Mapping[str, Any]) -> Iterator[tuple[Object, str]]:
    """The endpoints that are switched on and whose account's events these are, each with its secret."""
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
