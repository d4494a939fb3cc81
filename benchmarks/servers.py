"""The servers that peers are measured against, each a child process that ends with this one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from benchmarks.places import cache_folder

HERE = Path(__file__).parent

#: What the API answers: a product as Stripe sends it, about 1 KB.
PRODUCT = json.dumps(
    {
        "id": "prod_QX7YbWz3kT9m2L",
        "object": "product",
        "active": True,
        "attributes": [],
        "created": 1719600000,
        "default_price": None,
        "description": "A comprehensive software solution",
        "images": [
            "https://files.stripe.com/links/MDB8YWNjdF8xUDVabUZSdEE4bnJxbWNofGZsX3Rlc3RfT0RQaXlZ0",
            "https://files.stripe.com/links/MDB8YWNjdF8xUDVabUZSdEE4bnJxbWNofGZsX3Rlc3RfYnl4V2tq1",
        ],
        "livemode": False,
        "marketing_features": [{"name": "Unlimited projects"}, {"name": "Priority support"}],
        "metadata": {"category": "software"},
        "name": "Premium Software License",
        "package_dimensions": {"height": 1.5, "length": 12.25, "weight": 3.0, "width": 8.75},
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": "txcd_10103001",
        "type": "service",
        "unit_label": None,
        "updated": 1719600000,
        "url": "https://shop.example.com/products/premium-software-license",
    },
    indent=1,
)


def compiled() -> Path | None:
    """The C server, compiled once per version of its source; ``None`` where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    source = HERE / "server.c"
    binary = cache_folder() / f"server-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if not binary.exists():
        unfinished = binary.with_suffix(f".{os.getpid()}")
        subprocess.run([compiler, "-O2", "-o", str(unfinished), str(source)], check=True)
        unfinished.replace(binary)
    return binary


class Server:
    """One running server. ``delay_ms`` is how late each answer is; ``kind`` is ``"c"`` or ``"python"``."""

    def __init__(self, delay_ms: int = 0, *, python: bool = False) -> None:
        binary = None if python else compiled()
        self.kind = "python" if binary is None else "c"
        program = [sys.executable, str(HERE / "server.py")] if binary is None else [str(binary)]
        self._process = subprocess.Popen(
            [*program, str(delay_ms), PRODUCT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"the {self.kind} server did not start (status {self._process.wait()})")
        self.base_url = f"http://127.0.0.1:{port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def pin(self, cores: Iterable[int]) -> None:
        """Let the server run on these cores only, from now on."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.pid, cores)

    def count(self) -> dict[str, int]:
        """``creates``, ``others`` (any other request), ``accepted`` and ``open`` connections so far."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.base_url}/count", timeout=10) as answer:
            counts: dict[str, int] = json.load(answer)
        return counts

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
