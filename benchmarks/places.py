"""Where benchmarks keep what they build: outside the repository, under the user's cache folder."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder, made if missing; ``LUAHOST_BENCHMARK_CACHE`` moves it."""
    named = os.environ.get("LUAHOST_BENCHMARK_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(named) if named else base / "luahost-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
