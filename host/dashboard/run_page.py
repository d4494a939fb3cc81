"""What the page of one run shows, gathered from the journal."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from host.dashboard.text import json_text, packed_text, seconds, shown_text
from host.dashboard.waterfall import Bar, bars
from host.durable.call_log import CallPage, LogEntry, call_page
from host.durable.journal import Journal
from host.durable.records import RunRow
from host.durable.run_list import BROKEN_OFF, state_of
from host.durable.undoing import attempts, taken_back

__all__ = ["CALLS", "RunPage", "run_page_of"]

CALLS: Final = 100  # records of the log on one page
LONGEST_SOURCE: Final = 200_000  # characters
MOST_LINES: Final = 2000
LONGEST_ANSWER: Final = 2000

RESUMABLE: Final = ("failed", "interrupted", "cancelled", "stopped", BROKEN_OFF)
UNDOABLE: Final = (
    "done", "failed", "interrupted", "cancelled", "stopped", "replaced", "partly undone", BROKEN_OFF,
)  # fmt: skip


class ShownCall(msgspec.Struct, frozen=True):
    """A row of the table of calls."""

    entry: LogEntry
    bar: Bar | None
    detail: str


class RunPage(msgspec.Struct, frozen=True):
    """``lines`` are the script's, ``more`` says that there are more of them."""

    run: RunRow
    state: str
    facts: list[tuple[str, str]]
    calls: list[ShownCall]
    next: int | None
    missing: int
    undoings: list[RunRow]
    lines: list[str]
    more: bool

    @property
    def can_resume(self) -> bool:
        """Whether going on with it makes sense."""
        return self.state in RESUMABLE and "~" not in self.run.id

    @property
    def can_undo(self) -> bool:
        """Whether something of it may be left to take back."""
        return self.state in UNDOABLE and not self.is_undoing

    @property
    def is_undoing(self) -> bool:
        """Whether it is itself the undoing of a run."""
        return ".undo" in self.run.id


def run_page_of(journal: Journal, run: RunRow, *, after: int) -> RunPage:
    """The page of a run whose calls begin after a ``seq``. Raises :class:`JournalError`."""
    page = call_page(journal, run.id, after=after, limit=CALLS)
    source = shown_text(run.source.decode("utf-8", "replace"), LONGEST_SOURCE)
    lines = source.split("\n")
    state = state_of(run, journal.clock())
    return RunPage(
        run, state, _facts(run), _calls(page, taken_back(journal, run), state), page.next, page.missing,
        attempts(journal, run), lines[:MOST_LINES], len(lines) > MOST_LINES,
    )  # fmt: skip


def _facts(run: RunRow) -> list[tuple[str, str]]:
    facts = [
        ("Script", run.script),
        ("Folder", run.folder or ""),
        ("Arguments", "" if run.args == b"\x90" else packed_text(run.args)),
        ("Globals", "" if run.globals == b"\x80" else packed_text(run.globals)),
        ("Mode", run.mode),
        ("API", run.base if run.mode != "simulated" else ""),
        ("Calls", str(run.calls) if run.status != "running" else ""),
        ("Exit status", "" if run.exit_status is None else str(run.exit_status)),
        ("Started over", f"{run.generation - 1} times" if run.generation > 1 else ""),
        ("Error", "" if run.error is None else shown_text(run.error)),
        ("Result", packed_text(run.value) if run.value != b"\xc0" else ""),
    ]
    return [(name, text) for name, text in facts if text]


def _calls(page: CallPage, undone: Collection[str], state: str) -> list[ShownCall]:
    shown = []
    for entry, bar in zip(page.entries, bars(page.entries), strict=True):
        if entry.kind == "change" and entry.call in undone:
            entry = replace(entry, outcome="undone")
        if state == "running" and entry.outcome == "in doubt":
            entry = replace(entry, outcome="under way")
        shown.append(ShownCall(entry, bar, _detail(entry)))
    return shown


def _detail(entry: LogEntry) -> str:
    if entry.size:
        return f"({entry.size:,} bytes, too long to be shown here)"
    if entry.kind == "sleep":
        return seconds(float(entry.detail))
    if entry.detail is None:
        return ""
    detail: Any = entry.detail
    text = json_text(detail)
    return text if len(text) <= LONGEST_ANSWER else f"{text[:LONGEST_ANSWER]}… (cut)"
