"""Cassettes under pytest: ``--lua-record``, ``--lua-replay``."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.apis.stripe import load
from host.simulator.server import serve
from tests.testing.conftest import CONFTEST, Project

FILES = {
    "shop_test.lua": """
describe("a shop", function()
  local customer
  setup(function() customer = new_customer():email("a@example.com"):create() end)
  it("sells tea", function() assert.is_string(new_product():name("Tea"):create()) end)
  it("sells it twice", function()
    local id = new_product():name("Tea"):create()
    assert.equals(id, stripe.products.retrieve(id).id)
  end)
end)
""",
    "test_shop.py": """
def test_a_list_shows_what_was_made(lua_run):
    made = lua_run("return new_product():name('Tea'):create()\\n").value
    assert lua_run("return stripe.products.list().data[1].id\\n").value == made


def test_another(lua_fixture, lua_host):
    assert lua_host.run("return os.time(), math.random()\\n").values
""",
}
CUT = """
import socket

import pytest


@pytest.fixture(autouse=True)
def cut(monkeypatch):
    def refuse(self, address):
        raise AssertionError(f"{address} was connected to")

    monkeypatch.setattr(socket.socket, "connect", refuse)
"""
KEY = "sk_test_0123456789abcdefghijklmn"


def test_what_was_recorded_is_replayed(project: Project) -> None:
    """Lua files and hosts of Python tests; all of them, shuffled, one of them, in several processes."""
    recorded = project(FILES, "--lua-record", "c.jsonl")
    assert recorded.counts == {"passed": 4}, recorded.out
    assert "luahost: recording the simulator: no key is set" in recorded.out
    for how in (("-p", "randomly"), ("-n", "2")):
        ran = project({}, "--lua-replay", "c.jsonl", *how)
        assert ran.counts == {"passed": 4}, ran.out
        assert "not asked for" not in ran.out
    ran = project({}, "--lua-replay", "c.jsonl", "-k", "twice or list")
    assert ran.counts == {"passed": 2, "deselected": 2}, ran.out


def test_what_was_recorded_from_a_server_needs_no_network(project: Project, tmp_path: Path) -> None:
    """With a key and an API while it is recorded; without both, and with the network cut, from then on."""
    with serve(load()) as server:
        (tmp_path / ".env").write_text(f"STRIPE_SECRET_KEY={KEY}\nSTRIPE_API_BASE={server.url}\n")
        recorded = project(FILES, "--lua-record", "c.jsonl")
        assert recorded.counts == {"passed": 4}, recorded.out
        assert f"luahost: recording {server.url}, with sk_test_…klmn" in recorded.out
        assert len(server.simulator.ledger()) > 3
    (tmp_path / ".env").unlink()
    text = (tmp_path / "c.jsonl").read_text()
    assert KEY not in text
    assert server.url not in text
    ran = project({"conftest.py": CONFTEST + CUT}, "--lua-replay", "c.jsonl")
    assert ran.counts == {"passed": 4}, ran.out


def test_a_difference_fails_its_test_and_what_is_left_is_reported(project: Project) -> None:
    """With the line of Lua, the difference, and in the summary what nobody asked for."""
    project(FILES, "--lua-record", "c.jsonl")
    changed = {
        name: text.replace("return new_product():name('Tea')", "return new_product():name('Rum')")
        for name, text in FILES.items()
    }
    ran = project(changed, "--lua-replay", "c.jsonl")
    assert ran.counts == {"passed": 3, "failed": 1}, ran.out
    assert "POST stripe /v1/products is not in c.jsonl with these parameters" in ran.out
    assert '- "Tea"' in ran.out
    assert "recorded in c.jsonl, but not requested:" in ran.out
    assert "(test_shop.py::test_a_list_shows_what_was_made)" in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lua-record", "a", "--lua-replay", "b"), "record and replay cannot be combined"),
        (("--lua-record", "a", "-n", "2"), "--lua-record writes one file, and needs one process"),
        (("--lua-replay", "none.jsonl"), "the cassette none.jsonl cannot be read: No such file"),
        (("--lua-record", "shop_test.lua"), "is not a cassette, so it is not overwritten"),
    ],
)
def test_what_cannot_be_is_a_usage_error(project: Project, arguments: tuple[str, ...], said: str) -> None:
    """Before a test runs, without a traceback of ours."""
    ran = project(FILES, *arguments)
    assert ran.status == 4
    assert said in ran.out
    assert "Traceback" not in ran.out
