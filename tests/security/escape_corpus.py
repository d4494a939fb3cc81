"""The corpus of escape attempts: what each file claims, and the host and limits they are run with."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from host import Host, Limits, RunResult

FOLDER = Path(__file__).parent / "escapes"
MB = 1 << 20

KEY = "sk_test_escape_corpus_0123456789"
LIMITS = Limits(
    lua_time=0.25,
    run_time=60.0,
    memory=32 * MB,
    string=8 * MB,
    output=MB,
    tasks=500,
    calls=2000,
)
HEALTHY = 'return new_product():name("healthy"):metadata("k", "v"):create()'


# Attempts the sandbox does not stop yet, and what is missing. Not run: they would take the process along.
PENDING: dict[str, str] = {}


@dataclass(frozen=True)
class Attempt:
    """One file. ``expect``: ``ok`` (it returns "ok"), ``error`` with a text it contains, ``limit``,
    ``timeout``, ``exit`` (it ended itself), ``any``. ``timeout`` and ``lua_time`` are seconds, ``memory`` MB;
    it is run ``runs`` times."""

    path: Path
    what: str
    source: str
    expect: str
    timeout: float | None = None
    runs: int = 1
    memory: int = LIMITS.memory // MB
    lua_time: float = LIMITS.lua_time
    code: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        return self.path.stem


def read(path: Path) -> Attempt:
    """The attempt of a file; raises ``ValueError`` for a header that is not as documented."""
    code = path.read_text()
    facts = {}
    for row in code.splitlines():
        if not row.startswith("-- ") or ": " not in row:
            break
        name, _, text = row[3:].partition(": ")
        facts[name] = text.strip()
    if not {"what", "source", "expect"} <= set(facts):
        raise ValueError(f"{path.name} does not begin with -- what:, -- source: and -- expect:")
    if facts["expect"].split()[0] not in ("ok", "error", "limit", "timeout", "exit", "any"):
        raise ValueError(f"{path.name} expects {facts['expect']!r}")
    # It gets all the time a busy machine may take; only what is to be stopped is stopped soon.
    ends_by_itself = facts["expect"].split()[0] in ("ok", "error")
    return Attempt(
        path,
        what=facts["what"],
        source=facts["source"],
        expect=facts["expect"],
        timeout=float(facts["timeout"]) if "timeout" in facts else None,
        runs=int(facts.get("runs", "1")),
        memory=int(facts.get("memory", LIMITS.memory // MB)),
        lua_time=float(facts.get("lua_time", 30.0 if ends_by_itself else LIMITS.lua_time)),
        code=code,
    )


def attempts() -> list[Attempt]:
    """All attempts, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.lua"))]


def open_host(isolation: Literal["none", "process"] = "none") -> Host:
    """A simulated host with a key to steal."""
    return Host(simulate=True, stripe_secret_key=KEY, limits=LIMITS, isolation=isolation)


def furnish(folder: Path) -> None:
    """Puts beside the scripts what they try to require: links out, a pipe, bytecode, an honest module."""
    secret = folder.parent / "secret.lua"
    secret.write_text("return 'secret'\n")
    (folder / "linked.lua").symlink_to(secret)
    (folder / "linked_folder").symlink_to(folder.parent)
    (folder / "folder.lua").mkdir()
    (folder / "circle.lua").symlink_to("circle.lua")
    os.mkfifo(folder / "pipe.lua")
    (folder / "bytecode.lua").write_bytes(b"\x1bLJ\x02\x02\x00")
    (folder / "not_lua.lua").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (folder / "neighbour.lua").write_text("return { answer = 42, debug = debug, globals = _G }\n")


def run(host: Host, attempt: Attempt, path: Path) -> RunResult:
    """One run of the attempt's file at ``path``."""
    limits = replace(LIMITS, memory=attempt.memory * MB, lua_time=attempt.lua_time)
    return host.run(path, timeout=attempt.timeout, limits=limits)


def verdict(attempt: Attempt, result: RunResult) -> str:
    """What is wrong with how the attempt ended, or ''."""
    kind, _, text = attempt.expect.partition(" ")
    error = result.error
    if kind == "any":
        return ""
    if kind in ("ok", "exit"):
        if error is not None:
            return f"it ended with {error.kind}: {error.message}"
        wanted = "ok" if kind == "ok" else None
        return "" if result.value == wanted else f"it returned {result.value!r}"
    if error is None:
        return f"it ended without an error and returned {result.value!r}"
    if kind == "error":
        if error.kind in ("limit", "timeout"):
            return f"it ran into a {error.kind}: {error.message}"
        return "" if text in error.message else f"its error is {error.message!r}"
    return "" if error.kind == kind else f"it ended with {error.kind}: {error.message}"


def leaks(result: RunResult) -> str:
    """What of Python or of the key a result shows, or ''."""
    shown = [result.output, repr(result.value)]
    if result.error is not None:
        shown += [
            result.error.message,
            repr(result.error.facts),
            str(result.error.hint),
            result.error.traceback,
        ]
    for text in shown:
        if KEY in text or KEY[8:-4] in text:
            return "the key is shown"
        if "Traceback (most recent call last)" in text or '.py", line' in text:
            return f"a Python traceback is shown: {text[:500]}"
    return ""
