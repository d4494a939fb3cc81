"""Where the host keeps what outlives a process: the journal of durable runs, the record of daily budgets."""

from __future__ import annotations

import os

__all__ = ["data_file"]


def data_file(name: str) -> str:
    """A file of this name in ``luahost`` of the user's data folder, as the platform has it: on Linux
    ``$XDG_DATA_HOME/luahost``, by default ``~/.local/share/luahost``.
    """
    from platformdirs import user_data_dir  # most runs keep nothing

    return os.path.join(user_data_dir("luahost", appauthor=False), name)
