"""Old and new workers side by side in one queue: each takes what it has everything for, and leaves the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host import Host
from host.fleet.needs import Needs, Offers, lacking
from tests.fleet.machines import FIVE, KEY, Ledger, Process, five, rows, until

Api = tuple[Ledger, str]
Start = Callable[..., Process]

OLD: dict[str, Any] = {
    "openapi": "3.0.0",
    "info": {"title": "pets", "version": "1"},
    "servers": [{"url": "https://pets.example"}],
    "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "all"}}}}},
}
NEW: dict[str, Any] = {
    **OLD,
    "info": {"title": "pets", "version": "2"},
    "paths": {**OLD["paths"], "/toys": {"get": {"operationId": "listToys", "responses": {"200": {"description": ""}}}}},
}
SETUP = """
import json
from host.fleet import fleet, needs, worker
from msgspec.structs import replace

def new(host):
    host.add_api("petstore", json.loads(NEW))

def old(host):
    # What the version before had: its document of the API, Stripe's catalog of a year ago, and no later format.
    host.add_api("petstore", json.loads(OLD))
    offers = fleet.offers_of
    def before(*known):
        found = offers(*known)
        return replace(found, apis={**found.apis, "stripe": "2025-10-29.clover"}, format=found.format - 1)
    fleet.offers_of = before
    worker.package_version = lambda: "0.0.9"
"""


@pytest.fixture
def versions(worker: Start, tmp_path: Path) -> dict[str, Process]:
    """A worker of the old version and one of the new."""
    texts = f"OLD = {json.dumps(OLD)!r}\nNEW = {json.dumps(NEW)!r}\n"
    (tmp_path / "shop.py").write_text(texts + SETUP)
    return {name: worker(more=("--setup", f"shop:{name}")) for name in ("old", "new")}


@pytest.fixture
def submit(url: str, api: Api) -> Iterator[Callable[..., Any]]:
    """Submits a script from a host that has a version of the API, or none of it."""
    opened: list[Host] = []

    def send(code: str, document: dict[str, Any] | None = None, **options: Any) -> Any:
        host = Host(database=url, stripe_secret_key=KEY, stripe_api_base=api[1], run_lease=2)
        opened.append(host)
        if document is not None:
            host.add_api("petstore", document)
        return host.submit(code, **options)

    yield send
    for each in opened:
        each.close()


def _by(url: str, run: str) -> str:
    ((version,),) = rows(
        url, "SELECT version FROM luahost_worker w JOIN luahost_job j ON j.worker = w.name WHERE id = %s", run
    )
    return str(version)


def test_the_run_that_needs_the_newer_is_left_to_it(
    versions: dict[str, Process], submit: Callable[..., Any], api: Api, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the document of an API, by Stripe's catalog and by the form of a run; the old one says what it leaves."""
    toys = submit("local pets = petstore.request return 'new'", NEW)
    made = submit(FIVE, args=["a"])
    assert (toys.result(60).value, made.result(60).value) == ("new", "a")
    assert [_by(url, each.run_id) != "0.0.9" for each in (toys, made)] == [True, True]
    until(lambda: "is that of 2025-10-29.clover" in versions["old"].log.read_text(), "the old one says what it lacks")
    assert "its API petstore is another one" in versions["old"].log.read_text()
    assert "its version of luahost is too old" in versions["old"].log.read_text()
    assert api[0].products() == five("a")


def test_the_run_that_needs_the_older_is_left_to_it(
    versions: dict[str, Process], submit: Callable[..., Any], url: str
) -> None:
    """One that was submitted with the old document, by a program of the old version: the new one has another."""
    with pytest.MonkeyPatch.context() as earlier:
        earlier.setattr("host.fleet.fleet.needs_of", lambda texts, known: Needs({"petstore": _digest()}, format=0))
        pets = submit("local pets = petstore.request return 'old'", OLD)
    assert pets.result(60).value == "old"
    assert _by(url, pets.run_id) == "0.0.9"


def _digest() -> str:
    from host.fleet.needs import offers_of

    with Host(simulate=True) as host:
        host.add_api("petstore", OLD)
        return offers_of(host.fleet_parts.apis, {}, "").apis["petstore"]


def test_what_the_last_old_worker_would_have_taken_waits_and_says_so(
    versions: dict[str, Process], submit: Callable[..., Any]
) -> None:
    """Stopped for good, its runs are not lost: who waits is told what the workers there are lack."""
    versions["new"].kill()
    toys = submit("local pets = petstore.request return 'new'", NEW)
    with pytest.raises(TimeoutError) as caught:
        toys.result(3)
    assert "its version of luahost is too old" in str(caught.value)


@pytest.mark.parametrize(
    ("needs", "offers", "said"),
    [
        ("2026-10-28.endive", "2026-10-28.endive", False),
        ("2025-10-29.clover", "2026-10-28.endive", False),
        ("2026-10-28.endive", "2025-10-29.clover", True),
        ("", "2025-10-29.clover", False),
        ("2026-10-28.endive", "", False),
    ],
)
def test_a_newer_catalog_of_stripe_runs_what_an_older_one_does(needs: str, offers: str, said: bool) -> None:
    """It only grows: an older one is lacking, a newer one is not."""
    assert bool(lacking(Needs({"stripe": needs}), Offers({"stripe": offers}))) == said
