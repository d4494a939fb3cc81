"""The journal that a setting names: its default, opening it, and what it says of an unknown run."""

from __future__ import annotations

import shlex

from host.data_folder import data_file
from host.durable.journal import LEASE, Journal
from host.errors import UsageError

__all__ = ["default_journal", "no_such_run", "open_journal"]


def default_journal() -> str:
    """The path of the default journal."""
    return data_file("journal.sqlite")


def open_journal(setting: str | None, lease: float = LEASE, *, existing: bool = False) -> Journal:
    """Open the journal of a setting, or the default one; messages name the option for it unless it is the default.

    With ``existing``, for what only reads, raises :class:`JournalError` if a setting names a journal that does not
    exist.
    """
    journal = Journal.open(setting or default_journal(), lease=lease, existing=existing and setting is not None)
    if setting and setting != default_journal():
        journal.option = f" --journal {shlex.quote(journal.name)}"
    return journal


def no_such_run(journal: Journal, run_id: str) -> UsageError:
    """The error for an unknown id."""
    text = f"there is no run {run_id} in the journal {journal.name}"
    members = journal.batch(run_id)
    if members:
        return UsageError(f"{text}; it is a batch, whose runs are {members[0].id}, … {members[-1].id}")
    return UsageError(text, hint=f"luahost runs list{journal.option} shows them")
