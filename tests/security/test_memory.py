# ruff: noqa: E501 — Lua code in strings keeps its own width
"""A script's memory is bounded by an error it may catch, and LuaJIT's own limit is never reached."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from host import Host, Limits
from host.lua.state import GAP, ceiling
from tests.security.fill_memory import CAUGHT, FILL, THINGS

FILLER = Path(__file__).with_name("fill_memory.py")
MB = 1 << 20


@pytest.mark.parametrize("limit", ["1", "4"])
def test_everything_works_with_memory_that_is_about_full(limit: str, tmp_path: Path) -> None:
    """Each of the library's things, with the memory filled to some bytes of its limit, in a process of its own."""
    last = tmp_path / "last.lua"
    done = subprocess.run(
        [sys.executable, FILLER, "--limit", limit, "--within", "12000", "--step", "3000", "--last", last],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n--- the script:\n{last.read_text()[:3000]}"
    assert "scripts with" in done.stdout


def test_the_scripts_of_the_filler_are_lua() -> None:
    """Each thing is done, and works, where there is memory enough."""
    with Host(simulate=True) as host:
        for thing in THINGS:
            for form in (FILL, CAUGHT):
                code = form.replace("LIMIT", "0").replace("FREE", "60e6").replace("THING", thing)
                result = host.run_source(code + "\nlocal _ = 1" if "return true" not in code else code)
                assert result.error is None, (thing, result.error)


STARTING = [
    thing for thing in THINGS if any(word in thing for word in ("map(", "parallel(", "spawn(", "with_timeout("))
]


@pytest.mark.parametrize("thing", STARTING)
def test_a_task_is_made_as_a_whole_or_not_at_all(thing: str) -> None:
    """Wherever the limit's error comes, no task is left that nobody resumes, and the driver itself goes on."""
    with Host(simulate=True, limits=Limits(memory=MB, lua_time=60.0)) as host:
        for free in range(-9000, 1000, 200):
            code = FILL.replace("LIMIT", "1088").replace("FREE", str(free)).replace("THING", thing)
            error = host.run_source(code).error
            assert error is None or error.kind == "limit", (free, error)
    storm = "local function f() spawn(f) spawn(f) local t = {} for i = 1, 200 do t[i] = {} end sleep(0) end f()"
    with Host(simulate=True, limits=Limits(memory=MB, tasks=100_000, run_time=20.0)) as host:
        error = host.run_source(storm).error
        assert error is not None
        assert error.kind == "limit"


GROWING = {
    "tables": "local t = {} while true do t[#t + 1] = {} end",
    "a list": "local t = {} while true do t[#t + 1] = 1 end",
    "a map": "local t, i = {}, 0 while true do i = i + 1.5 t[i] = i end",
    "many small lists": "local all = {} for i = 1, 1e9 do all[i] = {} for j = 1, 64 do all[i][j] = j end end",
    "a text": "local s = 'x' while true do s = s .. s end",
    "texts": "local t, i = {}, 0 while true do i = i + 1 t[i] = ('x'):rep(100000) .. i end",
    "many texts at once": "local s = ('x'):rep(1e6) while true do s = s .. s .. s .. s .. s .. s .. s .. s end",
    "coroutines": "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
    "stacks": """local t, big = {}, {}
      for i = 1, 7000 do big[i] = i end
      local function deep(n, ...) if n == 0 then return coroutine.yield() end return 1, deep(n - 1, ...) end
      while true do
        t[#t + 1] = coroutine.create(function() deep(8, unpack(big)) end)
        if #t % 300 == 0 then for i = #t - 299, #t do coroutine.resume(t[i]) end end
      end""",
    "functions": "local t = {} while true do local a, b, c t[#t + 1] = function() return a, b, c end end",
    "literals": "local f = load('return {' .. ('1,'):rep(200000) .. '}') local t = {} while true do t[#t + 1] = f() end",
    "chunks": "local t = {} while true do t[#t + 1] = load('return {' .. ('1,'):rep(20000) .. #t .. '}') end",
    "tasks": "while true do pcall(spawn, function() sleep(60) end) end",
    "builders": "local t = {} while true do t[#t + 1] = new_product():name('x') end",
    "answers": "local t = {} while true do t[#t + 1] = json.decode('[[],[],[],[],{\"a\":[]}]') end",
    "errors": "local t = {} while true do t[#t + 1] = select(2, pcall(new_product)) or select(2, pcall(error, {})) end",
    "what is caught": "local t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) end",
    "what a handler keeps": "local t = {} while true do xpcall(function() while true do t[#t + 1] = {} end end, function(e) t[#t + 1] = e end) end",
}  # fmt: skip


@pytest.mark.parametrize("limit", [1 * MB, 12 * MB])
@pytest.mark.parametrize("what", GROWING)
def test_what_grows_without_end_is_ended(what: str, limit: int) -> None:
    """With the limit's own error, and without LuaJIT's own limit being reached."""
    with Host(simulate=True, limits=Limits(memory=limit, lua_time=120.0, tasks=1_000_000)) as host:
        result = host.run_source(GROWING[what])
        assert result.error is not None
        assert result.error.kind == "limit"
        assert "of memory" in result.error.message
        assert host.stats().exhausted == 0


def test_the_error_can_be_caught_and_room_be_made() -> None:
    """A script that lets go of what filled its memory goes on, with a line to tell it by."""
    code = """
      local t = {}
      local ok, why = pcall(function()
        while true do t[#t + 1] = {} end
      end)
      t = nil
      local again = {}
      for i = 1, 1000 do again[i] = {} end
      return { ok, why.kind, why.line, tostring(why) }
    """
    with Host(simulate=True, limits=Limits(memory=8 * MB)) as host:
        result = host.run_source(code)
    assert result.error is None, result.error
    assert result.value == [False, "limit", 4, "inline:4: the script used more than its 8 MB of memory"]


def test_garbage_is_no_use_of_memory() -> None:
    """What was let go of is collected before a script is refused anything."""
    code = "local s = ('x'):rep(10e6) for i = 1, 300 do local t = s .. i end return 'fine'"
    with Host(simulate=True, limits=Limits(memory=32 * MB)) as host:
        assert host.run_source(code).value == "fine"


def test_one_value_too_large_is_refused_before_it_is_made() -> None:
    """A join of many long texts is one instruction: LuaJIT refuses it with all its room left, and the run ends."""
    code = (
        "local s = ('x'):rep(6e6)\nlocal ok = pcall(function() return "
        + " .. ".join(["s"] * 100)
        + " end)\nreturn 'went on'"
    )
    with Host(simulate=True, limits=Limits(memory=8 * MB)) as host:
        result = host.run_source(code)
        assert result.error is not None
        assert (result.error.kind, result.error.message) == ("limit", "the script used more than its 8 MB of memory")
        assert host.stats().exhausted == 0


def test_reaching_luajits_own_limit_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the gap too small, the run would end at once and the host would tell of it."""
    monkeypatch.setattr("host.lua.state.GAP", -3 * MB)
    monkeypatch.setattr("host.lua.state.HEADROOM", 1 * MB)
    code = "local t = {}\nwhile true do pcall(function() while true do t[#t + 1] = {} end end) end"
    with Host(simulate=True, limits=Limits(memory=3 * MB + 64000)) as host:
        result = host.run_source(code)
        assert result.error is not None
        assert result.error.kind == "limit"
        assert host.stats().exhausted == 1


def test_the_gap_is_what_the_documents_say() -> None:
    """Twice the limit and 32 MB."""
    assert ceiling(256 * MB) == 2 * 256 * MB + GAP == 544 * MB


PEAK = """
import sys
from host import Host, Limits
from tests.security.test_memory import GROWING
def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
with Host(simulate=True, limits=Limits(memory=64 << 20, lua_time=120.0)) as host:
    host.run_source("return new_product():name('x'):create()")
    before = peak()
    host.run_source(GROWING[sys.argv[1]])
    print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
@pytest.mark.parametrize("what", ["tables", "a map", "a text", "stacks"])
def test_the_process_grows_by_little_more(what: str) -> None:
    """A process with a run that fills its 64 MB: by twice that at most, for what doubles, and 32 MB."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, what], capture_output=True, text=True, timeout=240, check=True, cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert int(done.stdout) < (2 * 64 + 32) * 1024
