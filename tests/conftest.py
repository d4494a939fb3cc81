"""What all tests share."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# How long an example takes says something of the machine, which other processes share, and nothing of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """The plugin this package registers when it is installed; here also in a source tree that is not.

    A shell has its background jobs ignore SIGINT, and so would the processes that tests start and interrupt.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not config.pluginmanager.has_plugin("luahost"):
        from host.testing import plugin

        config.pluginmanager.register(plugin, "luahost")
