"""The README is true: its code runs, prints what it says, and its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    output: str | None  # the text block that follows it, if one does

    @property
    def id(self) -> str:
        return f"{self.language}: {self.text.splitlines()[0][:40]}"


def blocks(path: Path) -> list[Block]:
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    following = [*found, ("", "")][1:]
    return [
        Block(language, text, after if kind == "text" else None)
        for (language, text), (kind, after) in zip(found, following, strict=True)
    ]


def of(language: str) -> list[Block]:
    return [block for block in blocks(ROOT / "README.md") if block.language == language]


def same(expected: str, found: str) -> None:
    """``…`` in the document stands for anything within a line."""
    pattern = "[^\n]*".join(re.escape(part) for part in expected.strip().split("…"))
    assert re.fullmatch(pattern, found.strip()), f"expected\n{expected}\nfound\n{found}"


def environment() -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STRIPE_", "HOST_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=60, check=False)


@pytest.mark.parametrize("block", of("lua"), ids=lambda block: block.id)
def test_every_lua_block_runs_and_prints_what_follows_it(block: Block) -> None:
    """Each Lua block is a script of its own, with the output shown under it."""
    done = run(sys.executable, "-m", "host", "run", "--simulate", "-e", block.text)
    assert (done.returncode, done.stderr) == (0, "")
    assert block.output is not None, "a Lua block is followed by its output"
    same(block.output, done.stdout)


@pytest.mark.parametrize("block", of("python"), ids=lambda block: block.id)
def test_every_python_block_runs_and_ends_with_what_follows_it(block: Block) -> None:
    """Each Python block is a program of its own; what scripts print is not on its stdout."""
    done = run(sys.executable, "-W", "error", "-c", block.text)
    assert (done.returncode, done.stderr) == (0, "")
    if block.output is not None:
        same(block.output, done.stdout)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_console_block_shows_a_true_session(path: Path) -> None:
    """A line that begins with $ is run, and what follows is what it prints."""
    for block in blocks(path):
        if block.language != "console":
            continue
        for session in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            line, _, expected = session.partition("\n")
            program, *arguments = shlex.split(line)
            assert program == "python", f"a session starts with python: {line}"
            done = run(sys.executable, *arguments)
            same(expected, done.stdout + done.stderr)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_into_the_repository_leads_to_a_file(path: Path) -> None:
    """No link of the documentation is dead."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_readme_opens_with_its_two_commands() -> None:
    """The main job and the tests are one line each, and each makes its own environment."""
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    assert len(commands) == 2
    assert "run --simulate lua_scripts/payment.lua" in commands[0]
    assert "pytest" in commands[1]


def test_the_settings_table_and_the_example_file_list_every_variable() -> None:
    """A setting that exists is documented, with its default, in README and .env.example."""
    from host.settings import _DEFAULTS, _READERS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, (variable, _) in _READERS.items():
        row = re.search(rf"^\| `{variable}` \| ([^|]+) \|", readme, re.M)
        assert row, f"{variable} is not in the README's table"
        assert re.search(rf"^{variable}=", example, re.M), f"{variable} is not in .env.example"
        default = _DEFAULTS[name]
        if default not in (None, {}):
            shown = f"{default:g}" if isinstance(default, float) else str(default)
            shown = shown.lower() if isinstance(default, bool) else shown
            assert row[1].strip().strip("`") == shown


def test_the_example_file_is_valid_and_means_the_defaults() -> None:
    """Copied as it is, .env.example changes nothing: same settings, no key."""
    from host.settings import Settings

    assert Settings.load(env_file=ROOT / ".env.example", environ={}) == Settings()
