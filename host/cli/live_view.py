"""The live view of a command while it runs: at a terminal that supports it, and nowhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host.events import Sink
    from host.report.live_lines import Lines

__all__ = ["LiveView", "watch_batch", "watch_events", "watch_run"]


class LiveView:
    """The view without a terminal, which shows nothing. ``sinks`` are to be given to the host."""

    def __init__(self) -> None:
        self.sinks: Sequence[Sink] = ()
        self.advance: Callable[[bool], None] = lambda failed: None
        self.follow: Callable[[Callable[[], dict[str, int]]], None] = lambda counts: None
        self.close: Callable[[], None] = lambda: None


@contextmanager
def watch_run(name: str, *, quiet: bool) -> Iterator[LiveView]:
    """Show one run while it runs. ``close()`` removes the view earlier."""
    view = LiveView()
    if quiet or not _draws(os.environ.get("TERM", "")):
        yield view
        return
    from host.report.run_lines import RunLines  # at a terminal
    from host.report.runs_under_way import RunsUnderWay  # at a terminal

    under_way = RunsUnderWay()
    view.sinks = (under_way,)
    with _drawn(view, RunLines(under_way, name)):
        yield view


@contextmanager
def watch_batch(total: int, name: Callable[[str], str], *, quiet: bool) -> Iterator[LiveView]:
    """Show many runs while they run, named by ``name(run_id)``; ``advance(failed)`` counts one that has ended."""
    view = LiveView()
    if quiet or not _draws(os.environ.get("TERM", "")):
        yield view
        return
    from host.report.run_lines import BatchLines  # at a terminal
    from host.report.runs_under_way import RunsUnderWay  # at a terminal

    under_way = RunsUnderWay()
    lines = BatchLines(under_way, total, name)
    view.sinks, view.advance = (under_way,), lambda failed: lines.advance(failed=failed)
    with _drawn(view, lines):
        yield view


@contextmanager
def watch_events(*, quiet: bool) -> Iterator[LiveView]:
    """Show events while they are handled; ``follow(counts)`` sets where their numbers come from."""
    view = LiveView()
    if quiet or not _draws(os.environ.get("TERM", "")):
        yield view
        return
    from host.report.event_lines import EventLines  # at a terminal
    from host.report.runs_under_way import RunsUnderWay  # at a terminal

    under_way = RunsUnderWay()
    lines = EventLines(under_way)
    view.sinks, view.follow = (under_way,), lines.follow
    with _drawn(view, lines):
        yield view


@contextmanager
def _drawn(view: LiveView, lines: Lines) -> Iterator[None]:
    from host.report.live_lines import LiveLines  # at a terminal
    from host.report.live_streams import beside  # at a terminal

    live = LiveLines(sys.stderr, lines)
    view.close = live.close
    with beside(live):
        live.start()
        try:
            yield
        finally:
            live.close()


def _draws(terminal: str) -> bool:
    """Whether lines can be drawn in place on stderr: whether it is a capable terminal."""
    return sys.stderr.isatty() and terminal not in ("", "dumb")
