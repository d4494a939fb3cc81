"""The progress line: drawn on a terminal only, and out of the way of everything else."""

from __future__ import annotations

import io
import re

from host.report.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_how_far_it_is() -> None:
    """Bar, counts, rate and what is left, drawn at most ten times a second."""
    now, terminal = [0.0], Terminal()
    progress = Progress(terminal, 1000, clock=lambda: now[0])
    for n in range(500):
        now[0] = (n + 1) / 100
        progress.advance(failed=n < 3)
    text = terminal.getvalue()
    assert text.count("\r") <= 51
    last = r"\[#########·{11}\]  49\d/1,000  3 failed  100/s  5 s left\Z"
    assert re.search(last, text)
    progress.close()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_what_is_written_beside_it_stands_on_lines_of_its_own() -> None:
    """The line is taken away before and drawn again with the next run."""
    terminal = Terminal()
    progress = Progress(terminal, 2)
    progress.advance()
    progress.beside(terminal).write("hello\n")
    progress.advance()
    assert "\r\x1b[Khello\n\r\x1b[K[" in terminal.getvalue()


def test_nothing_is_drawn_where_there_is_no_terminal() -> None:
    """A log file gets no bar, and streams are as they were."""
    file = io.StringIO()
    progress = Progress(file, 1)
    progress.advance()
    progress.close()
    assert file.getvalue() == ""
    assert progress.beside(file) is file
