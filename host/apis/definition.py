"""Makes an added API from its document, base URL and keys, which are arguments or settings.

Settings of an API ``petstore``: ``PETSTORE_API_KEY`` (``user:password`` for basic authentication,
``id:secret`` for OAuth 2 client credentials), ``PETSTORE_API_KEY_<SCHEME>`` for one security scheme of
several, and ``PETSTORE_API_BASE``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from host import arguments
from host.apis.api import Api, OAuth2, origin_of, setting_of
from host.apis.cache import catalog_of
from host.apis.catalog import Catalog
from host.apis.facts import Auth
from host.apis.paging_words import Paging, with_paging
from host.errors import ConfigError, UsageError
from host.secret import Secret

if TYPE_CHECKING:
    from host.apis.overlay import Overlays

__all__ = ["Credentials", "Document", "added_api"]

Document = str | os.PathLike[str] | Mapping[str, Any] | Catalog
_BEARER = "bearer"
Key = str | Secret | tuple[str, str] | OAuth2
Credentials = Key | Mapping[str, Key]
Variables = Callable[[str], tuple[str, str] | None]
"""Takes the variable of a setting; returns its value and where it was set, or ``None``."""


def added_api(
    name: str,
    document: Document,
    base_url: str | None,
    auth: Credentials | None,
    variables: Variables,
    *,
    overlay: Overlays | None = None,
    paging: Paging | None = None,
    simulated: bool = False,
) -> Api:
    """The API ``name``. If it is ``simulated`` it needs no server. Raises ``CatalogError``, ``ConfigError`` and
    ``UsageError``, which never show a key.
    """
    if not isinstance(document, str | os.PathLike | Mapping | Catalog):
        raise arguments.wrong("document", document, "an OpenAPI document: its path, its decoded content or a Catalog")
    if auth is not None and not isinstance(auth, str | Secret | tuple | OAuth2 | Mapping):
        expected = "a key, (user, password), OAuth2(…), or a mapping of these by security scheme"
        raise arguments.wrong("auth", auth, expected, private=True)
    catalog = catalog_of(document, name, overlay=overlay)
    if paging is not None:
        catalog = with_paging(catalog, paging)
    prefix = name.upper()
    base_source = "argument"
    if base_url is None and (found := variables(f"{prefix}_API_BASE")) is not None:
        base_url, base_source = found
    keys, key_source = _keys(catalog, prefix, auth, variables)
    if base_url is None:
        base_url, base_source = catalog.base_url, "document"
    if not base_url and simulated:
        base_url = f"https://{name.lower().replace('_', '-')}.simulated.invalid"
    if not base_url:
        raise ConfigError(
            f"the document of {name} names no server",
            hint=f"Give base_url=…, or set {prefix}_API_BASE.",
        )
    base_url = _checked(base_url, prefix)
    if keys and base_source not in ("document", key_source):
        raise ConfigError(
            f"{prefix}_API_BASE is set by {base_source}, but the key of {name} by {key_source}; "
            "a base URL is used only with a key from the same source",
            hint=f"Set both by {base_source}.",
        )
    if keys and not catalog.auth:  # the document has no schemes: use a bearer token or the given headers
        own = _undocumented(keys)
        facts = msgspec.structs.replace(catalog.facts, auth=own, default_security=(tuple(own),))
        catalog = catalog.with_facts(facts)
    single = next((key for key in keys.values() if isinstance(key, Secret)), None)
    return Api(catalog, base_url, key=single, keys=keys)


def _checked(base_url: str, prefix: str) -> str:
    try:
        origin_of(base_url)
    except ConfigError as error:
        raise ConfigError(f"{prefix}_API_BASE (base_url): {error.message}") from None
    parts = urlsplit(base_url)
    if "@" in parts.netloc or parts.query or parts.fragment or not re.fullmatch(r"[\x21-\x7e]+", base_url):
        raise ConfigError(f"{prefix}_API_BASE: expected a URL without user, query or fragment")
    return base_url.rstrip("/")


def _keys(
    catalog: Catalog, prefix: str, auth: Credentials | None, variables: Variables
) -> tuple[dict[str, Secret | OAuth2], str]:
    """The keys by security scheme, and where they were set."""
    schemes: Mapping[str, Auth] = catalog.auth or {_BEARER: Auth(kind="bearer")}
    if isinstance(auth, Mapping):
        arguments.mapping("auth", auth, "keys by security scheme")
    if isinstance(auth, Mapping) and not catalog.auth:
        schemes = _undocumented(auth)
    if isinstance(auth, Mapping):
        unknown = [scheme for scheme in auth if scheme not in schemes]
        if unknown:
            known = ", ".join(catalog.auth) or "none"
            raise UsageError(f"{catalog.name} has no security scheme {unknown[0]!r}; it has {known}")
        return {scheme: _key(schemes[scheme], key, scheme) for scheme, key in auth.items()}, "argument"
    if auth is not None:
        return _for_all(schemes, auth), "argument"
    found: dict[str, Secret | OAuth2] = {}
    source = ""
    given = variables(f"{prefix}_API_KEY")
    if given is not None:
        found, source = _for_all(schemes, given[0]), given[1]
    for scheme, each in schemes.items():
        variable = setting_of(catalog.name, scheme)
        given = variables(variable)
        if given is None:
            continue
        if source and given[1] != source:
            raise ConfigError(f"{variable} is set by {given[1]}, but other keys of {catalog.name} by {source}")
        found[scheme], source = _key(each, given[0], scheme), given[1]
    return found, source


def _undocumented(names: Iterable[str]) -> dict[str, Auth]:
    """Security schemes for a document without any: a bearer token, or headers by their names."""
    wrong = [name for name in names if not re.fullmatch(r"[A-Za-z0-9_-]+", name)]
    if wrong:
        raise UsageError(f"auth: {wrong[0]!r} is not a header's name")
    return {name: Auth(kind="bearer") if name == _BEARER else Auth(kind="header", name=name) for name in names}


def _for_all(schemes: Mapping[str, Auth], key: Key) -> dict[str, Secret | OAuth2]:
    """Use one key for all schemes that its form suits."""
    fitting = {name: auth for name, auth in schemes.items() if _fits(auth, key)}
    if not fitting:
        raise UsageError(f"auth: the API has the security schemes {', '.join(schemes)}, and this key fits none of them")
    return {name: _key(auth, key, name) for name, auth in fitting.items()}


def _fits(auth: Auth, key: Key) -> bool:
    if isinstance(key, OAuth2):
        return auth.kind == "oauth2"
    return not isinstance(key, tuple) or auth.kind == "basic"


def _key(auth: Auth, key: Key, scheme: str) -> Secret | OAuth2:
    if isinstance(key, OAuth2):
        if auth.kind != "oauth2":
            raise UsageError(f"the security scheme {scheme} is {auth.kind}, not OAuth 2")
        return _completed(key, auth, scheme)
    if isinstance(key, tuple):
        if auth.kind != "basic" or len(key) != 2:
            raise UsageError(f"a pair (user, password) is for basic authentication; {scheme} is {auth.kind}")
        key = f"{key[0]}:{key[1]}"
    text = (key.reveal() if isinstance(key, Secret) else key).strip() if isinstance(key, str | Secret) else ""
    if not text or not re.fullmatch(r"[\x20-\x7e]+", text):
        raise UsageError(f"auth: the key for {scheme} is empty, or not a line of ASCII text")
    if auth.kind == "oauth2" and ":" in text and auth.token_url:
        identity, _, secret = text.partition(":")
        return _completed(OAuth2(identity, Secret(secret)), auth, scheme)
    return Secret(text)


def _completed(client: OAuth2, auth: Auth, scheme: str) -> OAuth2:
    url = client.token_url or auth.token_url
    if not url.startswith(("https://", "http://")):
        raise ConfigError(
            f"the security scheme {scheme} names no absolute token URL", hint="Give OAuth2(…, token_url=…)."
        )
    return msgspec.structs.replace(client, token_url=url, scopes=client.scopes or auth.scopes)
