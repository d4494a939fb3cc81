"""``test --watch``: runs the tests again whenever a Lua file changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from host.errors import HostError
from host.report.errors import describe

__all__ = ["watch"]

_PAUSE = 0.25  # seconds between two looks

Seen = dict[Path, tuple[int, int]]


def watch(paths: Iterable[str], run: Callable[[], int], pause: Callable[[], None] = lambda: time.sleep(_PAUSE)) -> None:
    """``run()`` now and after each change of a Lua file beside or below the paths; until ``pause`` raises."""
    roots = [path if path.is_dir() else path.parent for path in map(Path, paths)]
    while True:
        before = look(roots)
        try:
            run()
        except HostError as error:  # mended by the next change, as a rule
            click.echo(describe(error), err=True)
        count = f"{len(before)} Lua file{'' if len(before) == 1 else 's'}"
        click.echo(f"\nwatching {count}; Ctrl-C ends")
        while (now := look(roots)) == before:
            pause()
        changed = sorted(str(path) for path in now.keys() | before.keys() if now.get(path) != before.get(path))
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        click.echo(f"\n{changed[0]}{more} changed")


def look(roots: Iterable[Path]) -> Seen:
    """The Lua files below folders, each with its time and size. Hidden folders are left out."""
    found: Seen = {}
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
            for name in names:
                if name.endswith(".lua"):
                    path = Path(folder, name)
                    try:
                        facts = path.stat()
                    except OSError:  # gone since
                        continue
                    found[path] = facts.st_mtime_ns, facts.st_size
    return found
