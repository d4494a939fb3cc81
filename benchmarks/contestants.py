"""Who is measured, and the command line that makes each do a given load."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import environments

KEY = "sk_test_benchmark"
PROJECT = Path(__file__).parent.parent
SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Load:
    """``creates`` in all, by ``width`` scripts or workers at once, after ``warmup`` more."""

    creates: int
    width: int = 1
    warmup: int = 0


@dataclass(frozen=True)
class Contestant:
    """``command`` gives the argument list for a base URL and a load.

    ``missing`` says why it cannot run, ``slow`` that fewer runs must do, ``prints_figures`` is False for a
    program that does its work and says nothing of the time it took, and ``load`` is the scenario's unless
    the contestant has its own. ``cores`` is how many it shares with the server in a pinned scenario.
    """

    name: str
    command: Callable[[str, Load], list[str]] = field(repr=False)
    slow: bool = False
    missing: str = ""
    prints_figures: bool = True
    load: Load | None = None
    cores: int = 1


def ours(
    name: str = "luahost",
    *,
    scripts: int | None = None,
    tasks: int = 1,
    processes: int = 1,
    load: Load | None = None,
) -> Contestant:
    """This project, with ``tasks`` per script; as many scripts as the load is wide unless said."""

    def command(base_url: str, load: Load) -> list[str]:
        return [
            *(sys.executable, "-m", "host", "bench", "--base-url", base_url, "--key", KEY),
            *("--scripts", str(scripts or load.width), "--tasks", str(tasks)),
            *("--creates", str(load.creates), "--warmup", str(load.warmup)),
            *(("--processes", str(processes)) if processes > 1 else ()),
        ]

    return Contestant(name, command, load=load, cores=processes)


def one_call(name: str = "luahost run") -> Contestant:
    """``host run`` of a script with one create: the whole way of someone at a terminal."""

    def command(_: str, __: Load) -> list[str]:
        return [sys.executable, "-m", "host", "run", str(SCRIPTS / "create.lua")]

    return Contestant(name, command, prints_figures=False)


def peer(name: str, environment: environments.Environment, program: str, *, slow: bool = False) -> Contestant:
    def command(base_url: str, load: Load) -> list[str]:
        return [
            *environment.program,
            str(environment.folder / program),
            *("--base-url", base_url, "--key", KEY),
            *("--mode", "serial" if load.width == 1 else "inflight", "--concurrency", str(load.width)),
            *("--creates", str(load.creates), "--warmup", str(load.warmup)),
        ]

    return Contestant(name, command, slow=slow, missing=environment.missing)


@dataclass(frozen=True)
class Field:
    """All peers, and the versions they run on."""

    peers: tuple[Contestant, ...]
    versions: tuple[str, ...]


def gather(*, install: bool) -> Field:
    """The peers this machine has; with ``install`` their packages are fetched where missing."""
    python = environments.python_peers(install)
    node = environments.node_peers(install)
    lua = environments.lua_peers()
    peers = (
        peer("lua-http", lua, "lua_http.lua"),
        peer("pyreqwest", python, "raw_pyreqwest.py"),
        peer("undici", node, "undici_pool.mjs"),
        peer("stripe-node", node, "stripe_node.mjs"),
        peer("stripe-python aiohttp", python, "stripe_aiohttp.py"),
        peer("stripe-python requests", python, "stripe_requests.py", slow=True),
        peer("stripe-python httpx", python, "stripe_httpx.py", slow=True),
        peer("httpx.AsyncClient", python, "plain_httpx.py", slow=True),
    )
    return Field(peers, tuple(e.versions for e in (python, node, lua) if e.versions and not e.missing))
