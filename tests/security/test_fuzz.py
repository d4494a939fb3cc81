"""Generated hostile scripts, a few hundred of them; ``fuzz.py`` runs as many as one likes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.fuzz import scripts

FUZZ = Path(__file__).with_name("fuzz.py")


@pytest.mark.parametrize("seed", [3, 4])
def test_generated_scripts_neither_crash_nor_leak(seed: int, tmp_path: Path) -> None:
    """150 scripts a seed in a process of their own: it ends by itself, with nothing found."""
    last = tmp_path / "last.lua"
    done = subprocess.run(
        [sys.executable, FUZZ, "--runs", "150", "--seed", str(seed), "--last", last],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n--- the script:\n{last.read_text()[:3000]}"
    assert "150 scripts" in done.stdout


def test_the_same_seed_gives_the_same_scripts() -> None:
    """A finding can be had again by its seed; another seed gives other scripts."""
    assert list(scripts(5, 40)) == list(scripts(5, 40))
    assert list(scripts(5, 40)) != list(scripts(6, 40))
