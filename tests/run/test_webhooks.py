"""``stripe.webhooks.construct_event``: a script's own check of a webhook."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from host import Host
from host.serve.signatures import sign

BODY = '{"id":"evt_1","object":"event","type":"invoice.paid","data":{"object":{"id":"in_1","name":"é"}}}'
SECRET = "whsec_test"
CALL = "return stripe.webhooks.construct_event(body, header, secret, tolerance)"


def signed(body: str = BODY, at: float | None = None, secret: str = SECRET) -> str:
    """A header; by default of a day ahead, so that it is not too old whenever its test runs."""
    return sign(body.encode(), [secret], int(time.time() + 86400 if at is None else at))


def given(**changed: Any) -> dict[str, Any]:
    return {"body": BODY, "header": signed(at=time.time()), "secret": SECRET, "tolerance": None, **changed}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"secret": ["whsec_old", SECRET]},
        {"header": signed(at=1), "tolerance": 1e12},
        {"header": f"{signed()},v1=00,v0=11"},
    ],
)
def test_a_signed_event_is_given_as_the_api_s_object(host: Host, changed: dict[str, Any]) -> None:
    """With one secret or several, and with a tolerance of the script's own."""
    assert host.run_source(CALL, globals=given(**changed)).raise_for_error().value == json.loads(BODY)


@pytest.mark.parametrize(
    ("changed", "kind", "message"),
    [
        ({"secret": "whsec_other"}, "signature", "no signature matches the body"),
        ({"body": BODY + " "}, "signature", "no signature matches the body"),
        ({"header": signed(at=1)}, "signature", "expected at most 300 s"),
        ({"header": "x"}, "signature", "the signature has no time"),
        ({"header": None}, "signature", "has no Stripe-Signature header"),
        ({"header": ""}, "signature", "has no Stripe-Signature header"),
        ({"header": 5}, "invalid", "Stripe-Signature header as argument 2"),
        ({"body": ""}, "signature", "no signature matches the body"),
        ({"body": None}, "invalid", "the body as it came as argument 1"),
        ({"secret": None}, "invalid", "endpoint's secret as argument 3"),
        ({"secret": []}, "invalid", "endpoint's secret as argument 3"),
        ({"secret": ""}, "invalid", "got an empty text"),
        ({"body": {"id": "evt_1"}}, "invalid", "the body as it came as argument 1"),
        ({"tolerance": 0}, "invalid", "seconds above 0"),
        ({"tolerance": "5"}, "invalid", "seconds above 0"),
        ({"body": "[1", "header": signed("[1")}, "invalid", "json"),
        ({"body": "7", "header": signed("7")}, "invalid", "not a JSON object"),
    ],
)
def test_what_is_not_proven_raises_at_its_line(host: Host, changed: dict[str, Any], kind: str, message: str) -> None:
    """The kind is ``signature`` for what came, ``invalid`` for what the script gave; the secret is not shown."""
    error = host.run_source(CALL, globals=given(**changed)).error
    assert error is not None
    assert error.kind == kind
    assert error.line == 1
    assert message in error.message
    assert SECRET not in f"{error} {error.facts}"


def test_a_thin_event_is_fetched(httpx_mock: Any) -> None:
    """Its body says only what it is about: the event itself is asked for by its id."""
    thin = '{"id":"evt_test_1","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered"}'
    whole = {"id": "evt_test_1", "object": "v2.core.event", "data": {"reason": "x"}}
    httpx_mock.add_response(url="https://api.stripe.com/v2/core/events/evt_test_1", json=whole)
    with Host(stripe_secret_key="sk_test_4eC39HqLyjWDarjtT1zdp7dc") as host:
        found = host.run_source(CALL, globals=given(body=thin, header=signed(thin))).raise_for_error().value
    assert found == whole
    assert isinstance(httpx_mock.get_requests()[0], httpx.Request)


def test_a_resumed_run_gets_the_answers_the_first_got(tmp_path: Path) -> None:
    """The same signature is too old the next day; a durable run goes on all the same."""
    script = """
      local first = pcall(stripe.webhooks.construct_event, body, header, "whsec_other")
      local event = stripe.webhooks.construct_event(body, header, secret)
      if fail then error("broken off") end
      return {first, event.id}
    """
    path = tmp_path / "a.lua"
    path.write_text(script.replace("fail then", "true then"))
    with Host(simulate=True, journal=tmp_path / "j.sqlite") as host:
        names = {name: value for name, value in given().items() if value is not None}
        assert host.run(path, globals=names, run_id="a").error is not None
        path.write_text(script.replace("fail then", "false then"))
        real = time.time
        try:
            time.time = lambda: real() + 3600  # type: ignore[assignment]
            assert host.resume("a").raise_for_error().value == [False, "evt_1"]
        finally:
            time.time = real
