"""The libraries every host has, made when a script first calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from host.http.settings import HttpSettings
from host.libraries.library import Libraries, Provider
from host.settings import Settings

if TYPE_CHECKING:
    from host.libraries.http.library import SecretOf, WebClient
    from host.policy.redaction import Redactor

__all__ = ["builtin_libraries"]


def builtin_libraries(settings: Settings, user_agent: str, secret_of: SecretOf, mask: Redactor) -> Libraries:
    """``http``, ``graphql``, ``sql`` and ``fs``. What they need is imported with the first call: httpx,
    SQLAlchemy and graphql-core take longer than most scripts."""

    def client() -> WebClient:
        from host.libraries.http.library import WebClient

        http = HttpSettings(connect_timeout=settings.connect_timeout, user_agent=user_agent)
        return WebClient(http, secret_of, mask)

    def web() -> Provider:
        from host.libraries.http.library import Web

        return Web(client())

    def graphql() -> Provider:
        from host.libraries.graphql.library import Endpoint, Graphql

        url = settings.graphql_endpoint
        endpoint = Endpoint(url, settings.graphql_token, settings.graphql_schema) if url else None
        return Graphql(client(), endpoint)

    def sql() -> Provider:
        from host.libraries.sql.library import Sql

        return Sql()

    def files() -> Provider:
        from host.libraries.fs.library import Files

        return Files()

    if settings.graphql_token is not None:
        mask.add(settings.graphql_token)
    makers: dict[str, Callable[[], Provider]] = {"http": web, "graphql": graphql, "sql": sql, "fs": files}
    return Libraries(makers)
