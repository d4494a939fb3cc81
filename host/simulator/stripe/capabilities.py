"""The capabilities of connected accounts. https://docs.stripe.com/connect/account-capabilities"""

from __future__ import annotations

from host.simulator.api_error import missing
from host.simulator.context import Object, RequestContext
from host.simulator.stripe import requirements
from host.simulator.stripe.account_access import found
from host.simulator.stripe.listing import page_of

EFFECTS = {"accounts.capabilities.update": {"requested"}}
MAKES = {"capability"}


def _shown(call: RequestContext, account: Object, name: str) -> Object:
    status = account["capabilities"].get(name, "unrequested")
    value = call.backend.factory.fresh(call.backend.factory.template("capability"), call.now)
    known = account["requirements"] if status == "inactive" else requirements.none()
    value.update(
        account=account["id"],
        future_requirements=requirements.none(),
        id=name,
        requested=status != "unrequested",
        requested_at=account["created"] if status != "unrequested" else None,
        requirements=known,
        status=status,
    )
    return value


def _name(call: RequestContext) -> str:
    name = call.path_args["capability"]
    if (
        name
        not in call.backend.catalog.resolve(
            call.backend.catalog.schema("account").properties["capabilities"]
        ).properties
    ):
        raise missing("capability", name, "capability")
    return name


def retrieve_capability(call: RequestContext) -> Object:
    """One of an account's capabilities, requested or not."""
    return _shown(call, found(call), _name(call))


def list_capabilities(call: RequestContext) -> Object:
    """The capabilities that the account has requested."""
    account = found(call)
    return page_of(call, [_shown(call, account, name) for name in account["capabilities"]], "capability")


def update_capability(call: RequestContext) -> Object:
    """Request a capability, or give it up."""
    account, name = found(call), _name(call)
    if call.params.get("requested"):
        account["capabilities"].setdefault(name, "inactive")
    elif "requested" in call.params:
        account["capabilities"].pop(name, None)
    requirements.judge(account)
    call.save("account", account)
    return _shown(call, account, name)


BEHAVIOURS = {
    "accounts.capabilities.list": list_capabilities,
    "accounts.capabilities.retrieve": retrieve_capability,
    "accounts.capabilities.update": update_capability,
}
