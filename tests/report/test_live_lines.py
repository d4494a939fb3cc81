"""Lines drawn in place, on a terminal that an emulator reads."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable

import pyte
import pytest

from host.report.live_lines import LiveLines


class Terminal(io.StringIO):
    """A stream that shows on a screen."""

    def __init__(self, columns: int = 40, lines: int = 10) -> None:
        super().__init__()
        self.screen = pyte.HistoryScreen(columns, lines, history=10_000)
        self._stream = pyte.Stream(self.screen)
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        self._stream.feed(text.replace("\n", "\r\n"))
        return super().write(text)

    def size(self) -> os.terminal_size:
        return os.terminal_size((self.screen.columns, self.screen.lines))

    @property
    def shown(self) -> list[str]:
        """All lines there are, those that were scrolled away first, without empty ones at the end."""
        width = self.screen.columns
        past = ["".join(line[i].data for i in range(width)) for line in self.screen.history.top]
        lines = [line.rstrip() for line in [*past, *self.screen.display]]
        while lines and not lines[-1]:
            lines.pop()
        return lines


def live(terminal: Terminal, lines: Callable[[int, int], list[str]]) -> LiveLines:
    return LiveLines(terminal, lines, size=terminal.size, clock=lambda: 0.0)


def test_lines_are_drawn_over_those_before_and_taken_away() -> None:
    """More of them, fewer, shorter ones: nothing of the last drawing stays; at the end nothing at all."""
    terminal, now = Terminal(), ["a long first line", "b"]
    view = live(terminal, lambda width, height: now)
    view.write(terminal, "before\n")
    for now in (["a long first line", "b"], ["c"], ["d", "e", "f", "g"], [], ["h"]):
        view.draw()
        assert terminal.shown == ["before", *now]
    view.close()
    assert terminal.shown == ["before"]
    view.draw()
    assert terminal.shown == ["before"]


def test_what_is_written_goes_above() -> None:
    """Lines of output stay, in order, with the drawn ones below, also when the screen scrolls."""
    terminal = Terminal(lines=6)
    view = live(terminal, lambda width, height: ["one", "two"])
    for n in range(30):
        view.draw()
        view.write(terminal, f"out {n}\n")
    view.draw()
    assert terminal.shown == [*(f"out {n}" for n in range(30)), "one", "two"]


def test_a_line_that_is_begun_is_left_alone_until_it_ends() -> None:
    """A prompt or a row of dots: nothing is drawn over or into it."""
    terminal = Terminal()
    view = live(terminal, lambda width, height: ["live"])
    view.draw()
    for dots in (".", "..", "..."):
        view.write(terminal, ".")
        view.draw()
        assert terminal.shown == [dots]
    view.write(terminal, "\n")
    view.draw()
    assert terminal.shown == ["...", "live"]


def test_nothing_is_drawn_while_the_terminal_is_read() -> None:
    """What is typed shows where the question ends; afterwards the lines come back."""
    terminal = Terminal()
    view = live(terminal, lambda width, height: ["live"])
    view.write(terminal, "Name? ")
    with view.reading():
        terminal.write("Ann\n")  # as the terminal echoes it
        view.draw()
        assert terminal.shown == ["Name? Ann"]
    view.draw()
    assert terminal.shown == ["Name? Ann", "live"]


def test_colours_that_output_left_on_are_not_the_lines() -> None:
    """They are switched off before a drawing, and only then."""
    terminal = Terminal()
    view = live(terminal, lambda width, height: ["live"])
    view.write(terminal, "\x1b[31mred\n")
    view.draw()
    assert terminal.screen.buffer[1][0].fg == "default"
    assert terminal.getvalue().count("\x1b[0m") == 1


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (2, 2), (80, 3), (10, 100)])
def test_lines_are_bounded_by_the_terminal(size: tuple[int, int]) -> None:
    """However many and wide there are, they fit, and leave room above."""
    terminal = Terminal(*size)
    told: list[tuple[int, int]] = []

    def lines(width: int, height: int) -> list[str]:
        told.append((width, height))
        return ["wide 日本 \x1b[2J\x1b[1;1H" * 50] * 500

    view = live(terminal, lines)
    view.write(terminal, "out\n")
    for _ in range(3):
        view.draw()
        view.write(terminal, "out\n")
    view.draw()
    assert told[0] == (size[0] - 1, max(1, min(size[1] - 1, max(3, size[1] // 2))))
    assert terminal.shown[:4] == ["out"[: size[0]]] * 4 if size[0] > 2 else True
    view.close()
    assert "wide" not in "".join(terminal.shown)


def test_the_window_may_change_its_size() -> None:
    """Narrower and wider between drawings and writes: no drawing is left."""
    # Not lower: the emulator loses its place then, where terminals keep the cursor's line, the first that was drawn.
    chance = random.Random(7)
    terminal = Terminal(60, 20)
    view = live(terminal, lambda width, height: [f"{n} {'x' * 200}" for n in range(100)])
    written = 0
    for _ in range(200):
        if chance.random() < 0.3:
            terminal.screen.resize(20, chance.randint(15, 100))
        if chance.random() < 0.5:
            view.draw()
        else:
            view.write(terminal, f"out {written}\n")
            written += 1
    view.close()
    assert not any("x" in line for line in terminal.screen.display)


def test_nothing_is_written_where_nothing_has_changed() -> None:
    """The same lines are not drawn again."""
    terminal = Terminal()
    view = live(terminal, lambda width, height: ["same"])
    for _ in range(5):
        view.draw()
    assert terminal.writes == 1


def test_a_terminal_that_is_gone_ends_the_drawing_and_nothing_else() -> None:
    """draw() and close() raise nothing."""
    terminal = Terminal()
    view = live(terminal, lambda width, height: ["live"])
    view.draw()
    terminal.close()
    view.draw()
    view.close()


def test_it_is_over_before_a_second_has_passed() -> None:
    """Started and closed at once, nothing was drawn, and its thread is gone."""
    terminal = Terminal()
    view = live(terminal, lambda width, height: ["live"])
    view.start()
    view.close()
    assert terminal.getvalue() == ""


def test_they_do_not_flicker_under_output() -> None:
    """After each line that is written they are there again, without being asked what is to be seen."""
    terminal, asked = Terminal(), []
    view = live(terminal, lambda width, height: asked.append(width) or ["one", "two"])
    view.write(terminal, "before\n")
    assert terminal.shown == ["before"]
    view.draw()
    for n in range(5):
        view.write(terminal, f"out {n}")
        assert terminal.shown[-1] == f"out {n}"
        view.write(terminal, "\n")
        assert terminal.shown[-2:] == ["one", "two"]
    assert len(asked) == 1


def test_a_slow_terminal_is_not_drawn_on_for_each_line() -> None:
    """A drawing that takes a tenth of a second is not repeated under output for two seconds."""
    terminal, now = Terminal(), [0.0]
    view = LiveLines(terminal, lambda width, height: ["live"], size=terminal.size, clock=lambda: now[0])

    def slow(text: str) -> int:
        now[0] += 0.1 if "live" in text else 0
        return Terminal.write(terminal, text)

    terminal.write = slow  # type: ignore[method-assign]
    view.draw()
    for _ in range(5):
        view.write(terminal, "out\n")
    assert terminal.getvalue().count("live") == 1
    now[0] += 2.1
    view.write(terminal, "out\n")
    assert terminal.getvalue().count("live") == 2
