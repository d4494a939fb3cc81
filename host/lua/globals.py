"""The globals a script may use, and what provides them."""

from __future__ import annotations

from typing import Final

from host.lua.reviewed import OWN

__all__ = ["FILES", "LIBRARIES", "OWN", "STANDARD", "WORDS"]

# Built-in libraries, each in the folder of its name in host/libraries, and their globals.
LIBRARIES: Final[dict[str, str]] = {
    "http": "http",
    "graphql": "graphql_query graphql",
    "sql": "sql",
    "fs": "fs",
}

# Files of the prelude, by the globals they set.
FILES: Final[dict[str, str]] = {
    name: file
    for file, names in {
        "totext": "tostring",
        "protect": "pcall xpcall",
        "basic": "print getmetatable collectgarbage",
        "strings": "string",
        "coroutines": "coroutine",
        "tasks": "spawn wait_any parallel map with_timeout",
        **LIBRARIES,
        "tables": "table",
        "environ": "env",
        "secret": "STRIPE_API_KEY",
        "loading": "load loadstring require",
        "raising": "error",
        "package": "package",
        "debugging": "debug",
        **{
            name: name
            for name in ("json", "inspect", "log", "os", "io", "math", "bit", "args", "try", "sleep", "on", "once")
        },
    }.items()
    for name in names.split()
}

# Members of an API's namespace that the host provides, and the prelude files that define them.
WORDS: Final[dict[str, str]] = {"stripe.webhooks.construct_event": "webhooks"}

STANDARD: Final = (*OWN, *FILES)
"""All globals that every run has, for suggestions."""
