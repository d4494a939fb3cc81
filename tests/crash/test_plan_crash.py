"""A plan of several runs whose ``apply`` is killed again and again makes each change once, and nothing else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from host.simulator.server import serve
from tests.crash.harness import KEY, ROOT, Moments

SCRIPT = """
local price = once(function()
  local product = new_product():name("Gold"):create()
  return new_price():product(product):currency("eur"):unit_amount(500):recurring("month"):create()
end)
local customer = new_customer():name(row.name):metadata("price", price):create()
new_subscription():customer(customer):add_price(price):trial_days(5):create()
"""
ROWS = 4
KILLS = 8


def test_an_apply_that_is_killed_goes_on(tmp_path: Path) -> None:
    """kill -9 as a request arrives, when its work is done, and around the journal's commit."""
    (tmp_path / "pay.lua").write_text(SCRIPT)
    (tmp_path / "rows.csv").write_text("name\n" + "".join(f"N{n}\n" for n in range(ROWS)))
    api, rng = Moments(), random.Random(7)
    with serve(api) as server:
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "STRIPE_SECRET_KEY": KEY,
            "STRIPE_API_BASE": server.url, "HOST_JOURNAL": str(tmp_path / "journal.sqlite"),
        }  # fmt: skip

        def command(*words: str) -> tuple[int, str]:
            child = subprocess.Popen(
                [sys.executable, "-m", "host", *words],
                cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            api.child = child
            out, _ = child.communicate(timeout=60)
            return child.returncode, out

        status, out = command("plan", "pay.lua", "--each", "rows.csv", "--out", "pay.plan")
        assert status == 0, out
        assert api.ledger() == []
        kills = 0
        while True:
            moment = rng.choice(("sent", "worked", "answered"))
            api.count = 0
            api.plan = (moment, rng.randint(1, 3), rng.uniform(0, 0.006)) if kills < KILLS else None
            status, out = command("apply", "pay.plan")
            if status != -signal.SIGKILL:
                break
            kills += 1
        assert status == 0, out
    assert kills >= 3
    kinds = [kind for kind, _ in api.ledger()]
    assert [kinds.count(kind) for kind in ("product", "price", "customer", "subscription")] == [1, 1, ROWS, ROWS]
