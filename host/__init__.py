"""The door: everything a Python program needs of the host.

Names are imported when first used: whoever only passes through (the help text, pytest looking at its
plugins) does not wait for Lua and the event loop.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from host.errors import (
        ApiError,
        CallError,
        CallTimeout,
        CancelledCall,
        CatalogError,
        ClosedError,
        ConfigError,
        DeniedError,
        FunctionError,
        HostError,
        InvalidCall,
        LimitError,
        NetworkError,
        ScriptError,
        UnexpectedAnswer,
        UsageError,
    )
    from host.host import Host
    from host.limits import Limits
    from host.run.script import RunResult, Script
    from host.settings import Secret, Settings

__all__ = [
    "ApiError",
    "CallError",
    "CallTimeout",
    "CancelledCall",
    "CatalogError",
    "ClosedError",
    "ConfigError",
    "DeniedError",
    "FunctionError",
    "Host",
    "HostError",
    "InvalidCall",
    "LimitError",
    "Limits",
    "NetworkError",
    "RunResult",
    "Script",
    "ScriptError",
    "Secret",
    "Settings",
    "UnexpectedAnswer",
    "UsageError",
]

_ROOMS = {
    "Host": "host.host",
    "Limits": "host.limits",
    "RunResult": "host.run.script",
    "Script": "host.run.script",
    "Secret": "host.settings",
    "Settings": "host.settings",
}  # all others are errors


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_ROOMS.get(name, "host.errors")), name)
    return value


def __dir__() -> list[str]:
    return __all__
