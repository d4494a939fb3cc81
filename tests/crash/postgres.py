"""A PostgreSQL server of a test's own: in a folder of its own, on a free port, gone afterwards."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager


def binaries() -> str | None:
    """The folder of ``initdb`` and ``postgres``; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    if found:
        return os.path.dirname(os.path.realpath(found))
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    return folders[-1] if folders else None


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a fresh database. The server refuses to be root's: it is then ``postgres``'s or nobody's."""
    folder = binaries()
    assert folder is not None
    user: dict[str, object] = {}
    home = tempfile.mkdtemp(prefix="luahost-pg-")
    if os.geteuid() == 0:
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            account = pwd.getpwnam("nobody")
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chown(home, account.pw_uid, account.pw_gid)
    data = os.path.join(home, "data")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": home}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": home, "env": environment}
    server: subprocess.Popen[bytes] | None = None
    try:
        initdb = [f"{folder}/initdb", "-D", data, "-U", "journal", "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(initdb, check=True, **quiet, **user)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        # Not synced to the disk: it is the client that is killed here, and the machine stays up.
        server = subprocess.Popen(
            [f"{folder}/postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", home, "-F"],
            **quiet,
            **user,
        )
        ready = [f"{folder}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        deadline = time.monotonic() + 30
        while subprocess.run(ready, check=False, **quiet).returncode != 0:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not come up"
        yield f"postgresql://journal@127.0.0.1:{port}/postgres"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # SIGTERM would wait for everybody who is still connected
            try:
                server.wait(60)
            finally:
                server.kill()
        shutil.rmtree(home, ignore_errors=True)
