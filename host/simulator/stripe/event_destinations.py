"""Event destinations of API v2, for snapshot or thin events. https://docs.stripe.com/api/v2/core/event_destinations

Only destinations of the type ``webhook_endpoint`` are modelled. Answers have their URL and secret if ``include`` names
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from host.simulator import pagination, resources
from host.simulator.api_error import invalid
from host.simulator.context import Filter, Object, RequestContext
from host.simulator.members import iso_time
from host.simulator.store import Store
from host.simulator.stripe import thin_events
from host.simulator.stripe.webhook_endpoints import SECRETS

KIND = "v2.core.event_destination"
PING = "v2.core.event_destination.ping"
_OWN, _OTHERS = "self", "other_accounts"


def create_destination(call: RequestContext) -> Object:
    """Create an enabled destination with a new signing secret."""
    params = call.params
    if params["type"] != "webhook_endpoint":
        call.not_modelled(f"destinations of the type {params['type']}", "It models webhook_endpoint.", "type")
    if not (params.get("webhook_endpoint") or {}).get("url"):
        raise invalid("A webhook_endpoint needs its url.", "webhook_endpoint[url]", "parameter_missing")
    _check_events(call, params["event_payload"])
    snapshot = params["event_payload"] == "snapshot"
    if params.get("snapshot_api_version") and not snapshot:
        raise invalid("snapshot_api_version is for snapshot payloads.", "snapshot_api_version", "parameter_invalid")
    made = resources.fresh(call)
    call.put(made, {name: value for name, value in params.items() if name != "include"})
    made.update(
        amazon_eventbridge=None,
        azure_event_grid=None,
        events_from=params.get("events_from") or [_OWN],
        metadata=params.get("metadata") or {},
        snapshot_api_version=(params.get("snapshot_api_version") or call.backend.catalog.version) if snapshot else None,
        status="enabled",
        status_details=None,
    )
    secret = call.backend.ids.new("whsec_", 32)
    call.backend.store.put(SECRETS, made["id"], {"id": made["id"], "secret": secret})
    call.save(KIND, made)
    return _shown(call, made)


def _check_events(call: RequestContext, payload: str) -> None:
    for name in call.params.get("enabled_events") or ():
        if name != "*" and thin_events.is_thin(name) != (payload == "thin"):
            wanted = "v1.… or v2.…" if payload == "thin" else "the API's snapshot events"
            raise invalid(f"{name[:80]} is no event of a {payload} payload; those are {wanted}.", "enabled_events")


def update_destination(call: RequestContext) -> Object:
    """Update a destination's texts, events and URL."""
    found = call.subject()
    _check_events(call, found["event_payload"])
    url = (call.params.get("webhook_endpoint") or {}).get("url")
    call.put(found, {name: value for name, value in call.params.items() if name not in ("include", "webhook_endpoint")})
    if url:
        found["webhook_endpoint"] = {**found["webhook_endpoint"], "url": url}
    return _shown(call, _saved(call, found))


def delete_destination(call: RequestContext) -> Object | bytes:
    """Delete a destination."""
    return resources.delete(call)


def retrieve_destination(call: RequestContext) -> Object:
    """Retrieve a destination."""
    return _shown(call, call.subject())


def list_destinations(call: RequestContext) -> Object:
    """The destinations, newest first."""
    return pagination.page_of(call, _shown)


def enable(call: RequestContext) -> Object:
    """Enable a destination, so that it gets events again."""
    found = call.subject()
    found.update(status="enabled", status_details=None)
    return _shown(call, _saved(call, found))


def disable(call: RequestContext) -> Object:
    """Disable a destination, so that it gets no events."""
    found = call.subject()
    found.update(status="disabled", status_details={"disabled": {"reason": "user"}})
    return _shown(call, _saved(call, found))


def ping(call: RequestContext) -> Object:
    """Send an event to this destination only, whichever events it is enabled for."""
    return thin_events.emit(call, PING, call.load(KIND, call.path_args["id"]))


def _saved(call: RequestContext, found: Object) -> Object:
    found["updated"] = iso_time(call.now)
    return call.save(KIND, found)


def _shown(call: RequestContext, found: Object) -> Object:
    """The destination as an answer has it: URL and secret are null unless ``include`` names them."""
    include = call.params.get("include") or ()
    endpoint = found["webhook_endpoint"]
    kept = call.backend.store.get(SECRETS, found["id"]) or {}
    shown: Object = {
        "signing_secret": kept.get("secret") if "webhook_endpoint.signing_secret" in include else None,
        "url": endpoint["url"] if "webhook_endpoint.url" in include else None,
    }
    return {**found, "webhook_endpoint": shown}


def destinations_for(store: Store, event: Mapping[str, Any]) -> Iterator[tuple[Object, str]]:
    """The enabled destinations for events of this payload and account, each with its secret."""
    thin = event["object"] == thin_events.KIND
    account = event.get("context") if thin else event.get("account")
    source = _OTHERS if account else _OWN
    for found in store.each(KIND):
        if thin and event["type"] == PING:
            wanted = event["related_object"]["id"] == found["id"]
        else:
            wanted = (found["event_payload"] == "thin") == thin and source in found["events_from"]
        kept = store.get(SECRETS, found["id"])
        if wanted and kept is not None and found["status"] == "enabled":
            yield found, kept["secret"]


_ID = "v2.core.event_destinations"
BEHAVIOURS = {
    f"{_ID}.create": create_destination,
    f"{_ID}.delete": delete_destination,
    f"{_ID}.disable": disable,
    f"{_ID}.enable": enable,
    f"{_ID}.list": list_destinations,
    f"{_ID}.ping": ping,
    f"{_ID}.retrieve": retrieve_destination,
    f"{_ID}.update": update_destination,
}
EFFECTS = {
    f"{_ID}.create": {"include", "webhook_endpoint.url"},
    f"{_ID}.retrieve": {"include"},
    f"{_ID}.update": {"include", "webhook_endpoint.url"},
}
FILTERS: dict[str, dict[str, Filter]] = {f"{_ID}.list": {"include": lambda call, wanted: lambda value: True}}
