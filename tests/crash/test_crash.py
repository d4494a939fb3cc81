"""A durable run that is killed with kill -9, again and again, does everything once."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from host.durable.journal import Journal
from host.simulator.server import serve
from tests.crash.harness import MOMENTS, Moments, run_to_the_end
from tests.crash.postgres import binaries, postgres

# How many kills in all; CRASH_KILLS=200 is the long form.
KILLS = int(os.environ.get("CRASH_KILLS", "24"))
A_RUN = 6


def crash(journal: str, kills: int, folder: Path, seed: int) -> dict[str, int]:
    """Runs until there were so many kills; what each run made is checked. Gives the kills by moment."""
    rng = random.Random(seed)
    total = dict.fromkeys(MOMENTS, 0)
    runs = 0
    while sum(total.values()) < kills:
        runs += 1
        api = Moments()
        with serve(api) as server:
            outcome = run_to_the_end(
                api,
                server.url,
                journal,
                f"crash-{runs}",
                min(A_RUN, kills - sum(total.values())),
                rng,
                folder,
            )
        for moment, count in outcome.kills.items():
            total[moment] += count
        check(api, outcome.value)
        book = Journal.open(journal)
        try:
            run = book.run(f"crash-{runs}")
            assert run is not None
            assert run.status == "done"
        finally:
            book.close()
    return total


def check(api: Moments, made: list[str]) -> None:
    """Each object is in the API's ledger once, and is the one the script got the id of."""
    ledger = [id for kind, id in api.ledger() if kind == "product"]
    names = []
    for id in ledger:
        product = api.store.get("product", id)
        assert product is not None
        names.append(product["name"])
    assert sorted(names, key=lambda name: int(name.split()[1])) == [f"object {n}" for n in range(1, 31)]
    assert sorted(made) == sorted(ledger)
    assert [api.store.get("product", id)["name"] for id in made] == [f"object {n}" for n in range(1, 31)]
    price = [kind for kind, _ in api.ledger() if kind == "price"]
    assert price == [], "the refused price was made"


def test_killed_at_any_moment_each_object_is_made_once(tmp_path: Path) -> None:
    """kill -9 before work, before the answer, around the commit, whenever: nothing twice, nothing lost."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    total = crash(str(tmp_path / "journal.sqlite"), KILLS, tmp_path, seed)
    print(json.dumps(total))
    assert sum(total.values()) >= KILLS


@pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed (apt-get install postgresql)")
def test_the_same_on_postgresql(tmp_path: Path) -> None:
    """The journal in PostgreSQL keeps the same promise."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    with postgres() as url:
        total = crash(url, max(6, KILLS // 3), tmp_path, seed)
    print(json.dumps(total))
