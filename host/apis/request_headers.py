"""Request headers that are not parameters: the API version, and those set by request options."""

from __future__ import annotations

from host.apis.catalog import Catalog, Operation
from host.apis.facts import Facts
from host.apis.options import CallOptions
from host.errors import InvalidCall

__all__ = ["asks_for", "option_headers", "version_header"]


def version_header(facts: Facts, asked: str | None) -> tuple[tuple[str, str], ...]:
    """The API version header, empty if the API has none; ``asked`` is the version the call requests, if any."""
    version = asked or facts.asked_version or facts.version
    return ((facts.version_header, version),) if facts.version_header else ()


def asks_for(headers: tuple[tuple[str, str], ...]) -> bool:
    """Whether ``headers`` contain ``Accept``, so that the call itself chooses the media type of the answer."""
    return any(name.lower() == "accept" for name, _ in headers)


def option_headers(catalog: Catalog, operation: Operation, options: CallOptions) -> tuple[tuple[str, str], ...]:
    """The headers set by request options, except the version header.

    Raises ``InvalidCall`` for a header that the host sets itself, and for an option that the API does not have.
    """
    facts, found = catalog.facts, list(options.headers)
    own = _own_headers(catalog) if found else {}
    for header, _ in found:
        if header.lower() in own:
            use = own[header.lower()]
            hint = f"; use the option {use}" if use else ""
            raise InvalidCall(
                f"option headers: {header} is set by the host{hint}", operation=operation.id, param="headers"
            )
    for name, value, header in (
        ("account", options.account, facts.account_header),
        ("api_version", options.api_version, facts.version_header),
        ("idempotency_key", options.idempotency_key, facts.idempotency_header or ""),
    ):
        if value is None:
            continue
        if not header:
            raise InvalidCall(f"{catalog.name} has no request option {name}", operation=operation.id, param=name)
        if name == "account" or (name == "idempotency_key" and operation.keyed):
            found.append((header, value))
    return tuple(found)


def _own_headers(catalog: Catalog) -> dict[str, str]:
    """The headers that scripts may not set, by lower-case name, each with the option that sets it or ""."""
    facts = catalog.facts
    found = {auth.name.lower(): "" for auth in catalog.auth.values() if auth.kind == "header"}
    options = {
        facts.version_header: "api_version",
        facts.account_header: "account",
        facts.idempotency_header or "": "idempotency_key",
    }
    return found | {header.lower(): option for header, option in options.items() if header}
