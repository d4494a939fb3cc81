"""The official clients of Stripe as verifiers and signers of webhooks, each by the same two lists.

``verify`` holds ``body`` (in base64), ``header``, ``secret`` and ``thin``; each is answered with ``id`` and ``type``,
or ``error``. ``sign`` holds ``body``, ``secret`` and ``at`` (seconds since 1970); each is answered with a header.
"""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.simulator import client_install

HERE = Path(__file__).parent


class Delivered(NamedTuple):
    """A request of a sender, and the secret it is to be verified with."""

    body: bytes
    header: str
    secret: str
    thin: bool = False


class ToSign(NamedTuple):
    """What is to be signed, and when."""

    body: bytes
    secret: str
    at: int


def in_python(asked: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answered by stripe-python, in this process."""
    stripe = pytest.importorskip("stripe", reason="the official client is not installed")
    client = stripe.StripeClient("sk_test_abcdefgh1234")

    def verified(body: str, header: str, secret: str, *, thin: bool) -> dict[str, str]:
        construct = client.parse_event_notification if thin else client.construct_event
        try:
            event = construct(base64.b64decode(body), header, secret)
        except (stripe.SignatureVerificationError, ValueError) as error:
            return {"error": type(error).__name__}
        return {"id": event.id, "type": event.type}

    def signed(body: str, secret: str, at: int) -> str:
        text = f"{at}.{base64.b64decode(body).decode()}"
        return f"t={at},v1={stripe.WebhookSignature._compute_signature(text, secret)}"

    return {
        "verify": [verified(**each) for each in asked["verify"]],
        "sign": [signed(**each) for each in asked["sign"]],
    }


def in_node(asked: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answered by stripe-node."""
    node, modules = client_install.node_client()
    return _run([node, str(HERE / "official_client.js")], asked, {"NODE_PATH": str(modules)})


def in_go(asked: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answered by stripe-go, compiled in a folder of its own."""
    monkeypatch.setattr(client_install, "CACHE", client_install.CACHE / "webhooks")
    source = folder / "webhooks.go"
    module = client_install.GO_CLIENT.partition(" ")[0]
    source.write_text((HERE / "official_client.go").read_text(encoding="utf-8").replace("MODULE", module))
    return _run([str(client_install.go_program(source))], asked, {})


CLIENTS = {"python": in_python, "node": in_node, "go": in_go}


def _run(command: list[str], asked: dict[str, Any], environ: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        command, input=json.dumps(asked), env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def asked_of(verify: list[Delivered], sign: list[ToSign]) -> dict[str, Any]:
    """The two lists as they cross."""

    def form(each: Any) -> dict[str, Any]:
        return {**each._asdict(), "body": base64.b64encode(each.body).decode()}

    return {"verify": [form(each) for each in verify], "sign": [form(each) for each in sign]}
