"""Official clients of other languages, installed once into a cache folder outside the repository.

Where the tools, the client or the network are missing, a test is skipped by name. ``LUAHOST_TEST_CACHE`` names another
folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest

CACHE = Path(os.environ.get("LUAHOST_TEST_CACHE") or Path.home() / ".cache" / "luahost-test-clients")
NODE_CLIENT = "stripe@23.1.0"
GO_CLIENT = "github.com/stripe/stripe-go/v85 v85.0.0"
PATIENCE = 300  # seconds for what is fetched and compiled the first time


def node_client() -> tuple[str, Path]:
    """Node, and the folder of modules with the client in it."""
    node, npm = _tool("node"), _tool("npm")
    folder = CACHE / NODE_CLIENT
    with _alone(folder):
        if not (folder / "node_modules" / "stripe").is_dir():
            quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=20000")
            _run([npm, "install", "--prefix", str(folder), *quiet, NODE_CLIENT], folder)
    return node, folder / "node_modules"


def go_module() -> Path:
    """The folder of the client's own source."""
    go, folder = _go()
    where = [go, "list", "-m", "-f", "{{.Dir}}", GO_CLIENT.partition(" ")[0]]
    found = subprocess.run(where, cwd=folder, capture_output=True, text=True, check=True, timeout=PATIENCE)
    return Path(found.stdout.strip())


def go_program(source: Path, more: Mapping[str, str] = MappingProxyType({})) -> Path:
    """The program that is compiled of ``source``, and of ``more`` files by name, with the client."""
    go, parent = _go()
    folder = parent / source.stem
    program = folder / "program"
    texts = {"main.go": source.read_text(encoding="utf-8"), **more}
    with _alone(folder):
        if not program.exists() or any(_text(folder / name) != text for name, text in texts.items()):
            program.unlink(missing_ok=True)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            built = subprocess.run(
                [go, "build", "-mod=mod", "-o", str(program), f"./{source.stem}"],
                cwd=parent,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
            assert built.returncode == 0, built.stderr  # it was fetched: what is wrong is the program
    return program


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _go() -> tuple[str, Path]:
    """Go, and a module's folder that requires the client, which is there."""
    go = _tool("go")
    folder = CACHE / GO_CLIENT.replace("/", "-").replace(" ", "@")
    with _alone(folder):
        if not (folder / "go.mod").exists():
            (folder / "go.mod").write_text(f"module flows\n\ngo 1.24\n\nrequire {GO_CLIENT}\n", encoding="utf-8")
        if not (folder / "go.sum").exists():
            _run([go, "mod", "download", GO_CLIENT.replace(" ", "@")], folder)
    return go, folder


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def _run(command: list[str], folder: Path) -> None:
    """Fetch something; skip the test where that cannot be done."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"the client cannot be fetched in {PATIENCE} s: {' '.join(command[:3])}")
    if done.returncode != 0:
        pytest.skip(f"the client cannot be fetched: {done.stderr.strip()[-200:]}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
