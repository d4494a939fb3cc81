"""Where the host keeps what outlives a process: data (the journal, the record of daily budgets) and caches."""

from __future__ import annotations

import os

__all__ = ["cache_folder", "data_file"]


def data_file(name: str) -> str:
    """A file of this name in ``luahost`` of the user's data folder, as the platform has it: on Linux
    ``$XDG_DATA_HOME/luahost``, by default ``~/.local/share/luahost``.
    """
    from platformdirs import user_data_dir  # most runs keep nothing

    return os.path.join(user_data_dir("luahost", appauthor=False), name)


def cache_folder() -> str:
    """The folder of what can be made again, as the platform has it: on Linux ``$XDG_CACHE_HOME/luahost``, by default
    ``~/.cache/luahost``.
    """
    from platformdirs import user_cache_dir  # most runs have no API but Stripe

    return user_cache_dir("luahost", appauthor=False)
