# ruff: noqa: E501, SIM905 — word lists and templates of Lua are kept whole
"""A fuzzer over scripts: ``python tests/security/fuzz.py --runs 50000 --seed 1 [--isolate]``.

Each script is grown from a small grammar of hostile Lua, or bred from files of the escape corpus (lines of
several spliced, values exchanged, pieces wrapped in pcall, coroutines and tasks), and run with small limits.
Looked for: a crash or hang of the process, a fault of the host (``kind="host"``), a key or a Python traceback in a
result, a host that no longer runs a healthy script, and threads, descriptors or memory that pile up.

Ends with status 0, or 1 and one script for each kind of fault. After a crash the scripts that were being run are in
``--last``; ``--first N`` begins with script N of the seed again.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import gc
import os
import random
import re
import resource
import sys
import tempfile
import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from host import Host, Limits, RunResult
from tests.security.escape_corpus import HEALTHY, KEY, LIMITS, MB, PENDING, attempts, leaks

# With one arena instead of one for each thread, memory is given back so that a leak stands out.
_libc = ctypes.CDLL(None) if hasattr(ctypes.CDLL(None), "malloc_trim") else None
ARENA_MAX = -8  # M_ARENA_MAX of malloc.h

STUCK_AFTER = 900.0  # seconds a batch may take, all told, on a machine that has other things to do
SLOWEST = 300.0  # seconds a single script may take where all of it is to end after ``SMALL.run_time``
BATCH = 25  # scripts between two healthy ones
LOT = 5000  # scripts for one host
SMALL = replace(LIMITS, lua_time=0.02, run_time=1.0, memory=16 * MB, string=2 * MB, output=MB // 4, tasks=60, calls=60)

VALUES = (
    "nil true false 0 1 -1 2^31 -2^31 2^53 1e300 1/0 -1/0 0/0 0.5 '' 'x' '\\0' '\\255\\254' '../x' 'a\\r\\nB:c' '%s%n' "
    "('x'):rep(1000) ('x'):rep(100000) {} {1,2,3} {a=1} {metadata={a='b'}} {limit=1} {n=5,keys=1} {[1]=1,[9]=2} print "
    "error _G env string STRIPE_API_KEY json.null json.array{} args new_product() new_price() stripe stripe.products "
    "coroutine.create(print) coroutine.wrap(function()end) setmetatable({},{__index=error}) "
    "setmetatable({},{__tostring=function()return{}end}) setmetatable({},{__call=print,__len=print,__concat=print})"
).split(" ")
NAMES = (
    "print error assert pcall xpcall select tostring tonumber type rawget rawset rawequal next pairs ipairs unpack load "
    "loadstring require setmetatable getmetatable collectgarbage string.rep string.find string.match string.gmatch "
    "string.gsub string.format string.byte string.char string.sub string.upper string.reverse table.concat table.insert "
    "table.remove table.sort table.maxn table.move math.floor math.random math.randomseed bit.tohex bit.lshift bit.bor "
    "os.time os.date os.clock os.getenv io.write io.read log.info json.encode json.decode json.array inspect spawn "
    "wait_any parallel map sleep with_timeout try coroutine.create coroutine.wrap coroutine.resume coroutine.yield "
    "coroutine.status coroutine.running new_product new_price new_customer new_subscription new_product().name "
    "new_product().metadata new_product().with new_product().set new_product().create new_product().copy "
    "stripe.products.create stripe.products.retrieve stripe.products.update stripe.products.list stripe.customers.list "
    "stripe.products.delete http.get graphql_query fs.read sql.query"
).split(" ")
METHODS = "name create metadata set with params copy amount wait cancel each rep gsub find format id data".split(" ")
PATTERNS = [
    "'.-'",
    "'%s*(.-)%s*$'",
    "'(a*)*b'",
    "'%b()'",
    "'%f[%w]'",
    "'[^a-z]+'",
    "('a?'):rep(30)",
    "'(()'",
    "'%1'",
]


class Grammar:
    """Lua statements and expressions, mostly well formed, mostly unreasonable."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def value(self, depth: int) -> str:
        rng = self._rng
        kind = rng.randrange(10 if depth > 0 else 4)
        if kind < 3:
            return rng.choice(VALUES)
        if kind == 3:
            return rng.choice(["a", "b", "c", rng.choice(PATTERNS)])
        if kind < 6:
            return f"{rng.choice(NAMES)}({self.values(depth - 1)})"
        if kind == 6:
            return f"({self.value(depth - 1)}):{rng.choice(METHODS)}({self.values(depth - 1)})"
        if kind == 7:
            return f"function(...) {self.block(depth - 1)} end"
        if kind == 8:
            return (
                f"({self.value(depth - 1)}) {rng.choice(['..', '+', '==', '<', 'and', 'or'])} ({self.value(depth - 1)})"
            )
        return f"{{{self.value(depth - 1)}, {rng.choice(METHODS)} = {self.value(depth - 1)}}}"

    def values(self, depth: int) -> str:
        return ", ".join(self.value(depth) for _ in range(self._rng.randrange(4)))

    def statement(self, depth: int) -> str:
        rng, block = self._rng, self.block
        forms: list[Callable[[], str]] = [
            lambda: f"pcall({rng.choice(NAMES)}, {self.value(depth)})",
            lambda: f"{rng.choice('abc')} = {self.value(depth)}",
            lambda: f"pcall(function() {block(depth - 1)} end)",
            lambda: f"pcall({rng.choice(NAMES)}, {self.value(depth)}, {self.value(depth)})",
            lambda: f"{rng.choice(NAMES)} = {self.value(0)}" if rng.random() < 0.1 else "a = a",
            lambda: f"for i = 1, {rng.choice(['3', '50', '1e4', '1/0'])} do {block(depth - 1)} end",
            lambda: (
                f"while {rng.choice(['a', 'true', 'b == c'])} do {block(depth - 1)} if {self.value(0)} then break end end"
            ),
            lambda: (
                f"for k, v in {rng.choice(['pairs', 'ipairs', 'next'])}{rng.choice(['(a)', ', a', '(b)'])} do {block(depth - 1)} end"
            ),
            lambda: f"spawn(function() {block(depth - 1)} end)",
            lambda: f"coroutine.wrap(function() {block(depth - 1)} end)()",
            lambda: f"xpcall(function() {block(depth - 1)} end, function(e) a = e {block(depth - 1)} end)",
        ]
        return rng.choice(forms if depth > 0 else forms[:2])()

    def block(self, depth: int) -> str:
        return " ".join(self.statement(depth) for _ in range(self._rng.randrange(1, 4)))

    def script(self) -> str:
        lines = [self.statement(3) for _ in range(self._rng.randrange(1, 7))]
        return "local a, b, c\n" + "\n".join(lines) + f"\nreturn {self.value(1)}\n"


