"""The host's end of isolation: starts the zygote, and makes states from the processes it forks."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from host.errors import ClosedError, ConfigError, ScriptError
from host.framing import LostFrame
from host.isolation.frames import FrameSocket
from host.isolation.state import ChildState
from host.limits import Limits
from host.lua.state import HostFunction

BOOT = Path(__file__).with_name("boot.py")
START = 30.0  # seconds the zygote has to start, or to answer
GREETING = 1 << 16
KNOWN = (
    "seccomp",
    "Landlock",
    "no new privileges",
    "ends with the zygote",
    "address space",
    "CPU time",
    "no more processes",
    "no more descriptors",
    "no files written",
    "no core dump",
)


class Protections(msgspec.Struct, frozen=True):
    """The measures in force for each script's process on this system, and those that are missing here."""

    in_force: tuple[str, ...]
    missing: tuple[str, ...]


class Isolation:
    """Owns the zygote of a host, until :meth:`close`. Thread-safe.

    ``limits`` are the usual ones, for which ``spare`` processes are kept ready. ``later`` and ``held`` are those of
    :class:`ChildState`. ``jit`` lets LuaJIT compile; an endless loop then stops only when its process is killed.
    Raises ``ConfigError`` on a system without ``fork``.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        later: Callable[[float, Callable[[Any], None]], Any],
        held: Callable[[], AbstractContextManager[Any]] = nullcontext,
        spare: int = 2,
        jit: bool = False,
    ) -> None:
        if not hasattr(os, "fork") or not hasattr(socket, "send_fds") or not sys.executable:
            raise ConfigError(
                "scripts cannot run in processes of their own on this system", hint="Use isolation='none'."
            )
        self._config = {
            "memory": limits.memory,
            "string": limits.string,
            "tasks": limits.tasks,
            "spare": spare,
            "jit": jit,
            "timezone": os.environ.get("TZ"),
        }
        self._later = later
        self._held = held
        self._lock = threading.Lock()
        self._closed = False
        self._zygote = _ZygoteProcess(self._config)
        self.exhausted = 0  # states whose processes reported that LuaJIT was refused memory: see LuaState

    def state(self, host: HostFunction, limits: Limits, _building: bool = True) -> ChildState:
        """A new state in a new process. Raises ``ScriptError`` if none can be made."""
        with self._lock:
            child = self._new_child()
        return ChildState(
            host, limits, _Child(self, self._zygote, child[0]), child[1], later=self._later, held=self._held,
            exhausted=self._count_exhausted,
        )  # fmt: skip

    def _count_exhausted(self) -> None:
        with self._lock:
            self.exhausted += 1

    def describe(self) -> Protections:
        """The measures in force. Waits until the zygote has started. Raises ``ScriptError`` if it cannot start."""
        with self._lock:
            if self._closed:
                raise ClosedError("the host is closed")
            try:
                found = self._zygote.greeting()
            except OSError as error:
                raise ScriptError(f"scripts cannot be isolated: {error}", kind="host") from error
        return Protections(tuple(found), tuple(each for each in KNOWN if not _has(found, each)))

    def close(self) -> None:
        """End the zygote and all its processes. A second call does nothing."""
        with self._lock:
            self._closed = True
            self._zygote.close()

    def kill(self, zygote: _ZygoteProcess, number: int) -> None:
        """Have a process killed, without waiting for an answer."""
        with suppress(OSError):
            zygote.send(b"K", number)

    def status(self, zygote: _ZygoteProcess, number: int) -> int | None:
        """Have a process killed. Returns its wait status, or ``None`` if that is not known."""
        with self._lock, suppress(OSError):
            return zygote.ask_status(number)
        return None

    def _new_child(self) -> tuple[int, socket.socket]:
        for last in (False, True):
            try:
                while True:
                    number, sock = self._zygote.ask_child()
                    if _open(sock):
                        return number, sock
                    sock.close()  # another program killed it while it was kept ready
                    self._zygote.send(b"K", number)
            except OSError as error:
                if last or self._closed:
                    raise ScriptError(
                        f"no process could be started for the script: {error.strerror or error}", kind="host"
                    ) from error
                self._zygote.close()  # another program killed it, and its children with it
                self._zygote = _ZygoteProcess(self._config)
        raise AssertionError


class _Child:
    """One process of a zygote, identified by its number."""

    __slots__ = ("_isolation", "_number", "_zygote")

    def __init__(self, isolation: Isolation, zygote: _ZygoteProcess, number: int) -> None:
        self._isolation = isolation
        self._zygote = zygote
        self._number = number

    def kill(self) -> None:
        self._isolation.kill(self._zygote, self._number)

    def status(self) -> int | None:
        return self._isolation.status(self._zygote, self._number)


class _ZygoteProcess:
    """One zygote process and the socket to it. Used under a lock. ``OSError`` means that the process is gone."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._greeting: list[str] | None = None
        self._control, theirs = socket.socketpair()
        self._control.settimeout(START)
        opening = msgspec.json.encode(config).decode()
        with theirs:
            self._process = subprocess.Popen[bytes](
                [sys.executable, "-I", "-S", str(BOOT), os.pathsep.join(_folders()), opening],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )

    def greeting(self) -> list[str]:
        """The measures in force. Raises ``ScriptError`` with the reason if the zygote could not start."""
        if self._greeting is None:
            self._control.setblocking(False)
            try:
                said = msgspec.msgpack.decode(
                    FrameSocket(self._control, GREETING).receive(monotonic() + START), type=list[str] | str
                )
            except (LostFrame, msgspec.MsgspecError) as error:
                raise ConnectionResetError("the zygote did not start") from error
            finally:
                self._control.settimeout(START)
            if isinstance(said, str):
                raise ScriptError(f"the isolated script processes could not be started: {said}", kind="host")
            self._greeting = said
        return self._greeting

    def ask_child(self) -> tuple[int, socket.socket]:
        """Make a new process. Returns its number and the socket to it."""
        self.greeting()
        self.send(b"N", 0)
        data, fds, _, _ = socket.recv_fds(self._control, 8, 1)
        number, code = _pair(data)
        if not number or not fds:
            why = os.strerror(code) if code else "the zygote sent none"
            raise ScriptError(f"no process could be started for the script: {why}", kind="host")
        return number, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fds[0])

    def ask_status(self, number: int) -> int | None:
        """Have a process killed. Returns its wait status, or ``None`` if that is not known."""
        self.send(b"S", number)
        found, status = _pair(self._control.recv(8, socket.MSG_WAITALL))
        return status if found else None

    def send(self, command: bytes, number: int) -> None:
        self._control.sendall(command + number.to_bytes(4, "little"))

    def close(self) -> None:
        self._control.close()  # at which the zygote ends, with its children
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _open(sock: socket.socket) -> bool:
    """Whether the other end is still open. No data can have arrived yet."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _pair(data: bytes) -> tuple[int, int]:
    if len(data) < 8:
        raise ConnectionResetError("the zygote is gone")
    return int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little", signed=True)


def _folders() -> list[str]:
    """The folders the zygote imports from: those of the two libraries it needs, and of this package."""
    found = [importlib.util.find_spec(name) for name in ("lupa", "msgspec")]
    places = [str(Path(spec.origin).parent.parent) for spec in found if spec is not None and spec.origin]
    return [*dict.fromkeys(places), str(Path(__file__).parent.parent)]


def _has(found: list[str], measure: str) -> bool:
    return any(each == measure or each.startswith(f"{measure} ") for each in found)
