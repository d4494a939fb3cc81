"""Converts events and APIs to messages between processes, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from host import events
from host.apis.api import Api, OAuth2
from host.apis.catalog import Catalog
from host.processes.messages import Client, Happened, Offered, plain
from host.remote.job import text_in, text_out
from host.secret import Secret

_EVENTS: dict[str, type[events.Event]] = {
    cls.__name__: cls for cls in vars(events).values() if isinstance(cls, type) and issubclass(cls, events.Event)
}


def offered(api: Api) -> Offered:
    """The message that makes an API available to scripts of a worker process."""
    keys = {scheme: _key_out(key) for scheme, key in api.keys.items()}
    return Offered(api.catalog.dump(), api.base_url, None if api.key is None else api.key.reveal(), keys)


def api_of(form: Offered) -> Api:
    """The reverse of :func:`offered`."""
    key = None if form.key is None else Secret(form.key)
    return Api(
        Catalog.load(form.catalog), form.base_url, key, keys={name: _key_in(key) for name, key in form.keys.items()}
    )


def _key_out(key: Secret | OAuth2) -> str | Client:
    if isinstance(key, Secret):
        return key.reveal()
    return Client(key.client_id, key.client_secret.reveal(), key.token_url, key.scopes, key.in_body)


def _key_in(key: str | Client) -> Secret | OAuth2:
    if isinstance(key, str):
        return Secret(key)
    return OAuth2(key.client_id, Secret(key.client_secret), key.token_url, key.scopes, key.in_body)


def happened(event: events.Event) -> Happened:
    """The message for an event of a run."""
    values: list[Any] = [plain(each) for each in msgspec.structs.astuple(event)]
    if isinstance(event, events.Printed):
        values[-1] = text_out(event.text)
    return Happened(type(event).__name__, values)


def event_of(form: Happened) -> events.Event:
    """The event in a message of another process."""
    cls = _EVENTS[form.event]
    values = list(form.fields)
    if cls is events.Printed:
        values[-1] = text_in(values[-1])
    return cls(*values)
