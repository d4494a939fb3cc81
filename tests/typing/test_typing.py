"""The package is typed: a strict program checks, mistakes are found, and decorated functions keep their types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def checked(file: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            f"--cache-dir={cache}",
            "--no-error-summary",
            str(file),
        ],
        capture_output=True,
        text=True,
        cwd=HERE,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        check=False,
    )


def test_a_strictly_typed_program_checks_and_runs(tmp_path: Path) -> None:
    """mypy --strict has nothing to say of it, and it does what it says."""
    done = checked(HERE / "project.py", tmp_path)
    own = [line for line in done.stdout.splitlines() if line.startswith("project.py")]
    assert own == []
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(HERE / "project.py")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    first, second = ran.stdout.splitlines()
    assert first == "9 ['line 0', 'line 1'] ['lines', 'rate', 'record']"
    assert second.startswith("error at 1 [")


def test_mistakes_are_found(tmp_path: Path) -> None:
    """Every line marked wrong is an error, and no other line is."""
    file = HERE / "wrong.py"
    lines = file.read_text(encoding="utf-8").splitlines()
    marked = {n for n, line in enumerate(lines, 1) if line.endswith("# wrong")}
    done = checked(file, tmp_path)
    found = {
        int(line.split(":")[1])
        for line in done.stdout.splitlines()
        if line.startswith("wrong.py") and ": error:" in line
    }
    assert found == marked, done.stdout
