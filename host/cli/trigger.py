"""``trigger``: have the simulator do what leads to an event, and deliver it."""

from __future__ import annotations

import secrets as random_secrets
import time
from collections.abc import Mapping
from typing import Any

import click

from host.cli.arguments import check_url
from host.cli.strict import StrictCommand
from host.errors import HostError, NetworkError, UsageError
from host.settings import Settings

__all__ = ["command"]

KEY = "sk_test_simulated"
LISTEN = "http://localhost:4242/webhook"


@click.command(
    name="trigger",
    cls=StrictCommand,
    epilog="""\b
Examples:
  python -m host trigger invoice.paid
  python -m host trigger customer.subscription.updated --set metadata.plan=gold --to http://localhost:8000/stripe
""",
)
@click.argument("event", metavar="EVENT", required=False)
@click.option("--to", "url", metavar="URL", default=LISTEN, show_default=True, help="URL to deliver the event to.")
@click.option("--set", "values", metavar="PATH=VALUE", multiple=True, help="Set a member of the event's object.")
@click.option("--secret", help="Secret to sign it with (default: STRIPE_WEBHOOK_SECRET, else a new one).")
@click.option("--list", "listed", is_flag=True, help="List the events that can be made, and exit.")
@click.option("--env-file", metavar="FILE", help="Read settings from FILE instead of .env.")
@click.option("--debug", is_flag=True, help="Show Python tracebacks.")
def command(
    event: str | None,
    url: str,
    values: tuple[str, ...],
    secret: str | None,
    listed: bool,
    env_file: str | None,
    debug: bool,
) -> int:
    """Make EVENT happen in the simulator, and deliver it.

    That is the simulator at STRIPE_API_BASE, where it is on this machine, so that handlers find the objects; else one
    of its own.
    """
    from host.simulator.stripe.triggers import TRIGGERS
    from host.simulator.trigger import steps_of

    if listed and event is not None:
        raise UsageError(f"trigger: --list shows all events; leave out --list, or {event[:100]}")
    if listed:
        click.echo("\n".join(sorted(TRIGGERS)))
        return 0
    if event is None:
        raise UsageError("trigger: name an event; --list shows those that can be made")
    steps = steps_of(event)
    check_url("--to", url)
    if secret is not None and not secret.strip():
        raise UsageError("--secret is empty; expected what the endpoint verifies with (whsec_…)")
    settings = Settings.load(env_file=env_file)
    wanted = _values(values)
    signing = secret or (settings.stripe_webhook_secret.reveal() if settings.stripe_webhook_secret else None)
    if signing is None:
        signing = f"whsec_{random_secrets.token_hex(16)}"
        click.echo(f"export STRIPE_WEBHOOK_SECRET={signing}")
    from host.simulator.triggering import make_event

    found, said = make_event(event, steps, wanted, _asking(settings))
    for line in said:
        click.echo(line, err=True)
    click.echo(f"{found['type']}  {found['id']}  → {url}  {_deliver(found, url, signing)}")
    return 0


def _values(values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in values:
        path, equals, value = each.partition("=")
        if not equals or not path or not all(path.split(".")):
            raise UsageError(f"--set {each}: expected PATH=VALUE, such as metadata.order_id=7 or amount=500")
        if found.setdefault(path, value) != value:
            raise UsageError(f"--set {path}: given twice with different values")
    return found


def _asking(settings: Settings) -> Any:
    """Requests to the simulator on this machine, or ``None`` for one of our own."""
    if not settings.is_local:
        return None
    import httpx  # for a server alone

    from host.simulator.trigger import decoded
    from host.simulator.triggering import request_headers

    key = settings.stripe_secret_key.reveal() if settings.stripe_secret_key else KEY

    def ask(method: str, target: str, form: str, other: str = "", /) -> tuple[int, Any]:
        headers = request_headers(target, other or key)
        try:
            with httpx.Client(base_url=settings.stripe_api_base, headers=headers, trust_env=False) as client:
                answer = client.request(method, target, content=form.encode() or None)
        except httpx.HTTPError as error:
            raise NetworkError(f"the simulator at {settings.stripe_api_base} does not answer: {error}") from error
        return answer.status_code, decoded(answer.content)

    return ask


def _deliver(event: Mapping[str, Any], url: str, secret: str) -> int:
    import httpx
    import msgspec

    from host.serve.signatures import HEADER, sign

    payload = msgspec.json.encode(event)
    headers = {HEADER: sign(payload, [secret], int(time.time())), "Content-Type": "application/json"}
    try:
        status = httpx.post(url, content=payload, headers=headers, timeout=30, trust_env=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NetworkError(
            f"{event['type']} was made but could not be delivered to {url}: {error}",
            hint="python -m host listen HANDLER would receive it there; --to URL delivers it elsewhere",
        ) from error
    if status >= 300:
        raise HostError(f"{event['type']} was made, and {url} answered {status}")
    return status
