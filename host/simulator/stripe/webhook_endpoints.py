"""Endpoints for events. https://docs.stripe.com/api/webhook_endpoints"""

from __future__ import annotations

from host.simulator.context import Object, RequestContext


def update_endpoint(call: RequestContext) -> Object:
    """An endpoint is changed, switched off and on."""
    endpoint = call.put(call.subject(), call.params)
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    return call.save("webhook_endpoint", endpoint)


BEHAVIOURS = {"webhook_endpoints.update": update_endpoint}
EFFECTS = {"webhook_endpoints.update": {"disabled"}}
