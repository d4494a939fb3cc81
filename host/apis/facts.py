"""Facts about an API as a whole: its name, where it is, how a key is added, and the methods of its builders."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Auth", "Facts", "Method", "Ways"]

# A security requirement: alternatives in the document's order. Each lists the schemes whose keys a request needs. An
# empty alternative, or a requirement without alternatives, means that no key is needed.
Ways = tuple[tuple[str, ...], ...]


class Auth(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a key is added to a request."""

    kind: Literal["bearer", "basic", "header", "query", "cookie", "oauth2"]
    name: str = ""  # of the header, query parameter or cookie
    token_url: str = ""
    scopes: tuple[str, ...] = ()


class Method(msgspec.Struct, frozen=True, omit_defaults=True):
    """One method of a builder: which parameter it fills, and how.

    ``kind``: "set" (one value), "map" (key and value, or a table), "list" (a table, or one value), "append"
    (one more item of a list). ``code`` is the check that can be made without asking: "s" string, "i" integer,
    "n" number, "b" boolean; of the values for "map" and the items for "list" and "append"; "" means ask
    ``check_value``. ``fields`` names what positional values become: ``add_price(id, 2)`` with
    ``("price", "quantity")`` appends ``{price=id, quantity=2}``, ``recurring("month")`` with
    ``("interval",)`` sets ``{interval="month"}``; a table is taken as it is.
    """

    kind: Literal["set", "map", "list", "append"]
    param: str
    code: str = ""
    fields: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Facts about an API as a whole.

    ``default_security`` is the requirement of requests whose operation does not say otherwise. ``brackets``: nested
    members of forms and multipart bodies are written in brackets (``items[0][price]``) whatever the document says.
    ``version_header`` and ``account_header`` are "" where the API has none; ``sugar`` holds, by builder,
    methods beyond the parameters' own.
    """

    name: str
    title: str = ""
    version: str = ""
    base_url: str = ""
    auth: dict[str, Auth] = {}
    default_security: Ways = ()
    brackets: bool = False
    idempotency_header: str | None = None
    version_header: str = ""
    account_header: str = ""
    id_field: str = "id"
    sugar: dict[str, dict[str, Method]] = {}
    warnings: tuple[str, ...] = ()
    files: dict[str, str] = {}  # further files the document refers to, below its folder, and their digests
    asked_version: str = ""  # the version to request, if it is not the document's
