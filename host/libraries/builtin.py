"""The built-in libraries (``host.lua.globals.LIBRARIES``), each made when a script first calls it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from host.http.message import Send
from host.http.settings import HttpSettings
from host.libraries.library import BuiltinParts, Libraries, Provider, SecretOf, directly
from host.lua.globals import LIBRARIES
from host.policy.redaction import Redactor
from host.settings import Settings

__all__ = ["builtin_libraries", "library_types"]


def builtin_libraries(
    settings: Settings,
    user_agent: str,
    secret_of: SecretOf,
    redactor: Redactor,
    through: Callable[[Send], Send] = directly,
) -> Libraries:
    """The built-in libraries of a host.

    Each is made by ``provider(parts)`` in the ``library.py`` of its folder, which is imported with the first call,
    since importing httpx, SQLAlchemy and graphql-core takes longer than most scripts.
    """
    if settings.graphql_token is not None:
        redactor.add(settings.graphql_token)
    http = HttpSettings(connect_timeout=settings.connect_timeout, user_agent=user_agent)
    parts = BuiltinParts(settings, http, secret_of, redactor, through)
    makers: dict[str, Callable[[], Provider]] = {name: partial(_provider, name, parts) for name in LIBRARIES}
    return Libraries(makers)


def library_types() -> list[tuple[str, str]]:
    """(file name, text) of each library's type definitions for editors."""
    here = Path(__file__).parent
    return [(f"host_{name}.lua", (here / name / "types.lua").read_text(encoding="utf-8")) for name in LIBRARIES]


def _provider(name: str, parts: BuiltinParts) -> Provider:
    made: Provider = importlib.import_module(f"host.libraries.{name}.library").provider(parts)
    return made
