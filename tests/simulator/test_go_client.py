"""The official Go client against the simulator on a port, where Go is installed and the client can be fetched."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from host.apis.catalog import Catalog
from host.simulator.server import serve
from tests.simulator.client_install import go_program

FLOWS = Path(__file__).with_name("go_client.go")
SEEN: dict[str, Any] = {
    "account": ["express", False, True],
    "authentication": ["requires_action", "redirect_to_url"],
    "checkout": ["open", 750, True],
    "coupon": 750,
    "decline": [402, "card_declined", "insufficient_funds"],
    "invoice": ["paid", 700, 1],
    "missing": [404, "resource_missing", ""],
    "payment": ["succeeded", 2000, True],
    "refund": ["succeeded", 500, False],
    "refused": [501, "not_simulated", ""],
    "subscription": ["active", 3000, "paid"],
}


def test_the_go_client_works_with_the_simulator(stripe: Catalog) -> None:
    """Its decoder is strict about types: payments, billing, checkout, Connect and errors, of an older version."""
    program = go_program(FLOWS)
    with serve(stripe, seed=1) as server:
        done = subprocess.run([str(program), server.url], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == SEEN
