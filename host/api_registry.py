"""The APIs of a host, and the keys that go on their requests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from host.apis.answers import interpret
from host.apis.api import Api
from host.errors import DeniedError, InvalidCall, UsageError
from host.http.client import Credential
from host.http.idempotency import random_key
from host.http.message import Request
from host.secret import Secret
from host.settings import Settings

if TYPE_CHECKING:
    from host.apis.catalog import Catalog
    from host.apis.credentials import Tokens
    from host.apis.definition import Credentials, Document
    from host.apis.overlay import Overlays
    from host.apis.paging_words import Paging
    from host.http.sender import Sender
    from host.policy.policy import HostPolicy
    from host.policy.redaction import Redactor

__all__ = ["Apis", "Endpoints"]


class Apis:
    """``by_name`` is live. Stripe is always there; its key is not given to a simulated host."""

    def __init__(self, settings: Settings, *, simulated: bool) -> None:
        from host.apis.stripe import load  # read when a host opens, not when the package is imported

        key = None if simulated else settings.stripe_secret_key
        catalog = load()
        if settings.stripe_api_version is not None:
            catalog = catalog.with_facts(replace(catalog.facts, asked_version=settings.stripe_api_version))
        self.by_name = {"stripe": Api(catalog, settings.stripe_api_base, key)}
        self._simulated = simulated
        self._credentials: dict[str, Credential | None] = {}  # by API, made when first needed
        self._tokens: Tokens | None = None  # with the first API that is added

    @property
    def are_more(self) -> bool:
        """Whether APIs were added whose tokens are fetched over the host's client."""
        return self._tokens is not None

    def catalog(self, name: str) -> Catalog:
        """What is known of an API. Raises ``UsageError`` for one this host does not have."""
        if name not in self.by_name:
            raise UsageError(f"this host has no API {name!r}; it has {', '.join(self.by_name)}")
        return self.by_name[name].catalog

    def names(self) -> set[str]:
        """The names scripts know of them: the APIs' own, and Stripe's builders."""
        return {*self.by_name, *(f"new_{each}" for each in self.by_name["stripe"].catalog.builder_names())}

    def secret(self, name: str) -> tuple[Secret | None, str] | None:
        """An API's key, for a script's request to the API's own origin."""
        api = self.by_name.get(name)
        return None if api is None else (api.key, api.origin)

    def add(
        self,
        name: str,
        document: Document,
        base_url: str | None,
        auth: Credentials | None,
        *,
        overlay: Overlays | None = None,
        paging: Paging | None = None,
        env_file: str | os.PathLike[str] | None,
        rules: HostPolicy,
        sender: Sender,
        redactor: Redactor,
    ) -> Api:
        """See :meth:`host.host.Host.add_api`; ``name`` is free."""
        from host.apis.definition import added_api  # for hosts with other APIs

        auth = {} if self._simulated and auth is None else auth
        variables = Settings.variables(env_file=env_file)
        api = added_api(
            name, document, base_url, auth, variables, overlay=overlay, paging=paging, simulated=self._simulated
        )
        if self._simulated:
            from host.simulator.simulator import Simulator

            # The simulator answers where the document says, wherever the real one may be.
            api = replace(api, base_url=api.catalog.base_url or api.origin)
            sender.client.replace(name, Simulator(api.catalog))
        self.take(api, rules=rules, sender=sender, redactor=redactor)
        return api

    def take(self, api: Api, *, rules: HostPolicy, sender: Sender, redactor: Redactor) -> None:
        """Have an API that is made already. If the host is simulated, somebody simulates this one too."""
        rules.check_key(api)
        if not self._simulated and self._tokens is None:
            from host.apis.credentials import Tokens

            self._tokens = Tokens(self.by_name, sender.client.send, redactor.add)
            sender.send_through(self._tokens.send)
        self.by_name[api.name] = api

    def credential(self, request: Request) -> Credential | None:
        """What goes on a request whose ``credential`` names an API. Raises ``DeniedError`` without a key."""
        name = request.credential or ""
        if self._tokens is not None and name != "stripe":
            parts = self._tokens.parts(name, request)
            return None if parts is None else Credential(*parts)
        try:
            return self._credentials[name]
        except KeyError:
            found = self._credentials[name] = self._credential(name, request)
            return found

    def _credential(self, name: str, request: Request) -> Credential | None:
        api = self.by_name.get(name)
        if api is None:
            return None
        if api.key is None:
            raise DeniedError(
                f"{request.operation} needs a key, and STRIPE_SECRET_KEY is not set",
                hint="Set STRIPE_SECRET_KEY, or ask for the simulator: Host(simulate=True), --simulate.",
                operation=request.operation,
                outcome="not_sent" if request.mutation else None,
            )
        return Credential(api.origin, api.headers(), api.query(), api.origin_for)


class Endpoints:
    """What ``make_request("products", "POST", {…})`` asks: an operation by its path (of another API:
    ``"petstore:pets"``), or a function by its name."""

    def __init__(self, apis: Mapping[str, Api], functions: Mapping[str, Any], sender: Sender) -> None:
        self._apis = apis
        self._functions = functions
        self._sender = sender

    def route(self, endpoint: str, method: str, data: dict[str, Any]) -> tuple[str, Any, bool]:
        """The registry's router."""
        function = self._functions.get(endpoint)
        if function is not None:
            return endpoint, function.bind_names(data), function.mutation
        return "api.endpoint", (endpoint, method, data), method not in ("GET", "HEAD", "OPTIONS")

    async def call(self, payload: tuple[str, str, dict[str, Any]], deadline: float) -> Any:
        """Answers ``api.endpoint``."""
        from host.apis.endpoint import endpoint_request  # only for make_request

        endpoint, method, data = payload
        name, colon, path = endpoint.partition(":")
        api = self._apis.get(name) if colon and name.isidentifier() else self._apis["stripe"]
        if api is None:
            raise InvalidCall(f"{endpoint!r}: there is no API {name!r}; expected one of {', '.join(self._apis)}")
        endpoint = path if colon and name in self._apis else endpoint
        operation, request = endpoint_request(api.catalog, endpoint, method, data, api.base_url, random_key)
        return interpret(api.catalog, operation, await self._sender.send(request, deadline))
