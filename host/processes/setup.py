"""``setup="module:function"``: a function that creates, in each process, objects that cannot be passed to it."""

from __future__ import annotations

import importlib
from typing import Any

from host.errors import ConfigError, HostError

__all__ = ["run_setup"]


def run_setup(setup: str | None, host: Any) -> None:
    """Import the function and call it with the host, if there is a ``setup``.

    Raises ``ConfigError`` if it cannot be imported, is not callable, or raises.
    """

    if setup is None:
        return
    module, _, name = setup.partition(":") if isinstance(setup, str) else ("", "", "")
    if not module or not name:
        raise ConfigError(f"setup is {setup!r}; expected 'module:function'")
    try:
        function = importlib.import_module(module)
    except Exception as error:
        raise ConfigError(
            f"setup {setup!r}: the module {module} cannot be imported: {type(error).__name__}: {error}",
            hint=_HINT if module == "__main__" or isinstance(error, ImportError) else None,
        ) from error
    found: Any = function
    for step in name.split("."):
        found = getattr(found, step, None)
    if not callable(found):
        raise ConfigError(f"setup {setup!r}: the module {module} has no function {name}")
    try:
        found(host)
    except HostError as error:
        raise ConfigError(f"setup {setup!r}: {error.message}", hint=error.hint) from error
    except Exception as error:
        raise ConfigError(f"setup {setup!r} raised {type(error).__name__}: {error}") from error


_HINT = "Each worker process imports it: it must be a module on the import path, not the running script."