class Breeder:
    """Scripts bred from the corpus."""

    WRAPS = (
        "pcall(function()\n{}\nend)",
        "coroutine.wrap(function()\n{}\nend)()",
        "spawn(function()\n{}\nend):wait()",
        "parallel(function()\n{}\nend, function() sleep(0) end)",
        "with_timeout(0.02, function()\n{}\nend)",
        "table.sort({{3, 1, 2}}, function()\n{}\nend)",
        "('xx'):gsub('x', function()\n{}\nend)",
        "print(setmetatable({{}}, {{__tostring = function()\n{}\nend}}))",
        "for _ = 1, 3 do\n{}\nend",
    )
    LITERAL = re.compile(r"\b\d+(?:\.\d+)?(?:e\d+)?\b|\"[^\"\n]*\"|'[^'\n]*'|\{\}|\bnil\b|\btrue\b")
    CALLED = re.compile(r"\b(?!function\b)(?:[a-z]+\.)*[a-z_]+(?=\()")

    def __init__(self, rng: random.Random, grammar: Grammar) -> None:
        self._rng = rng
        self._grammar = grammar
        self._codes = [
            "\n".join(row for row in attempt.code.splitlines() if not row.startswith("-- "))
            for attempt in attempts()
            if attempt.name not in PENDING
        ]

    def script(self) -> str:
        rng = self._rng
        code = rng.choice(self._codes)
        for _ in range(rng.randrange(1, 5)):
            code = rng.choice((self._splice, self._exchange, self._call, self._wrap, self._drop))(code)
        return code + "\n"

    def _splice(self, code: str) -> str:
        other = re.sub(r"(?m)^return .*$", "", self._rng.choice(self._codes))
        body, last = re.subn(r"(?m)^return .*$", "", code)
        return f"do\n{other}\nend\n{body}" if self._rng.random() < 0.5 or last else f"{code}\n{other}"

    def _exchange(self, code: str) -> str:
        return self.LITERAL.sub(
            lambda match: self._rng.choice(VALUES) if self._rng.random() < 0.25 else match.group(), code
        )

    def _call(self, code: str) -> str:
        return self.CALLED.sub(
            lambda match: self._rng.choice(NAMES) if self._rng.random() < 0.1 else match.group(), code
        )

    def _wrap(self, code: str) -> str:
        return self._rng.choice(self.WRAPS).format(code)

    def _drop(self, code: str) -> str:
        rows = code.splitlines()
        if len(rows) > 1:
            at = self._rng.randrange(len(rows))
            rows[at : at + 1] = [] if self._rng.random() < 0.5 else [rows[at], self._grammar.statement(2)]
        return "\n".join(rows)


def scripts(seed: int, runs: int) -> Any:
    """``runs`` scripts, the same for the same seed."""
    rng = random.Random(seed)
    grammar = Grammar(rng)
    breeder = Breeder(rng, grammar)
    for _ in range(runs):
        yield grammar.script() if rng.random() < 0.4 else breeder.script()


