"""The arguments of ``Host(…)`` that are not plain values: parts of httpx, a simulator, worker processes, other APIs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from host import arguments
from host.apis.catalog import Catalog
from host.errors import UsageError
from host.http.sender import HttpxParts
from host.limits import MOST_PROCESSES
from host.nearest_name import nearest_name
from host.settings import STRIPE_API_BASE, Settings
from host.transports import TRANSPORTS

if TYPE_CHECKING:
    from typing import Required

    from host.apis.definition import Credentials, Document
    from host.apis.overlay import Overlays
    from host.apis.paging_words import Paging

__all__ = [
    "ApiArguments",
    "NamedApi",
    "api_arguments",
    "check_cassette",
    "check_given",
    "check_process_arguments",
    "check_settings",
    "checked_parts",
]


class ApiArguments(TypedDict, total=False):
    """One of ``Host(apis={name: …})`` where it is more than the document: what ``add_api`` takes, by name."""

    document: Required[Document]
    base_url: str | None
    auth: Credentials | None
    overlay: Overlays | None
    paging: Paging | None


class NamedApi(NamedTuple):
    """An API as ``add_api`` takes it, but for its name."""

    document: Document
    base_url: str | None = None
    auth: Credentials | None = None
    overlay: Overlays | None = None
    paging: Paging | None = None


def api_arguments(apis: Any) -> dict[str, NamedApi] | None:
    """The APIs of ``Host(apis=…)``: a document each, or a mapping of what ``add_api`` takes.

    ``None``, unlike none at all, is a host that has Stripe alone.
    """
    if apis is None:
        return None
    expected = "documents by the APIs' names"
    return {name: _api(f"apis[{name!r}]", each) for name, each in arguments.mapping("apis", apis, expected).items()}


def _api(name: str, given: Any) -> NamedApi:
    if not isinstance(given, Mapping) or "document" not in given:
        if isinstance(given, Mapping) and "openapi" not in given and "swagger" not in given:
            raise UsageError(
                f"{name} has no document; expected document, and optionally {', '.join(NamedApi._fields[1:])}"
            )
        given = {"document": given}
    unknown = [each for each in given if each not in NamedApi._fields]
    if unknown:
        raise UsageError(f"{name} has {arguments.shown(unknown[0])}; expected one of {', '.join(NamedApi._fields)}")
    if not isinstance(given["document"], str | os.PathLike | Mapping | Catalog):
        expected = "an OpenAPI document (its path, its decoded content or a Catalog), or a mapping with it as document"
        raise arguments.wrong(name, given["document"], expected)
    return NamedApi(**given)


def checked_parts(transport: Any, mounts: Any, event_hooks: Any, auth: Any) -> HttpxParts:
    """The parts of httpx, each of a kind ``httpx.AsyncClient`` can use."""
    expected = f"{', '.join(map(repr, TRANSPORTS))} or an httpx.AsyncBaseTransport"
    if transport is not None and not _is_transport(transport):
        raise arguments.wrong("transport", transport, expected)
    if mounts is not None:
        for pattern, each in arguments.mapping("mounts", mounts, "transports by URL patterns").items():
            if each is not None and not _is_transport(each):
                raise arguments.wrong(f"mounts[{pattern!r}]", each, "an httpx.AsyncBaseTransport")
    if event_hooks is not None:
        _check_hooks(arguments.mapping("event_hooks", event_hooks, "lists of functions: request, response"))
    if auth is not None and not _is_auth(auth):
        raise arguments.wrong("auth", auth, "(user, password), an httpx.Auth or a function of a request", private=True)
    return HttpxParts(transport, mounts, event_hooks, auth)


def check_settings(given: Mapping[str, Any], parameters: Iterable[str]) -> None:
    """Settings by name; an unknown one is refused with the nearest of these and of the host's other ``parameters``."""
    known = [name for name in Settings.__struct_fields__ if name != "sources"]
    for name in given:
        if name not in known:
            near = nearest_name(name, [*parameters, *known])
            meant = f"did you mean {near!r}?" if near else f"settings are {', '.join(known)}"
            raise UsageError(f"Host has no argument or setting {name!r}; {meant}")


def check_process_arguments(processes: Any, setup: Any, isolation: Any) -> None:
    """A number of processes, a function by its name, and where scripts run."""
    if isolation not in ("none", "process"):
        raise arguments.wrong("isolation", isolation, "'none' or 'process'")
    if isinstance(processes, bool) or not isinstance(processes, int) or not 1 <= processes <= MOST_PROCESSES:
        raise arguments.wrong("processes", processes, f"a whole number from 1 to {MOST_PROCESSES}")
    if setup is not None and not isinstance(setup, str):
        raise arguments.wrong("setup", setup, "'module:function'")


def check_cassette(record: Any, replay: Any, processes: int, settings: dict[str, Any]) -> None:
    """At most one of the two, in one process; a host that replays gets a key that is nobody's in ``settings``."""
    if record is None and replay is None:
        return
    if record is not None and replay is not None:
        raise UsageError("record and replay cannot be combined: a cassette is recorded first and replayed later")
    if processes != 1:
        word = "record" if record is not None else "replay"
        raise UsageError(f"{word}: a cassette needs a host of one process: omit processes=… (--processes)")
    if replay is not None:
        settings["stripe_secret_key"] = "sk_test_replayed"  # noqa: S105 - nothing is sent, whatever keys there are
        settings.setdefault("stripe_api_base", STRIPE_API_BASE)


def check_given(env: Any, simulator: Any) -> None:
    """Strings by their names; a simulator, not its class or its port."""
    if env is not None:
        arguments.text_mapping("env", env)
    if simulator is not None:
        from host.simulator.simulator import Simulator  # whoever gives one has loaded it

        arguments.an_instance("simulator", simulator, Simulator)


def _is_transport(value: Any) -> bool:
    return not isinstance(value, type) and callable(getattr(value, "handle_async_request", None))


def _is_auth(value: Any) -> bool:
    if isinstance(value, type):
        return False
    if isinstance(value, tuple):
        return len(value) == 2 and all(isinstance(each, str | bytes) for each in value)
    return callable(value) or hasattr(value, "async_auth_flow")


def _check_hooks(hooks: Mapping[str, Any]) -> None:
    for name, functions in hooks.items():
        if name not in ("request", "response"):
            raise UsageError(f"event_hooks has {name!r}; there are request, response")
        if not isinstance(functions, list | tuple) or not all(callable(each) for each in functions):
            raise arguments.wrong(f"event_hooks[{name!r}]", functions, "a list of async functions")
