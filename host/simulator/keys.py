"""Checks the API key of a request. https://docs.stripe.com/keys"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from host.apis.catalog import Catalog
from host.simulator.api_error import SimulatedError

_WELL_FORMED = re.compile(r"(?:sk|rk)_test_\w+")
_NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using "
    "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
    "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/."
)
_PUBLISHABLE = (
    "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of your "
    "API keys at https://dashboard.stripe.com/account/apikeys."
)


class Keys:
    """Checks the key of each request.

    With ``key`` it must be that one, sent in any of the ways that the API's document has. Without ``key``, Stripe's API
    accepts any well-formed secret or restricted key of test mode, and other APIs need no key.
    """

    def __init__(self, catalog: Catalog, key: str | None, *, stripe: bool) -> None:
        self._key = key
        self._stripe = stripe
        self._headers = tuple(auth.name.lower() for auth in catalog.auth.values() if auth.kind == "header")
        self._queries = tuple(auth.name for auth in catalog.auth.values() if auth.kind == "query")
        self._accepted: set[str] = set()

    @property
    def query_names(self) -> tuple[str, ...]:
        """Names of query parameters that hold a key, and so are not parameters of an operation."""
        return self._queries

    def check(self, headers: Mapping[str, str], query: Mapping[str, object]) -> None:
        """Raise :class:`SimulatedError` 401 unless the request has an accepted key. Header names are lower case."""
        if self._key is None and not self._stripe:
            return
        authorization = headers.get("authorization", "")
        if authorization in self._accepted:
            return
        given = _given(authorization)
        for name in self._headers:
            given = given or headers.get(name, "")
        for name in self._queries:
            given = given or str(query.get(name) or "")
        if not given:
            raise SimulatedError(401, _NO_KEY if self._stripe else "No API key was given.", code=None)
        if self._key is not None:
            from hmac import compare_digest  # loads OpenSSL, which most simulators, having no key, do not need

            right = compare_digest(given.encode(), self._key.encode())
        else:
            right = _WELL_FORMED.fullmatch(given) is not None
        if not right and self._stripe and given.startswith("pk_"):
            raise SimulatedError(401, _PUBLISHABLE, code="secret_key_required")
        if not right:
            raise SimulatedError(401, f"Invalid API Key provided: {masked(given)}")
        if authorization and len(self._accepted) < 100:
            self._accepted.add(authorization)


def _given(authorization: str) -> str:
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return "?"
    return ""


def masked(key: str) -> str:
    """``sk_test_***1234``: the kind of key and its last four characters."""
    prefix = re.match(r"(?:sk|rk|pk)_(?:test|live)_", key)
    shown = key[-4:] if len(key) >= (prefix.end() if prefix else 0) + 8 else ""
    return (prefix[0] if prefix else "") + "***" + shown
