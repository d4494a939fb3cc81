"""What the peers need to run: an own Python environment, Node's packages, lua-http where it is installed.

Each is made once per version of its list, in the cache folder, with the ordinary ``pip`` and ``npm``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.places import cache_folder

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Environment:
    """A program to start peers with, or in ``missing`` why there is none; ``versions`` of what is in it."""

    program: tuple[str, ...] = ()
    folder: Path = PEERS
    missing: str = ""
    versions: str = ""


def finished(folder: Path, *commands: list[str]) -> str:
    """Runs the commands that fill ``folder`` unless that was done before; the reason if one failed."""
    if (folder / "finished").exists():
        return ""
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            return f"{command[0]} failed: {lines[-1] if lines else done.returncode}"
    (folder / "finished").touch()
    return ""


def python_peers(install: bool) -> Environment:
    wanted = PEERS / "requirements.txt"
    folder = named_folder("python", wanted, f"{sys.version} {sys.base_prefix}")  # the Python we run on ourselves
    python = folder / "bin" / "python"
    if not install and not (folder / "finished").exists():
        return Environment(missing="not installed yet")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    missing = finished(folder, [sys.executable, "-m", "venv", str(folder)], [*pip, "-r", str(wanted.resolve())])
    pins = [line.split(";")[0] for line in wanted.read_text().splitlines() if "==" in line]
    return Environment((str(python),), PEERS, missing, " ".join(pins))


def node_peers(install: bool) -> Environment:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return Environment(missing="no node and npm here")
    package = PEERS / "node" / "package.json"
    folder = named_folder("node", package)
    if not install and not (folder / "finished").exists():
        return Environment(missing="not installed yet")
    if not (folder / "finished").exists():
        shutil.copy(package, folder)
    missing = finished(folder, [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"])
    for program in (PEERS / "node").glob("*.mjs"):
        # Node looks for packages beside the program, so the program goes to where they are.
        copy = folder / f"{program.name}.{os.getpid()}"
        shutil.copy(program, copy)
        copy.replace(folder / program.name)
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    return Environment((node,), folder, missing, f"node {version}")


def lua_peers() -> Environment:
    lua = shutil.which("luajit") or shutil.which("lua5.1") or shutil.which("lua")
    if lua is None:
        return Environment(missing="no lua here")
    found = subprocess.run([lua, "-e", "io.write(require('http.version').version)"], capture_output=True, text=True)
    if found.returncode:
        return Environment(missing="lua-http is not installed")
    return Environment((lua,), PEERS, versions=f"lua-http {found.stdout}")


def named_folder(name: str, list_of_packages: Path, more: str = "") -> Path:
    digest = hashlib.sha256(list_of_packages.read_bytes() + more.encode()).hexdigest()[:12]
    folder = cache_folder() / f"{name}-{digest}"
    folder.mkdir(exist_ok=True)
    return folder
