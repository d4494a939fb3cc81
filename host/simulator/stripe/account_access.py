"""Which account a request is for. https://docs.stripe.com/connect/authentication"""

from __future__ import annotations

from host.simulator.api_error import SimulatedError
from host.simulator.context import Backend, Object, RequestContext
from host.simulator.keys import masked

SESSIONS = "~meter_session"  # the kind under which sessions of meter event streams are stored, by token
STREAM = "/v2/billing/meter_event_stream"  # at ``meter-events.stripe.com``, which takes no API keys


def backend_of(backend: Backend, id: str, authorization: str) -> Backend:
    """The backend of the account in ``Stripe-Account``. Raises :class:`SimulatedError` (403) if the platform has no
    such account.
    """
    known = backend.store.record("account", id)
    if known is None or known.deleted:
        own = backend.store.get("~platform", "~platform")
        if own is not None and own["account"] == id:
            return backend
        raise no_access(id, authorization.rpartition(" ")[2])
    return backend.of(id)


def backend_of_session(backend: Backend, authorization: str, now: int) -> Backend:
    """The backend of the session whose token a meter event stream sends instead of an API key.

    Raises :class:`SimulatedError`: 401 for an unknown token, 400 for an expired session.
    https://docs.stripe.com/api/v2/billing/meter-event-stream/create
    """
    token = authorization.rpartition(" ")[2]
    session = backend.store.get(SESSIONS, token)
    if session is None:
        raise SimulatedError(
            401,
            f"Invalid authentication token: {masked(token)}. A stream of meter events takes the authentication_token "
            "of a meter event session, and no key.",
        )
    if session["expires_at"] <= now:
        expired = "temporary_session_expired"
        raise SimulatedError(400, "The session has expired.", type=expired, code="billing_meter_event_session_expired")
    return backend.of(session["account"])


def no_access(id: str, key: str) -> SimulatedError:
    """The refusal for an unknown account, which Stripe does not distinguish from one without access."""
    return SimulatedError(
        403,
        f"The provided key '{masked(key)}' does not have access to account '{id}' (or that account does not exist). "
        "Application access may have been revoked.",
        code="account_invalid",
    )


def found(call: RequestContext) -> Object:
    """The account that the path names. Raises :class:`SimulatedError` (403) if the platform has no such account."""
    id = call.path_args.get("account") or call.account
    account = call.within("").find("account", id)
    if account is None:
        raise no_access(id, "sk_test_")
    return account
