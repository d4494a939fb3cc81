"""Where what outlives a process is kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from host.durable.chosen_journal import default_journal
from host.policy.daily_spending import default_path


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other folders")
@pytest.mark.parametrize("given", [None, "", "/data"])
def test_journal_and_budgets_are_in_the_same_folder_as_ever(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str | None
) -> None:
    """``XDG_DATA_HOME``, else ``~/.local/share``: what an earlier version wrote is found again."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    if given is not None:
        monkeypatch.setenv("XDG_DATA_HOME", given)
    folder = Path(given or tmp_path / ".local" / "share", "luahost")
    assert Path(default_journal()) == folder / "journal.sqlite"
    assert default_path() == folder / "spending.sqlite"


def test_no_other_file_looks_for_the_users_folders() -> None:
    """Where data and caches go is decided in ``host/data_folder.py``; everybody else asks it."""
    host = Path(__file__).parent.parent / "host"
    words = ("XDG_", "LOCALAPPDATA", "platformdirs", "Application Support")
    found = [
        path.relative_to(host).as_posix()
        for path in host.rglob("*.py")
        if path.name != "data_folder.py" and any(word in path.read_text(encoding="utf-8") for word in words)
    ]
    assert found == []
