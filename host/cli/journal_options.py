"""Commands about runs in a journal: their options, and the runs an id names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from host.config_file import read_config
from host.settings import Settings

if TYPE_CHECKING:
    from host.durable.journal import Journal
    from host.durable.records import RunRow

__all__ = ["journal_options", "opened", "runs_of", "status_of"]


def journal_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--journal`` and ``--env-file``."""
    function = click.option("--env-file", metavar="FILE", help="Read settings from FILE instead of .env.")(function)
    return click.option("--journal", metavar="URL", help="The journal: a file, or the URL of a database.")(function)


@contextmanager
def opened(journal: str | None, env_file: str | None, config: str | None = None) -> Iterator[tuple[Journal, Settings]]:
    """The journal these options or ``host.toml`` name, and the settings."""
    from host.durable.chosen_journal import open_journal

    found = read_config(config)
    settings = Settings.load(env_file=env_file, overrides={"journal": journal}, config=(found.path, found.settings))
    store = open_journal(settings.journal, existing=settings.journal != settings.database)
    try:
        yield store, settings
    finally:
        store.close()


def runs_of(store: Journal, id: str) -> list[RunRow]:
    """The run of an id, or the runs of a batch, in their order. Raises ``UsageError`` where there is none."""
    from host.durable.chosen_journal import no_such_run

    run = store.run(id)
    found = [run] if run is not None else store.batch(id)
    if not found:
        raise no_such_run(store, id)
    return found


def status_of(store: Journal, run: RunRow) -> str:
    """A run's status as it is now."""
    from host.durable.run_list import state_of

    return state_of(run, store.clock())
