"""The pages in Chromium: nothing on them is refused by their own policy, and nothing a run holds does anything."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.dashboard.access import Access
from host.dashboard.app import Dashboard
from host.serve.server import Server
from tests.dashboard.conftest import Board
from tests.report.chromium import dom_of, needs_chromium, screenshot

PAY = """
local customer = stripe.customers.create{name="<script>document.title='owned'</script>"}
stripe.products.list{limit=3}
sleep(0.02)
parallel(
  function() stripe.products.create{name="<img src=x onerror=document.title='owned'>"} end,
  function() stripe.products.create{name="Box"} end
)
pcall(stripe.customers.retrieve, "cus_none")
stripe.payment_intents.create{amount=2999, currency="usd", customer=customer.id}
"""


@pytest.fixture
def url(board: Board) -> Iterator[str]:
    board.run(PAY, "pay-2026-03-01", "<svg onload=document.title='owned'>.lua")
    board.run(PAY + 'error("the shop is closed")', "pay-2026-03-02", "pay.lua")
    board.run(PAY, "pay-2026-03-03", "pay.lua")
    board.lab.break_off(3, "pay-2026-03-03")
    app = Dashboard(board.journal, board.actions, Access(None, "127.0.0.1")).app
    with Server(lambda abort: app, "127.0.0.1", 0, thread="test-dashboard") as server:
        yield server.url


@needs_chromium
@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", "pay-2026-03-03"),
        ("/runs/pay-2026-03-01", "stripe.payment_intents.create"),
        ("/runs/pay-2026-03-02", "the shop is closed"),
        ("/runs/pay-2026-03-02/undo", "stripe.customers.delete"),
        ("/nowhere", "no such page"),
    ],
)
def test_each_page_opens_without_a_complaint(url: str, tmp_path: Path, path: str, shown: str) -> None:
    """The console stays empty (no style, script or picture was refused), and no text of a run became a program."""
    dom = dom_of(tmp_path / "page", url=f"{url}{path}")
    assert shown in dom
    assert "<title>owned" not in dom
    assert "<script" not in dom
    assert "<img" not in dom


@needs_chromium
def test_a_run_is_drawn_light_and_dark(url: str, tmp_path: Path) -> None:
    """The picture is a PNG of the asked size with something on it, and another one for whoever wants dark pages."""
    drawn = []
    for dark in (False, True):
        picture = tmp_path / "picture.png"
        screenshot(tmp_path / "page", picture, (1000, 800), dark=dark, url=f"{url}/runs/pay-2026-03-01")
        drawn.append(picture.read_bytes())
        assert struct.unpack(">II", drawn[-1][16:24]) == (1000, 800)
        assert len(drawn[-1]) > 20_000
    assert drawn[0] != drawn[1]
