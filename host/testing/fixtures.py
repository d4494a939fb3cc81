"""Lua scripts as fixtures of Python tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host.host import Host
from host.testing.undo import CreatedObjects, undo


class Scripts:
    """Runs scripts for their values. As a context manager it undoes at the end what they created."""

    def __init__(self, host: Host, ledger: CreatedObjects, folder: Path) -> None:
        self._host = host
        self._ledger = ledger
        self._folder = folder
        self._runs: set[str] = set()

    def __enter__(self) -> Scripts:
        return self

    def __exit__(self, *_: object) -> None:
        undo(self._host, [made for made in self._ledger.made if made.run_id in self._runs])

    def value(self, script: str | Path, **options: Any) -> Any:
        """What the script (relative to the folder) returns; ``options`` are ``Host.run``'s.

        Raises ``ScriptError``.
        """
        result = self._host.run(self._folder / script, **options)
        self._runs.add(result.run_id)
        return result.raise_for_error().value


def lua_fixture(script: str, *, name: str | None = None, **options: Any) -> Any:
    """A pytest fixture whose value is what a Lua script returns: ``customer = lua_fixture("customer.lua")``.

    The path is relative to the calling file. The script runs on the fixture ``lua_host``; what it created is
    undone after the test. ``options`` are those of ``Host.run`` (``args``, ``globals`` …).
    """
    import pytest  # not needed by programs without tests

    folder = Path(sys._getframe(1).f_globals["__file__"]).parent

    @pytest.fixture(name=name)
    def value(lua_fixture: Callable[..., Any]) -> Any:
        return lua_fixture(folder / script, **options)

    return value
