"""Identity verification sessions, up to the page where a person submits a document. https://docs.stripe.com/identity"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext

KIND = "identity.verification_session"


def create_session(call: RequestContext) -> Object:
    """Create a session that requires input, with the URL of its page and its client secret."""
    if "type" not in call.params:
        if "verification_flow" not in call.params:
            raise call.refuse("Missing required param: type.", code="parameter_missing", param="type")
        call.not_modelled("a verification flow", "It takes type.", "verification_flow")
    session = call.put(resources.fresh(call), call.params)
    session.update(
        client_secret=f"{session['id']}_secret_{call.backend.ids.new('', 32)}",
        url=f"https://verify.stripe.com/start/test_{call.backend.ids.new('', 32)}",
    )
    return call.save(KIND, session)


def cancel_session(call: RequestContext) -> Object:
    """Cancel a session that requires input; its URL and secret become null."""
    session = call.subject()
    if session["status"] not in ("requires_input", "requires_action"):
        raise call.refuse(
            f"You cannot cancel this VerificationSession because it has a status of {session['status']}. Only a "
            "VerificationSession that requires input may be canceled.",
            code="verification_session_unexpected_state",
        )
    return call.save(KIND, {**session, "status": "canceled", "client_secret": None, "url": None})


def redact_session(call: RequestContext) -> Object:
    """Redact a session and cancel it. As nothing was collected here, it is done immediately."""
    session = call.subject()
    gone = {"metadata": {}, "provided_details": None, "redaction": {"status": "redacted"}, "url": None}
    return call.save(KIND, {**session, **gone, "status": "canceled", "client_secret": None})


BEHAVIOURS = {
    "identity.verification_sessions.cancel": cancel_session,
    "identity.verification_sessions.create": create_session,
    "identity.verification_sessions.redact": redact_session,
}
EFFECTS = {"identity.verification_sessions.create": {"return_url"}}
