"""The door: everything a Python program needs of the host."""

from __future__ import annotations

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
