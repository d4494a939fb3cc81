"""A page used in Chromium by its debugging protocol, over pipes: opened, its form filled in and sent.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from tests.report.chromium import CHROMIUM

TIMEOUT = 120.0  # seconds until a test gives up


class Browser:
    """One page. It reaches this machine alone: other names are not resolved."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = os.fdopen(reading, "rb", buffering=0)
        self._writing = os.fdopen(writing, "wb", buffering=0)
        self._rest = b""
        self._last = 0
        self._events: list[dict[str, Any]] = []
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command."""
        self._last += 1
        asked = {"id": self._last, "method": method, "params": params}
        if self._session:
            asked["sessionId"] = self._session
        self._writing.write(json.dumps(asked).encode() + b"\0")
        until = monotonic() + TIMEOUT
        while True:
            told = self._next(until, method)
            if told.get("id") == self._last:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result
            self._events.append(told)

    def wait(self, method: str) -> dict[str, Any]:
        """The parameters of the next event of that name."""
        until = monotonic() + TIMEOUT
        while True:
            told = self._events.pop(0) if self._events else self._next(until, method)
            if told.get("method") == method:
                params: dict[str, Any] = told["params"]
                return params

    def open(self, url: str) -> None:
        """Show a page, until all of it is there."""
        self._events.clear()
        self.call("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def _next(self, until: float, wanted: str) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready = select.select([self._reading], [], [], max(0.0, until - monotonic()))[0]
            assert ready, f"the browser has not said anything of {wanted} for {TIMEOUT:g} s"
            more = self._reading.read(1 << 16)
            assert more, "the browser has ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def close(self) -> None:
        """Let go of the pipes."""
        self._reading.close()
        self._writing.close()


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A headless browser with an empty profile in ``folder``."""
    assert CHROMIUM is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={folder}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank",
    ]  # fmt: skip
    # The protocol is on the descriptors 3 and 4 of the process.
    place = (
        "import fcntl, os, sys; i, o = [fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3]]; "
        "os.dup2(i, 3); os.dup2(o, 4)"
    )
    begin = [sys.executable, "-c", f"{place}; os.execv(sys.argv[3], sys.argv[3:])", str(theirs_in), str(theirs_out)]
    process = subprocess.Popen(
        [*begin, *command], pass_fds=(theirs_in, theirs_out), env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs_in)
    os.close(theirs_out)
    shown = Browser(ours_in, ours_out)
    try:
        yield shown
        shown._session = ""
        shown.call("Browser.close")
        process.wait(60)
    finally:
        shown.close()
        process.kill()
        process.wait()
