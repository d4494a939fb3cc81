"""Lua files as tests, and Lua scripts as fixtures. The pytest plugin is ``host.testing.plugin``."""

from __future__ import annotations

from typing import Any

__all__ = ["lua_fixture"]


def __getattr__(name: str) -> Any:
    if name != "lua_fixture":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from host.testing.fixtures import lua_fixture  # the plugin passes here in every project: only when used

    return lua_fixture
