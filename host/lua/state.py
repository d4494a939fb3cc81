"""One LuaJIT state: created, entered, closed. The only file that touches lupa's objects.

The only Python object in Lua is one callable, kept where no script can reach it; everything else crosses
as numbers and bytes (docs/architecture.md, "The Lua boundary").
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host.errors import ConfigError
from host.limits import Limits
from host.lua import protocol
from host.lua.protocol import ROOM, WAIT
from host.lua.reviewed import OWN

try:
    from lupa import __version__ as _version
    from lupa import luajit21 as _lupa
except ImportError as error:  # pragma: no cover - a broken installation
    raise ConfigError(
        "lupa is installed without LuaJIT 2.1, which the host runs scripts on", hint="pip install --upgrade lupa"
    ) from error

LuaError = _lupa.LuaError
HostFunction = Callable[[int, tuple[Any, ...]], Any]

# What must be free before anything is pushed into a state: a push that fails for lack of memory ends
# the process.
HEADROOM = 8 << 20
# What is always accepted while that much is free, however much a script has used: files of the prelude, errors, and
# small answers.
SMALL = 64 << 10
# Beyond LuaJIT's own memory limit: for reporting how a run ended.
RESERVE = 4 << 20
# Between the script's memory limit, which raises an ordinary error, and LuaJIT's own, which no state is to reach.
GAP = 32 << 20


def ceiling(memory: int) -> int:
    """LuaJIT's own limit, in bytes, for a script that may have ``memory``.

    The script's limit is checked between instructions and at the end of each collection (``prelude/budget.lua``).
    One instruction may at most double what is there: a table grows, a literal is made again; GAP is further room for
    what grows without a collection, such as the stacks of coroutines (512 KB each, 16 instructions at least).
    A single value that would be larger still is refused by LuaJIT with as much free as before, and ends the run.
    """
    return 2 * memory + GAP


OLDEST = (2, 6)


def check_version(version: str) -> None:
    """Raise ``ConfigError`` for a version of lupa this host is known not to be safe with."""
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if found < OLDEST:
        raise ConfigError(
            f"lupa {version} is too old for the host's sandbox: expected {OLDEST[0]}.{OLDEST[1]} or newer",
            hint="pip install --upgrade lupa",
        )


check_version(_version)

PRELUDE = Path(__file__).with_name("prelude")
LIBRARIES = Path(__file__).parent.with_name("libraries")


def prelude_files() -> dict[str, Path]:
    """The Lua files a state may load, by name: those of the prelude, and of each library beside its Python."""
    return {path.stem: path for path in (*PRELUDE.glob("*.lua"), *LIBRARIES.glob("*/*.lua")) if path.stem != "types"}


COMPILE = b"""
local source, name, strip, seconds = ...
if source:byte() == 27 then return nil end
local at, most = 1, os.clock() + seconds
local f = load(function()
  if os.clock() > most then error("it takes too long") end
  local piece = source:sub(at, at + 65535)
  at = at + 65536
  return piece
end, name, "t")
return f and string.dump(f, strip)
"""
COMPILING = 256 << 20  # bytes of memory to compile in
COMPILE_TIME = 1.0  # seconds of processor time; a text may be such that it takes hours


def bytecode(source: bytes, name: bytes, *, strip: bool = False) -> bytes | None:
    """``source`` as bytecode of this very LuaJIT; ``None`` if it is no Lua text that compiles soon.

    Nothing of it is run. ``name`` is the chunk's; unless ``strip``, messages from it have line numbers as usual.
    """
    runtime = _lupa.LuaRuntime(encoding=None, register_eval=False, register_builtins=False, max_memory=COMPILING)
    try:
        code = runtime.execute(COMPILE, source, name, strip, COMPILE_TIME)
    except LuaError:  # too large to compile
        return None
    return None if code is None else bytes(code)


def _source(name: str) -> str:
    path = PRELUDE.joinpath(f"{name}.lua")
    text = (path if path.exists() else LIBRARIES.joinpath(name, f"{name}.lua")).read_text("latin-1")
    return with_numbers(text)


_NUMBERS = re.compile(r"(?m)^local ([A-Z_, ]+) = [-0-9, ]+ -- protocol\b")


def with_numbers(text: str) -> str:
    """A file of the prelude with the numbers of :mod:`host.lua.protocol` in the lines marked for them."""

    def line(found: re.Match[str]) -> str:
        numbers = ", ".join(str(getattr(protocol, name)) for name in found[1].split(", "))
        return f"local {found[1]} = {numbers} -- protocol"

    return _NUMBERS.sub(line, text)


def _compile(source: str, name: str) -> bytes:
    code = bytecode(source.encode("latin-1"), b"=" + name.encode(), strip=True)
    assert code is not None, f"{name} does not compile"
    return code


@functools.cache
def chunk(name: str) -> bytes:
    """A file of the prelude as stripped bytecode of this very LuaJIT."""
    return _compile(_source(name), f"host {name}")


# What a state begins with, in one chunk. The state's own globals stay out of every script's reach: scripts get a table
# of their own. What the prelude does not use either is dropped as well.
BOOT = """
local host, tasks, str, memory, compiling = ...
if not compiling then jit.off() end
collectgarbage("stop")
local core, enter = (function(...) {core} end)(host, tasks, str, memory)
local registry = debug.getregistry()
core.open_bytecode = registry._PRELOAD["jit.util"] -- shows instructions, where an error is told
registry._LOADED = {} -- LuaJIT opens its FFI through it when it meets a literal such as 1LL
debug.setmetatable(io.stdin, nil)
debug.setmetatable(io.stdout, nil)
debug.setmetatable(io.stderr, nil)
local object = registry.POBJECT -- of a Python object Lua needs no more than to call it
{drops}
{files}
core.run.begin = function(...) {begin} end
return enter
"""

DROPPED = {
    "registry": "FILE* _LOADLIB _PRELOAD",
    "object": "__index __newindex __tostring",
    "string": "dump",
    "table": "foreach foreachi getn",
    "os": "execute exit getenv remove rename setlocale tmpname",
    "_G": "python package ffi jit io debug require module dofile loadfile print gcinfo getfenv setfenv xpcall",
}


@functools.cache
def boot(building: bool) -> bytes:
    """The bytecode a state begins with; with the files that builders need when there will be some."""
    files = ("budget", "env", "text", "builders") if building else ("budget", "env")
    loads = "".join(f"do local load = function(...) {_source(name)} end load(core) end\n" for name in files)
    drops = (f'{table}["{name}"] = nil' for table, names in DROPPED.items() for name in names.split())
    text = BOOT.replace("{files}", loads).replace("{drops}", "\n".join(drops))
    for name in ("core", "begin"):
        text = text.replace(f"{{{name}}}", _source(name))
    text = text.replace("{own}", " ".join(sorted(OWN)))
    return _compile(text, "host")


# Which file of the prelude defines core.<name>; those not here are in the files a state begins with.
HOMES = {
    name: file.decode()
    for file, names in {
        b"errors": b"raise where refuse error_meta check_cancelled locate die rethrow",
        b"brief": b"brief",
        b"hinting": b"hinted",
        b"debugging": b"stack_lines",
        b"loading": b"loaded",
        b"coroutines": b"apart",
        b"tags": b"tag_of",
        b"compile": b"compile compile_main",
        b"answers": b"answer_meta array_meta packed_meta",
        b"long": b"long_text long_head number16 number32",
        b"patterns": b"matcher",
        b"waiting": b"in_place stuck await wake_waiters",
        b"ask": b"ask refuse_colon",
        b"tasks": b"call_later spawn",
        b"ending": b"ending",
        b"text": b"text head",
        b"encode": b"encode encode_list encode_arguments NULL secret_parts utf8_ok",
        b"decode": b"decode decode_answer",
        b"pages": b"page nested_page page_of page_fields",
        b"builder_methods": b"positional put_map show_builder refuse_change refuse_assignment"
        b" create_failed create_options maker own_method method_of places",
        b"totext": b"to_text",
        b"inspect": b"inspect",
        b"tool": b"tool check",
        b"sleep": b"expect_seconds",
        b"bounds": b"charge check_size announce few_digits",
        b"memory": b"look pace expect full stop exhausted",
        b"protect": b"protected",
        b"strings": b"strings",
    }.items()
    for name in names.split()
}


def home(name: bytes) -> bytes | None:
    """The file of the prelude that defines ``core.<name>``, as bytecode."""
    file = HOMES.get(name)
    return None if file is None else chunk(file)


class LuaState:
    """A fresh state with the prelude in it.

    ``host(code, arguments)`` is called for the Lua side (codes in ``host.lua.protocol``) on whichever thread
    is inside :meth:`enter`; it must not raise and gives ``None``, a bool, a number, bytes, or a tuple of these.
    A state is used by one thread at a time. ``building`` has what builders need loaded from the start. ``jit`` lets
    LuaJIT compile: then nothing in this process stops a loop.
    """

    __slots__ = ("_enter", "_host", "_limit", "_most", "_runtime", "exhausted")

    def __init__(self, host: HostFunction, limits: Limits, building: bool = True, *, jit: bool = False) -> None:
        self._runtime = _lupa.LuaRuntime(
            encoding=None,
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            max_memory=ceiling(limits.memory),
        )
        self.exhausted = False  # whether LuaJIT's own limit was reached, which is a defect
        self._limit = limits.memory
        self._most = ceiling(limits.memory)
        self._host: HostFunction | None = host
        # Referred to before any script runs: to make the reference takes memory, outside any protection.
        self._enter = self._runtime.execute(
            boot(building), self._answer, limits.tasks, limits.string, limits.memory, jit
        )

    def enter(self, id: int, status: Any = 0, a: bytes | None = None, b: Any = None) -> int:
        """Hand Lua one reply (or first START, or ABORT) and let it run until it waits. Returns the number of live
        tasks.

        Raises ``MemoryError`` when the state's memory is used up outside the script's own code.
        """
        size = (0 if a is None else len(a)) + (len(b) if type(b) is bytes else 0)
        fits = size <= SMALL and self._runtime.get_memory_used(True) + size <= self._most - HEADROOM
        if not fits and not self._room(size):
            if id < 0:
                raise MemoryError
            status, a, b = 1, None, None  # an error whose facts do not fit: the Lua side words it
            if not self._room(0):
                raise MemoryError
        try:
            return self._enter(id, status, a, b)  # type: ignore[no-any-return]
        except _lupa.LuaMemoryError as error:
            self.exhausted = True
            raise MemoryError from error

    def collect(self) -> None:
        """Collect garbage. Not from within :meth:`enter`."""
        if self._runtime is not None:
            self._collect()

    @property
    def size(self) -> int:
        """Bytes of memory in use."""
        return 0 if self._runtime is None else int(self._runtime.get_memory_used(True))

    def stop(self) -> None:
        """Have the run end: the budget hook learns of it the next time it asks. From any thread."""

    def close(self) -> None:
        """Close the state and free its memory."""
        if self._runtime is not None:
            self._runtime.set_max_memory(0)  # letting go of a reference may take memory, outside any protection
        self._enter = self._host = self._runtime = None

    def _answer(self, code: int, *arguments: Any) -> Any:
        if code == ROOM:
            return self._give_room(*arguments)
        result = self._host(code, arguments)  # type: ignore[misc]  # None only once closed
        if result is None:
            return None
        size = 0
        if type(result) is bytes:
            size = len(result)
        elif type(result) is tuple:
            for item in result:
                if type(item) is bytes:
                    size += len(item)
        if size and not self._room(size):
            if code == WAIT:
                return result[0], 1, None, None  # the only answer that names its receiver first
            return (1, None) if type(result) is tuple else False
        return result

    def _room(self, size: int) -> bool:
        """Whether ``size`` bytes can be pushed; collects garbage first if needed."""
        runtime = self._runtime
        most = self._most - HEADROOM if size <= SMALL else self._limit
        if runtime.get_memory_used(True) + size <= most:
            return True
        self._collect()
        return runtime.get_memory_used(True) + size <= most  # type: ignore[no-any-return]

    def _give_room(self, refused: bool = False) -> None:
        """Let the end of the run use the memory held in reserve. ``refused``: LuaJIT refused the script memory."""
        runtime = self._runtime
        if refused and int(runtime.get_memory_used(True)) > self._most - HEADROOM:
            self.exhausted = True  # not by a single value that was too large
        self._most = ceiling(self._limit) + RESERVE
        runtime.set_max_memory(self._most)

    def _collect(self) -> None:
        # Collecting may itself take memory (a smaller table of strings), and outside a call that ends the process.
        runtime = self._runtime
        runtime.set_max_memory(0)
        runtime.gccollect()
        runtime.set_max_memory(self._most)
