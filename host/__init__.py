"""The public API: everything a Python program needs of the host.

Each name is imported when it is first asked for, so that a command line's ``--help`` does not load LuaJIT.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from host.apis.api import OAuth2
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
        JournalError,
        LimitError,
        NetworkError,
        OnceError,
        ScriptError,
        SettingsWarning,
        SignatureError,
        UnexpectedAnswer,
        UsageError,
    )
    from host.functions.invocation import RunContext
    from host.host import Host
    from host.limits import ApiLimits, Limits
    from host.plan.plan import Plan
    from host.policy.budget import Budget
    from host.policy.permissions import Permissions
    from host.run.script import RunResult, Script
    from host.secret import Secret
    from host.settings import Settings

__all__ = [
    "ApiError",
    "ApiLimits",
    "Budget",
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
    "JournalError",
    "LimitError",
    "Limits",
    "NetworkError",
    "OAuth2",
    "OnceError",
    "Permissions",
    "Plan",
    "RunContext",
    "RunResult",
    "Script",
    "ScriptError",
    "Secret",
    "Settings",
    "SettingsWarning",
    "SignatureError",
    "UnexpectedAnswer",
    "UsageError",
]

_HOMES = {
    "ApiLimits": "host.limits",
    "Budget": "host.policy.budget",
    "Host": "host.host",
    "Limits": "host.limits",
    "Permissions": "host.policy.permissions",
    "OAuth2": "host.apis.api",
    "Plan": "host.plan.plan",
    "RunContext": "host.functions.invocation",
    "RunResult": "host.run.script",
    "Script": "host.run.script",
    "Secret": "host.secret",
    "Settings": "host.settings",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'host' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "host.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
