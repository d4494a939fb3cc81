"""Forks a confined process for each run, from a process that has finished its imports and has no secrets.

The host sends requests of five bytes over descriptor 0: a letter, and the number of a child.

    N       make a child    → its number and process id, and the host's end of its socket (SCM_RIGHTS);
                              number 0 and an errno if none could be made
    K <n>   kill it         no answer
    S <n>   kill it         → its wait status: that with which it had ended by itself, if it had

Children end with this process, and this process ends when the host's end of descriptor 0 is closed. It never reads
what a script's process sends.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Never

import msgspec

from host.isolation.child import LOCAL, Inside
from host.isolation.confinement import SOCKET, Confinement
from host.isolation.frames import FrameSocket, decode_any, encode
from host.limits import Limits
from host.lua import protocol as p
from host.lua.state import LuaState, chunk, prelude_files

CONTROL = 0
REQUEST = 5
ENDED = 100  # ended children whose statuses are remembered
REAP = 0.02  # seconds between checks whether killed children have ended


class Config(msgspec.Struct, frozen=True):
    """The host's usual limits, the number of children to keep ready, whether LuaJIT compiles, and ``TZ``."""

    memory: int
    string: int
    tasks: int
    spare: int
    jit: bool
    timezone: str | None


class _Born(msgspec.Struct, frozen=True):
    number: int
    pid: int
    sock: socket.socket  # the host's end


class _ZygoteServer:
    def __init__(self, config: Config, leave: Callable[[], Never]) -> None:
        self._leave = leave
        self._limits = Limits(memory=config.memory, string=config.string, tasks=config.tasks)
        self._jit = config.jit
        self._wanted = config.spare
        self._spare: deque[_Born] = deque()
        self._pids: dict[int, int] = {}
        self._dying: set[int] = set()
        self._ended: dict[int, int] = {}  # wait statuses of the last children that were killed, in case the host asks
        self._numbers = 0
        self._required: frozenset[str] = frozenset()
        self._control = _socket(CONTROL)
        self._confinement = Confinement(jit=config.jit)
        self._address_space = self._confinement.address_space()
        _warm(self._limits)
        self._in_force = self._confinement.of_zygote()

    def run(self) -> None:
        gc.collect()
        gc.freeze()  # so that children do not copy pages only to mark objects
        self._in_force += self._rehearse()
        FrameSocket(self._control, 0).send(encode(self._in_force))
        while True:
            short = len(self._spare) < self._wanted
            if select.select([CONTROL], [], [], 0 if short else REAP if self._dying else None)[0]:
                request = self._control.recv(REQUEST, socket.MSG_WAITALL)
                if len(request) < REQUEST:
                    break
                self._serve(request[:1], int.from_bytes(request[1:], "little"))
            elif short:
                try:
                    self._spare.append(self._fork())
                except OSError:
                    self._wanted = 0  # reported to callers that ask for one
            self._reap()
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)
        for pid in self._pids.values():
            os.waitpid(pid, 0)

    def _serve(self, command: bytes, number: int) -> None:
        if command == b"N":
            try:
                child = self._spare.popleft() if self._spare else self._fork()
            except OSError as error:
                self._control.sendall(_pair(0, error.errno or 0))
                return
            socket.send_fds(self._control, [_pair(child.number, child.pid)], [child.sock.fileno()])
            child.sock.close()
        elif number in self._pids:
            pid = self._pids[number]
            os.kill(pid, signal.SIGKILL)  # not reaped yet, so the id is still its own
            if command == b"S":
                status = os.waitpid(pid, 0)[1]
                del self._pids[number]
                self._dying.discard(number)
                self._control.sendall(_pair(number, status))
            else:
                self._dying.add(number)
        elif command == b"S":
            self._control.sendall(_pair(number, self._ended[number]) if number in self._ended else _pair(0, 0))

    def _reap(self) -> None:
        for number in list(self._dying):
            pid, status = os.waitpid(self._pids[number], os.WNOHANG)
            if pid:
                self._dying.discard(number)
                del self._pids[number]
                self._ended[number] = status
                if len(self._ended) > ENDED:
                    del self._ended[next(iter(self._ended))]

    def _fork(self) -> _Born:
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
            if pid == 0:
                self._become(theirs)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._numbers += 1
        self._pids[self._numbers] = pid
        return _Born(self._numbers, pid, ours)

    def _become(self, sock: socket.socket) -> Never:
        """Confine this process, which is the child, and serve one run. Does not return."""
        try:
            measures = self._confinement.of_child(sock.detach())
            if self._required <= set(measures):
                channel = FrameSocket(_socket(SOCKET), 1 << 32)  # the host is trusted
                Inside(channel, self._limits, self._address_space, self._leave, jit=self._jit).serve()
        finally:
            self._leave()

    def _rehearse(self) -> list[str]:
        """The measures that confine a child on this system. All of them are required of each later child."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                measures = self._confinement.of_child(theirs.detach())
                limits = self._confinement.of_run(self._address_space)
                _socket(SOCKET).sendall(encode((measures, limits)))
            finally:
                self._leave()
        theirs.close()
        said = b""
        while part := ours.recv(1 << 16):
            said += part
        ours.close()
        os.waitpid(pid, 0)
        if not said:
            raise ChildProcessError("a process could not be confined")
        measures, limits = decode_any(said)
        self._required = frozenset(measures)
        return [*measures, *limits]


def _socket(descriptor: int) -> socket.socket:
    # Family and type are given, since the system calls that find them out are denied.
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, descriptor)


def _pair(a: int, b: int) -> bytes:
    return a.to_bytes(4, "little") + b.to_bytes(4, "little", signed=True)


def _warm(limits: Limits) -> None:
    """Read everything a run needs from disk, while files can still be opened."""
    time.tzset()
    time.localtime()
    for name in prelude_files():
        chunk(name)
    state = LuaState(lambda code, a: LOCAL[code](*a) if code in LOCAL else None, limits)
    state.enter(p.START, b"=warm", b"", 0)
    state.close()


def run(config: bytes, leave: Callable[[], Never]) -> Never:
    """Run the zygote until the host is gone. An error at the start is reported in place of the greeting."""
    try:
        opening = msgspec.json.decode(config, type=Config)
        if opening.timezone is not None:
            os.environ["TZ"] = opening.timezone
        _ZygoteServer(opening, leave).run()
    except Exception as error:
        with suppress(OSError):
            text = f"{type(error).__name__}: {error}"
            FrameSocket(_socket(CONTROL), 0).send(encode(text[:1000]))
    leave()
