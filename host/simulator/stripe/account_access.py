"""Which account a request is for. https://docs.stripe.com/connect/authentication"""

from __future__ import annotations

from host.simulator.api_error import Refusal
from host.simulator.context import Object, RequestContext, World
from host.simulator.keys import masked

SESSIONS = "~meter_session"  # the kind under which sessions of meter event streams are stored, by token
STREAM = "/v2/billing/meter_event_stream"  # at ``meter-events.stripe.com``, which takes no API keys


def world_of(world: World, id: str, authorization: str) -> World:
    """The world of the account in ``Stripe-Account``. Raises :class:`Refusal` (403) if the platform has no such
    account.
    """
    known = world.store.record("account", id)
    if known is None or known.deleted:
        own = world.store.get("~platform", "~platform")
        if own is not None and own["account"] == id:
            return world
        raise no_access(id, authorization.rpartition(" ")[2])
    return world.of(id)


def world_of_session(world: World, authorization: str, now: int) -> World:
    """The world of the session whose token a meter event stream sends instead of an API key.

    Raises :class:`Refusal`: 401 for an unknown token, 400 for an expired session.
    https://docs.stripe.com/api/v2/billing/meter-event-stream/create
    """
    token = authorization.rpartition(" ")[2]
    session = world.store.get(SESSIONS, token)
    if session is None:
        raise Refusal(
            401,
            f"Invalid authentication token: {masked(token)}. A stream of meter events takes the authentication_token "
            "of a meter event session, and no key.",
        )
    if session["expires_at"] <= now:
        expired = "temporary_session_expired"
        raise Refusal(400, "The session has expired.", type=expired, code="billing_meter_event_session_expired")
    return world.of(session["account"])


def no_access(id: str, key: str) -> Refusal:
    """The refusal for an unknown account, which Stripe does not distinguish from one without access."""
    return Refusal(
        403,
        f"The provided key '{masked(key)}' does not have access to account '{id}' (or that account does not exist). "
        "Application access may have been revoked.",
        code="account_invalid",
    )


def found(call: RequestContext) -> Object:
    """The account that the path names. Raises :class:`Refusal` (403) if the platform has no such account."""
    id = call.path_args.get("account") or call.account
    account = call.within("").find("account", id)
    if account is None:
        raise no_access(id, "sk_test_")
    return account
