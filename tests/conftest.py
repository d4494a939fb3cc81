"""What all tests share."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """The plugin this package registers when it is installed; here also in a source tree that is not."""
    if not config.pluginmanager.has_plugin("luahost"):
        from host.testing import plugin

        config.pluginmanager.register(plugin, "luahost")
