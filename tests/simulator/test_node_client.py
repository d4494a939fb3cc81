"""The official Node client against the simulator on a port, where Node and the client are installed.

``npm install`` in ``benchmarks/peers/node`` installs it, or NODE_PATH says where it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from host.apis.catalog import Catalog
from host.simulator.server import serve

ROOT = Path(__file__).parents[2]
FLOWS = Path(__file__).with_name("node_client.js")
PATHS = os.pathsep.join(
    filter(None, [str(ROOT / "benchmarks" / "peers" / "node" / "node_modules"), os.environ.get("NODE_PATH")])
)


def installed(node: str) -> bool:
    """Whether the client can be loaded."""
    found = subprocess.run(
        [node, "-e", "require('stripe')"], env={"NODE_PATH": PATHS}, capture_output=True, check=False
    )
    return found.returncode == 0


def test_the_node_client_works_with_the_simulator(stripe: Catalog) -> None:
    """Creates, expansions, pages, errors and version 2, as a program with the official client meets them."""
    node = shutil.which("node")
    if node is None or not installed(node):
        pytest.skip("Node or its client of Stripe is not installed")
    with serve(stripe, seed=1) as server:
        address = server.url.removeprefix("http://")
        done = subprocess.run(
            [node, str(FLOWS), address],
            env={"NODE_PATH": PATHS},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "subscription": ["active", 2000],
        "coupon": True,
        "customers": 2,
        "missing": ["StripeInvalidRequestError", 404, "resource_missing"],
        "refused": ["StripeAPIError", 501, "not_simulated"],
        "created": True,
    }
