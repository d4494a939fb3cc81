"""Headers of a request that its parameters do not decide: the API's version, and what request options ask for."""

from __future__ import annotations

from host.apis.catalog import Catalog, Facts, Operation
from host.apis.options import CallOptions
from host.errors import InvalidCall

__all__ = ["asks_for", "option_headers", "version_header"]


def version_header(facts: Facts, asked: str | None) -> tuple[tuple[str, str], ...]:
    version = asked or facts.asked_version or facts.version
    return ((facts.version_header, version),) if facts.version_header else ()


def asks_for(headers: tuple[tuple[str, str], ...]) -> bool:
    """Whether a call says itself which type of answer it wants."""
    return any(name.lower() == "accept" for name, _ in headers)


def option_headers(catalog: Catalog, operation: Operation, options: CallOptions) -> tuple[tuple[str, str], ...]:
    """The headers that request options ask for, besides the version's. Raises ``InvalidCall``."""
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
    """Headers of the API that are not a script's to write, with the option that sets each if any."""
    facts = catalog.facts
    found = {auth.name.lower(): "" for auth in catalog.auth.values() if auth.kind == "header"}
    options = {
        facts.version_header: "api_version",
        facts.account_header: "account",
        facts.idempotency_header or "": "idempotency_key",
    }
    return found | {header.lower(): option for header, option in options.items() if header}
