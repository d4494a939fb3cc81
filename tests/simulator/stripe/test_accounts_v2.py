"""Accounts of API v2: configurations, and values that answers have only where ``include`` names them.

https://docs.stripe.com/api/v2/core/accounts
"""

from __future__ import annotations

from typing import Any

PATH = "/v2/core/accounts"


def account(api: Any, *configurations: str, **fields: Any) -> Any:
    """A new account with these configurations."""
    return api.post(PATH, {"configuration": {name: {} for name in configurations}, **fields})


def test_configurations_are_applied_and_shown_on_request(api) -> None:
    """What is configured is named in ``applied_configurations``; its values are null unless they are included."""
    made = api.post(PATH, {"contact_email": "a@b.co", "configuration": {"merchant": {"mcc": "5734"}, "customer": {}}})
    assert (made["applied_configurations"], made["configuration"], made["closed"]) == (
        ["customer", "merchant"],
        None,
        False,
    )
    shown = api.get(f"{PATH}/{made['id']}?include[0]=configuration.merchant")
    assert shown["configuration"]["merchant"]["mcc"] == "5734"
    assert shown["configuration"]["merchant"]["applied"] is True
    assert shown["configuration"]["customer"] is shown["configuration"]["recipient"] is None
    (listed,) = api.get(PATH)["data"]
    assert listed == made


def test_identity_and_defaults_are_included_where_named(api) -> None:
    """``identity`` is null without ``include``, in the answer of each operation."""
    paid = {"fees_collector": "stripe", "losses_collector": "stripe"}
    fields = {"identity": {"country": "de", "entity_type": "company"}, "dashboard": "full"}
    defaults = {"currency": "eur", "responsibilities": paid}
    made = account(api, include=["identity", "defaults"], defaults=defaults, **fields)
    assert (made["identity"]["country"], made["defaults"]["currency"]) == ("DE", "eur")
    assert made["defaults"]["responsibilities"] == {**paid, "requirements_collector": "stripe"}
    changed = api.post(f"{PATH}/{made['id']}", {"display_name": "Shop"})
    assert (changed["identity"], changed["defaults"], changed["display_name"]) == (None, None, "Shop")
    kept = api.get(f"{PATH}/{made['id']}?include[0]=defaults")["defaults"]
    assert (kept["currency"], kept["responsibilities"]["fees_collector"]) == ("eur", "stripe")
    plain = account(api, dashboard="express", include=["defaults"])["defaults"]["responsibilities"]
    assert plain == {"fees_collector": None, "losses_collector": None, "requirements_collector": "stripe"}
    again = api.get(f"{PATH}/{made['id']}?include[0]=identity")
    assert again["identity"]["entity_type"] == "company"


def test_a_configuration_is_added_and_taken_away(api) -> None:
    """An update applies a configuration, and takes it away with ``applied: false``."""
    made = account(api, "customer")
    path = f"{PATH}/{made['id']}"
    assert api.post(path, {"configuration": {"recipient": {}}})["applied_configurations"] == ["customer", "recipient"]
    removed = api.post(path, {"configuration": {"customer": {"applied": False}}})
    assert removed["applied_configurations"] == ["recipient"]
    assert api.error("POST", path, {"configuration": {"recipient": None}})[0] == 501
    assert api.post(PATH, {"configuration": {"customer": None}, "defaults": None})["applied_configurations"] == []


def test_accounts_are_filtered_and_closed(api) -> None:
    """Accounts that have all the named configurations are listed, closed ones only where they are asked for."""
    both, one = account(api, "customer", "merchant")["id"], account(api, "customer")["id"]
    assert api.ids(f"{PATH}?applied_configurations[0]=customer") == [one, both]
    assert api.ids(f"{PATH}?applied_configurations[0]=customer&applied_configurations[1]=merchant") == [both]
    error = api.error("POST", f"{PATH}/{both}/close", {"applied_configurations": ["customer"]})[1]
    assert error["param"] == "applied_configurations"
    closed = api.post(f"{PATH}/{both}/close", {"applied_configurations": ["customer", "merchant"]})
    assert closed["closed"] is True
    assert (api.ids(PATH), api.ids(f"{PATH}?closed=true"), api.ids(f"{PATH}?closed=false")) == ([one], [both], [one])


def test_what_nobody_knows_of_an_account_is_refused(api) -> None:
    """The status of a requested capability, who collects requirements, and requirements: 501, and nothing is kept."""
    wanted = {"configuration": {"merchant": {"capabilities": {"card_payments": {"requested": True}}}}}
    status, error = api.error("POST", PATH, wanted)
    assert (status, "capabilities.card_payments.status" in error["message"]) == (501, True)
    paid = {"fees_collector": "application", "losses_collector": "application"}
    assert api.error("POST", PATH, {"dashboard": "none", "defaults": {"responsibilities": paid}})[0] == 501
    assert api.error("POST", PATH, {"account_token": "accttok_1"})[0] == 501
    assert api.ids(PATH) == []
    made = account(api, "merchant")["id"]
    assert api.error("GET", f"{PATH}/{made}?include[0]=requirements")[0] == 501
