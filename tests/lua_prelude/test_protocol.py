"""The numbers of the Lua boundary stand in one file; the Lua side is compiled with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from host.lua import protocol
from host.lua.state import prelude_files, with_numbers

FILES = sorted(prelude_files().values())
NAMES = {name for name in vars(protocol) if name.isupper()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_says_the_numbers_it_is_compiled_with(path: Path) -> None:
    """Whoever reads the file reads what runs."""
    text = path.read_text("latin-1")
    assert with_numbers(text) == text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_number_of_the_boundary_is_written_by_hand(path: Path) -> None:
    """A local of a number's name is marked, so that it follows when the number changes."""
    for line in path.read_text("latin-1").splitlines():
        found = re.match(r"local ([A-Z_, ]+) = -?\d+(?:, -?\d+)*\b(.*)", line)
        if found and NAMES & set(found[1].split(", ")):
            assert found[2].lstrip().startswith("-- protocol"), line


def test_a_changed_number_reaches_the_lua_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed number reaches the Lua side."""
    monkeypatch.setattr(protocol, "CALL", 99)
    line = "local CALL, TICK = 1, 2 -- protocol: codes"
    assert with_numbers(line) == "local CALL, TICK = 99, 2 -- protocol: codes"


def test_what_one_group_of_numbers_means_is_told_apart() -> None:
    """No two codes of host(), kinds of call, states of a reply or flags of a start are the same number."""
    text = Path(protocol.__file__).read_text(encoding="utf-8")
    groups = re.split(r"(?m)^# |^START", text)[1:]
    for group in groups:
        numbers = re.findall(r"(?m)^[A-Z_]+: Final = (-?\d+)", group)
        assert len(numbers) == len(set(numbers)), group
