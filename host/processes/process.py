"""The parent's handle of one worker process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from host.errors import ConfigError
from host.processes import messages as m
from host.processes.channel import FramePipes
from host.remote.job import text_out
from host.remote.limit_messages import Message
from host.run.script import Script

__all__ = ["WorkerProcess"]

SCRIPTS = 256  # scripts that a child keeps, so that each is sent only once

# The whole of a child's command line. What it may import is what this process may.
_PROGRAM = """
import json, os, sys
sys.path[:] = json.loads(sys.argv.pop())
from host.worker_process import main
os._exit(main())
"""


class WorkerProcess:
    """A worker process. ``receive(process, message)`` is called with its messages, ``gone(process)`` once at its end;
    both on a separate thread, which :meth:`listen` starts.

    ``environ`` is the child's environment. Secrets are neither in it nor on the command line, but sent over the pipe.
    """

    def __init__(
        self,
        number: int,
        environ: Mapping[str, str],
        receive: Callable[[WorkerProcess, Any], None],
        gone: Callable[[WorkerProcess], None],
    ) -> None:
        self.number = number
        self.runs: dict[int, Any] = {}  # guarded by the lock of the object that owns the process
        self.initialized = False  # the first message was sent
        self.ready = False
        self.refusal: m.Refused | None = None
        self.begun = threading.Event()  # ready, refused or gone
        self._receive = receive
        self._gone = gone
        self._scripts: OrderedDict[Script, int] = OrderedDict()
        self._next_key = 0
        self._killed = False
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very Python, with a fixed program
                [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=dict(environ),
                start_new_session=True,  # a Ctrl-C at the terminal is the parent's to handle
                bufsize=0,
            )
        except OSError as error:
            raise ConfigError(f"a worker process cannot be started: {error}") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # The channel owns duplicates, because Popen's file objects may close theirs at any time.
        reading, writing = os.dup(self._process.stdout.fileno()), os.dup(self._process.stdin.fileno())
        self._process.stdout.close()
        self._process.stdin.close()
        self._channel = FramePipes(reading, writing, f"host-process-{number}")
        self._thread = threading.Thread(target=self._listen, name=f"host-process-{number}", daemon=True)

    def listen(self) -> None:
        """Start the thread that receives the child's messages."""
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: Message) -> None:
        """Send the child a message; nothing happens if it is gone. Never blocks."""
        self._channel.send(m.to_bytes(message))

    def key_of(self, script: Script) -> int:
        """The key by which the child knows ``script``, which is sent if it does not. Under the owner's lock,
        so that nothing comes between the script and the run that names it."""
        key = self._scripts.get(script)
        if key is not None:
            self._scripts.move_to_end(script)
            return key
        self._next_key += 1
        key = self._scripts[script] = self._next_key
        folder = None if script.folder is None else os.fsencode(script.folder)
        self.send(m.Source(key, text_out(script.name), script.source, folder))
        if len(self._scripts) > SCRIPTS:
            self.send(m.Forget(self._scripts.popitem(last=False)[1]))
        return key

    def kill(self) -> None:
        """Kill the process immediately."""
        self._killed = True
        with contextlib.suppress(OSError):
            self._process.kill()

    def join(self, seconds: float | None = None) -> bool:
        """Wait at most ``seconds`` for the process to end; returns whether it has."""
        if self._thread is threading.current_thread():
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def ending(self) -> str:
        """A description of how the process ended, for messages."""
        status = self._process.returncode
        if status is None or self._killed:
            return "was ended"
        if status >= 0:
            return f"ended with status {status}"
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"was killed by {name}"

    def _listen(self) -> None:
        try:
            for frame in self._channel.frames():
                self._receive(self, m.from_child(frame))
        finally:
            # Without its pipe the process cannot be reached any more, so it is killed whatever closed the pipe.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
            with contextlib.suppress(OSError):
                self._process.kill()
            self._process.wait()
            self._channel.close()
            self._channel.close_reading()
            self.begun.set()
            self._gone(self)
