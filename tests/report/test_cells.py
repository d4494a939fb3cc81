"""Text in cells: what fits a line of a terminal, as an emulator of one has it."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.report.cells import fit, width

TEXTS = [
    "plain", "", "日本語のテキスト", "e\u0301e\u0301e\u0301", "\U0001f600\U0001f600", "❤\ufe0f x", "a\u200db",
    "ｆｕｌｌ", "\u202eright to left", "tab\there", "two\nlines", "\x1b[31mred\x1b[0m", "\x9b2J", "\ud800", "한국어",
    "\U0001f1e9\U0001f1ea",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("cells", [0, 1, 2, 3, 7, 80])
def test_a_line_is_printable_and_no_wider(text: str, cells: int) -> None:
    """No sign of it moves the cursor, and a terminal of that width shows it on one line."""
    line = fit(text, cells)
    assert line.isprintable()
    assert width(line) <= cells
    if cells > 1:
        screen = pyte.Screen(cells + 1, 3)
        pyte.Stream(screen).feed(line.encode("utf-8", "replace").decode())
        assert screen.cursor.y == 0


@given(st.text(), st.integers(0, 40))
def test_any_text_fits(text: str, cells: int) -> None:
    """The same for whatever there is; a text that fits is not cut."""
    line = fit(text, cells)
    assert line.isprintable()
    assert width(line) <= cells
    if width(fit(text, 10_000)) <= cells:
        assert line == fit(text, 10_000)
    elif cells:
        assert line.endswith("…")


def test_widths() -> None:
    """Ideographs take two cells, accents none."""
    assert [width(text) for text in ("abc", "日本", "e\u0301", "❤\ufe0f")] == [3, 4, 1, 2]
