"""A program whose main thread has ended goes on in others: they may begin the first run of a host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, sys, threading
from host import Host, Permissions

folder = sys.argv[1]
grants = Permissions(read=(folder,), write=(folder,), net=("*", "private"))
host = Host(simulate=True, permissions=grants, **{options})

@host.function
def plain(): return "plain"

@host.function
async def waits():
    await asyncio.sleep(0)
    return "waits"

def late():
    threading.main_thread().join()
    {body}
    host.close()

threading.Thread(target=late).start()
"""
BODIES = {
    "a call": "print(host.run_source(\"return new_product():name('x'):create() ~= nil\").raise_for_error().value)",
    "functions": "print(host.run_source(\"return plain() .. waits() == 'plainwaits'\").raise_for_error().value)",
    "files": (
        "code = \"local f = args[1] .. '/a' fs.write(f, 'x') return fs.read(f) == 'x'\"\n"
        "    print(host.run_source(code, args=[folder]).raise_for_error().value)"
    ),
    "http": (
        "code = \"local ok, e = pcall(http.get, 'http://localhost:1/') return e.kind == 'network'\"\n"
        "    print(host.run_source(code).raise_for_error().value)"
    ),
    "awaited": "print(asyncio.run(host.run_source_async(\"return plain() == 'plain'\")).raise_for_error().value)",
    "durable": "print(host.run_source(\"return new_product():name('x'):create() ~= nil\", durable=True).ok)",
    "durable, awaited": 'print(asyncio.run(host.run_source_async("return true", durable=True)).value)',
    "many": 'print(all(r.ok for r in host.run_many([{"code": "return plain()"}] * 20)))',
    "a host opened and closed there": (
        "async def there():\n"
        "        async with Host(simulate=True) as other:\n"
        '            print((await other.run_source_async("return true")).value)\n'
        "    asyncio.run(there())"
    ),
}


def said_by(body: str, options: dict[str, str], folder: Path) -> tuple[str, str, int]:
    program = PROGRAM.replace("{body}", body).replace("{options}", repr(options))
    environ = {**os.environ, "XDG_DATA_HOME": str(folder), "HOME": str(folder)}
    environ.pop("STRIPE_SECRET_KEY", None)
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environ,
        check=False,
    )
    return done.stdout.strip(), done.stderr, done.returncode


@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_first_run_after_the_main_threads_end(body: str, isolation: str, tmp_path: Path) -> None:
    """Whatever it does: calls, functions, files, the journal; as a host that has run before would do it."""
    if isolation == "process" and not hasattr(os, "fork"):
        pytest.skip("no isolation here")
    assert said_by(body, {"isolation": isolation}, tmp_path) == ("True", "", 0)


EXITING = """
import asyncio
from host import Host

class Late:
    def __init__(self):
        self.host = Host(simulate=True{options})
        self.host.run_source("new_product():name('x'):create()")

    def __del__(self, asyncio=asyncio, Host=Host):
        try:
            {body}
        except Exception as error:
            print(type(error).__name__)

late = Late()
"""


@pytest.mark.parametrize("options", ["", ", isolation='process'"], ids=["in process", "isolated"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("self.host.run_source('return 1')", "ClosedError"),
        ("list(self.host.run_many([{'code': 'return 1'}]))", "ClosedError"),
        ("self.host.registry.make_request('products', 'GET', {})", "ClosedError"),
        ("print(self.host.close())", "None"),
        ("self.host.close(); self.host.run_source('return 1')", "ClosedError"),
    ],
)
def test_nothing_hangs_while_the_interpreter_deletes_its_modules(body: str, said: str, options: str) -> None:
    """A ``__del__`` may come when no thread runs any more: what needs one is refused, and closing does what is left."""
    if options and not hasattr(os, "fork"):
        pytest.skip("no isolation here")
    program = EXITING.replace("{body}", body).replace("{options}", options)
    environ = {name: value for name, value in os.environ.items() if name != "STRIPE_SECRET_KEY"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env=environ,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == (said, 0), done.stderr
