"""The official Node client against the simulator on a port, where Node is installed and the client can be fetched."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from host.apis.catalog import Catalog
from host.simulator.server import serve
from tests.simulator.client_install import node_client

FLOWS = Path(__file__).with_name("node_client.js")
DAY = 24 * 3600
SEEN: dict[str, Any] = {
    "subscription": ["active", 2000],
    "trial": ["trialing", 0, 14 * DAY],
    "incomplete": ["incomplete", "active"],
    "upgrade": 2000,
    "cancel": ["active", True, "canceled"],
    "coupon": [True, 1800],
    "pages": 3,
    "payment": ["succeeded", 1912],
    "declined": ["StripeCardError", 402, "card_declined"],
    "hold": ["requires_capture", "succeeded", 1500],
    "saved": ["succeeded", "succeeded"],
    "refund": ["succeeded", ["StripeInvalidRequestError", 400, None]],
    "dispute": ["needs_response", "won"],
    "invoice": ["paid", 700, 1],
    "checkout": ["open", 800, 2],
    "connect": [True, 404],
    "missing": ["StripeInvalidRequestError", 404, "resource_missing"],
    "refused": ["StripeAPIError", 501, "not_simulated"],
    "version2": True,
}


def test_the_node_client_works_with_the_simulator(stripe: Catalog) -> None:
    """Payments, billing, checkout, Connect, pages, errors and version 2, as programs with the official client do it."""
    node, modules = node_client()
    with serve(stripe, seed=1) as server:
        done = subprocess.run(
            [node, str(FLOWS), server.url.removeprefix("http://")],
            env={"NODE_PATH": str(modules)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == SEEN
