"""State on disk: what was answered is there after the process is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from host.errors import ConfigError
from host.simulator.store import Store

WRITER = """
import sys
from host.apis.stripe import load
from host.simulator.simulator import Simulator
from host.simulator.store import Store
api = Simulator(load(), store=Store(sys.argv[1]), clock=lambda: 1_800_000_000.0)
headers = {"authorization": "Bearer sk_test_abc", "content-type": "application/x-www-form-urlencoded"}
n = 0
while True:
    n += 1
    headers["idempotency-key"] = f"k{n}"
    api.handle("POST", "/v1/products", headers, f"id=p{n}&name=x".encode())
    print(n, flush=True)
"""


def test_what_was_answered_survives_kill_9_and_its_keys_too(make, tmp_path) -> None:
    """What was answered survives kill -9, and so do its keys."""
    path = tmp_path / "state.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert writer.stdout is not None
    answered = 0
    for line in writer.stdout:
        answered = int(line)
        if answered == 50:
            os.kill(writer.pid, signal.SIGKILL)
            break
    answered += len(writer.stdout.read().splitlines())
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    api = make(store=Store(path))
    made = [id for _, id in api.simulator.ledger()]
    assert made[:answered] == [f"p{n}" for n in range(1, answered + 1)]
    assert len(made) in (answered, answered + 1)
    assert api.post("/v1/products", "id=p7&name=x", Idempotency_Key="k7")["id"] == "p7"
    assert api.headers["idempotent-replayed"] == "true"
    assert len(api.simulator.ledger()) == len(made)


def test_updates_deletions_and_owners_are_kept_and_seeded_ids_go_on(make, tmp_path) -> None:
    """Updates, deletions and owners are kept, and seeded ids go on."""
    path = tmp_path / "state.db"
    first = make(store=Store(path), seed=1)
    customer = first.post("/v1/customers", "name=a")["id"]
    tax = first.post(f"/v1/customers/{customer}/tax_ids", "type=eu_vat&value=DE123456789")["id"]
    first.post(f"/v1/customers/{customer}", "name=b")
    gone = first.post("/v1/products", "name=x")["id"]
    first.delete(f"/v1/products/{gone}")
    first.simulator.close()
    second = make(store=Store(path), seed=1)
    assert second.get(f"/v1/customers/{customer}")["name"] == "b"
    assert second.ids(f"/v1/customers/{customer}/tax_ids") == [tax]
    assert second.ids("/v1/products") == []
    assert second.simulator.ledger() == [("customer", customer), ("tax_id", tax), ("product", gone)]
    assert second.post("/v1/customers")["id"] != customer


def test_a_refused_request_leaves_nothing_behind(api, payer) -> None:
    """The ledger is the same, also where a part was made before the refusal."""
    before = api.simulator.ledger()
    product = api.error("POST", "/v1/prices", "currency=usd&product_data[name]=x")
    assert product[0] == 400
    assert api.simulator.ledger() == before


def test_a_file_that_cannot_be_used_is_named(tmp_path) -> None:
    """A file that cannot be used is named."""
    with pytest.raises(ConfigError, match=r"cannot open the simulator's state in .*no.such"):
        Store(tmp_path / "no" / "such" / "folder")
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database, " * 100)
    with pytest.raises(ConfigError, match=r"cannot use the simulator's state in .*broken.db"):
        Store(broken)
    newer = tmp_path / "newer.db"
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConfigError, match="is of version 99"):
        Store(newer)


def test_a_file_in_use_is_refused(make, tmp_path) -> None:
    """Two simulators cannot keep their state in one file; closing frees it."""
    held = Store(tmp_path / "state.db")
    with pytest.raises(ConfigError, match="in use by another"):
        Store(tmp_path / "state.db")
    held.close()
    held.close()
    Store(tmp_path / "state.db").close()
