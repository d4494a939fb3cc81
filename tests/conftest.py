"""What all tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes says something of the machine, which other processes share, and nothing of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """The plugin this package registers when it is installed; here also in a source tree that is not."""
    if not config.pluginmanager.has_plugin("luahost"):
        from host.testing import plugin

        config.pluginmanager.register(plugin, "luahost")