def fault(result: RunResult) -> str:
    """What a result shows that no script may bring about, or ''."""
    if result.error is not None and result.error.kind == "host":
        return result.error.message
    if result.duration > SLOWEST:
        return f"it took {result.duration:.0f} s"
    return leaks(result)


def standing() -> tuple[int, int, int]:
    """Threads, descriptors, and resident memory in KB, what malloc merely keeps for later not counted."""
    gc.collect()
    if _libc is not None:
        _libc.malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    size = pages * resource.getpagesize() // 1024
    files = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    return threading.active_count(), files, size


def growth(before: tuple[int, int, int], after: tuple[int, int, int]) -> str:
    """What piled up, or ''. Memory may grow by a quarter and 64 MB: the simulator keeps what was created."""
    for what, was, is_, spare in (
        ("threads", before[0], after[0], 8),
        ("descriptors", before[1], after[1], 16),
        ("KB of memory", before[2], after[2], before[2] // 4 + 64 * 1024),
    ):
        if is_ > was + spare:
            return f"{was} {what} became {is_}"
    return ""


class Findings:
    """What went wrong, one script for each kind of fault, and how runs ended."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}
        self._ends: dict[str, int] = {}
        self._slowest = 0.0

    def add(self, result: RunResult) -> None:
        kind = "ok" if result.error is None else result.error.kind
        self._ends[kind] = self._ends.get(kind, 0) + 1
        self._slowest = max(self._slowest, result.duration)
        if wrong := fault(result):
            self.faults.setdefault(wrong, f"{result.script}: {wrong}\n{result.job['code']}")

    def __str__(self) -> str:
        ends = ", ".join(f"{n} {kind}" for kind, n in sorted(self._ends.items()))
        return f"{ends}; the slowest took {self._slowest:.2f} s"


def serve(host: Host, codes: list[tuple[int, str]], seed: int, at_once: int, last: Path, found: Findings) -> None:
    """Run some scripts, several at once, then a healthy one."""
    last.write_text("\n-- next\n".join(code for _, code in codes), errors="surrogateescape")
    faulthandler.dump_traceback_later(STUCK_AFTER, exit=True)
    jobs = [{"code": code, "name": f"script {number} of seed {seed}"} for number, code in codes]
    for result in host.run_many(jobs, concurrency=at_once):
        found.add(result)
    healthy = host.run_source(HEALTHY, limits=replace(LIMITS, lua_time=60.0, run_time=SLOWEST))
    if healthy.error is not None:
        wrong = f"a healthy script afterwards: {healthy.error.message}"
        found.faults.setdefault(wrong, f"{wrong}\n{last.read_text(errors='surrogateescape')}")
    faulthandler.cancel_dump_traceback_later()


def fuzz(
    runs: int, seed: int, isolate: bool, last: Path, *, at_once: int = 4, first: int = 1, limits: Limits = SMALL
) -> str:
    """Runs the scripts from number ``first`` on; what went wrong, or ''."""
    options: dict[str, Any] = {"isolation": "process"} if isolate else {}
    found = Findings()
    source = islice(enumerate(scripts(seed, runs), 1), first - 1, None)
    before: tuple[int, int, int] | None = None
    done = 0
    while lot := list(islice(source, LOT)):
        # A host for each lot: what the simulator keeps of the last one's scripts goes with it.
        with Host(simulate=True, stripe_secret_key=KEY, limits=limits, **options) as host:
            for start in range(0, len(lot), BATCH):
                serve(host, lot[start : start + BATCH], seed, at_once, last, found)
                done += min(BATCH, len(lot) - start)
                if before is None and done >= min(200, runs // 2):
                    before = standing()
            after = standing()
            if host.stats().exhausted:
                found.faults.setdefault("memory ran out inside LuaJIT", last.read_text(errors="surrogateescape"))
        print(f"{done} scripts of seed {seed}: {found}", flush=True)
    assert before is not None
    print("threads, descriptors, KB: {} {} {} -> {} {} {}".format(*before, *after))
    if piled := growth(before, after):
        found.faults[piled] = piled
    return "\n\n".join(found.faults.values())


def main() -> int:
    parser = argparse.ArgumentParser(description="Run generated scripts and look for what no script may do.")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="the number of the script to begin with")
    parser.add_argument("--at-once", type=int, default=4, help="scripts under way at a time")
    parser.add_argument("--memory", type=int, default=SMALL.memory // MB, help="MB that each script may use")
    parser.add_argument("--isolate", action="store_true", help="each run in a process of its own")
    parser.add_argument("--last", type=Path, help="where the scripts being run are written")
    options = parser.parse_args()
    if _libc is not None:
        _libc.mallopt(ARENA_MAX, 1)
    with tempfile.TemporaryDirectory() as folder:
        last = options.last or Path(folder) / "last.lua"
        wrong = fuzz(
            options.runs,
            options.seed,
            options.isolate,
            last,
            at_once=options.at_once,
            first=options.first,
            limits=replace(SMALL, memory=options.memory * MB),
        )
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
