"""The programs in docs/functions.md, embedding.md, extending.md and watching.md run and print what is under them."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
PROGRAM = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("functions.md", "embedding.md", "extending.md", "watching.md")
BLOCKS = [
    pytest.param(page, *found.groups(), id=f"{page}-{number}")
    for page in PAGES
    for number, found in enumerate(PROGRAM.finditer((DOCS / page).read_text(encoding="utf-8")), 1)
]


@pytest.mark.parametrize(("page", "program", "output"), BLOCKS)
def test_the_program_prints_what_the_page_says(
    page: str, program: str, output: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each program followed by a text block is run, and its output compared."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, page, "exec"), module.__dict__)
    assert printed.getvalue() == output


def test_every_page_has_programs() -> None:
    """None of the pages is left out by a change of its form."""
    assert {page for page in PAGES for block in BLOCKS if block.values[0] == page} == set(PAGES)
