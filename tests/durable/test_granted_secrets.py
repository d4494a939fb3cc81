"""Secrets of the environment that a durable run has read are shown by nobody, granted there or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host import Host, Permissions
from host.cli import main
from host.durable.granted_secrets import granted_secret
from host.events import CallEnded
from tests.dashboard.conftest import Board
from tests.durable.lab import Lab

TOKEN = "tok/en+98765-of-a-shop"
CODE = """
  local token = os.getenv("SHOP_TOKEN")
  print("begins", token)
  local answer = echo(token)
  new_product():name("x"):create()
  print("goes on", token, answer.text)
  return {token, answer.text, "<" .. token .. ">"}
"""


def with_echo(host: Host) -> Host:
    """With a function that answers with what it got."""

    @host.function(effect="read")
    def echo(text: str) -> dict[str, Any]:
        return {"text": text, "raw": text.encode() + b"\xff"}

    return host


@pytest.fixture
def recorded(lab: Lab) -> Lab:
    """A run that was granted a token, gave it to a function and broke off before its end."""
    with with_echo(lab.host(env={"SHOP_TOKEN": TOKEN}, permissions=Permissions(env=["SHOP_TOKEN"]))) as host:
        host.run_source(CODE, name="pay.lua", run_id="r", durable=True).raise_for_error()
    lab.break_off(len(lab.log()) - 1)
    return lab


@pytest.mark.parametrize(
    "granted",
    [{}, {"env": {"SHOP_TOKEN": "another-token-of-today"}, "permissions": Permissions(env=["SHOP_TOKEN"])}],
    ids=["not granted", "another value"],
)
def test_a_resumed_run_does_not_show_the_recorded_value(recorded: Lab, granted: dict[str, Any]) -> None:
    """The script has the recorded one; output, result and events have its mask, whatever the variable is now."""
    with with_echo(recorded.host(**granted)) as host:
        result = host.resume("r")
    assert result.ok, result.error
    assert TOKEN not in repr((result.value, result.output, recorded.events))
    assert result.output.count("…shop") == 3


def test_a_page_has_no_granted_secret(recorded: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`runs show --html` knows them from the journal, in each form they may take."""
    monkeypatch.chdir(tmp_path)
    assert main(["runs", "show", "r", "--journal", recorded.path, "--html", "page.html"]) == 0
    page = Path("page.html").read_text()
    assert '"operation": "echo"' in page
    assert not [form for form in (TOKEN, "tok%2Fen", "dG9rL2VuKzk4NzY1") if form in page]


def test_the_dashboard_shows_no_granted_secret(tmp_path: Path) -> None:
    """Neither the answers of a run's calls nor anything else of it."""
    board = Board(tmp_path)
    try:
        granted = Permissions(env=["SHOP_TOKEN"])
        with with_echo(board.lab.host(env={"SHOP_TOKEN": TOKEN}, permissions=granted)) as host:
            host.run_source(CODE, name="pay.lua", run_id="r", durable=True).raise_for_error()
        page = board.browser().open("/runs/r")
    finally:
        board.close()
    assert "echo" in page.text
    assert not [form for form in (TOKEN, "tok%2Fen", "dG9rL2VuKzk4NzY1") if form in page.answer.text]


@pytest.mark.parametrize(
    ("label", "value", "secret"),
    [
        ("env:SHOP_TOKEN", b"value-of-it", "value-of-it"),
        ("env:SHOP_TOKEN", None, None),
        ("env:SHOP_TOKEN", 5, None),
        ("env:HOME", b"/root", None),
        ("require:SHOP_TOKEN", b"return 1", None),
        ("seed", b"token", None),
    ],
)
def test_which_recorded_values_are_secrets(label: str, value: Any, secret: str | None) -> None:
    """Those of variables whose name says so."""
    found = granted_secret(label, value)
    assert (None if found is None else found.reveal()) == secret


def test_a_request_id_that_is_a_key_is_masked(lab: Lab) -> None:
    """A server may answer in a header with what it got in one: neither events nor the journal have it."""
    import httpx

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": "prod_1", "object": "product"}, headers={
            "Request-Id": request.headers["Authorization"]
        })  # fmt: skip

    key = "sk_test_51Hxnotreal0000"
    events: list[Any] = []

    class Sink:
        def emit(self, event: Any) -> None:
            events.append(event)

    with Host(stripe_secret_key=key, journal=lab.path, transport=httpx.MockTransport(answer), sinks=[Sink()]) as host:
        host.run_source('new_product():name("x"):create()', run_id="r").raise_for_error()
        host.run_source('stripe.products.retrieve("prod_1")').raise_for_error()
    ids = [event.request_id for event in events if isinstance(event, CallEnded)]
    assert len(ids) == 2
    assert all(ids)
    assert key not in repr(events)
    assert key.encode() not in b"".join(each.read_bytes() for each in Path(lab.path).parent.glob("journal.sqlite*"))
