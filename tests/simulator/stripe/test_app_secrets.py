"""Secrets of apps. https://docs.stripe.com/stripe-apps/store-secrets"""

from __future__ import annotations

import pytest

from tests.simulator.conftest import Api, Clock

PATH = "/v1/apps/secrets"
ACCOUNT, USER = "scope[type]=account", "scope[type]=user&scope[user]=usr_1"


def payload(api: Api, name: str, scope: str = ACCOUNT) -> str:
    """What is kept under a name."""
    found = api.get(f"{PATH}/find?name={name}&{scope}&expand[]=payload")
    return str(found["payload"])


def test_a_secret_is_told_only_when_its_payload_is_expanded(api: Api) -> None:
    """Each scope has its own; a name is used once, and the second takes its place."""
    first = api.post(PATH, f"name=key&payload=one&{ACCOUNT}")
    api.post(PATH, f"name=key&payload=of the user&{USER}")
    assert "payload" not in first
    assert "payload" not in api.get(f"{PATH}/find?name=key&{ACCOUNT}")
    assert (payload(api, "key"), payload(api, "key", USER)) == ("one", "of the user")
    second = api.post(PATH, f"name=key&payload=two&{ACCOUNT}")
    assert (second["id"], payload(api, "key")) == (first["id"], "two")
    assert api.ids(f"{PATH}?{ACCOUNT}") == [first["id"]]
    assert "payload" not in api.get(f"{PATH}?{ACCOUNT}")["data"][0]
    assert api.get(f"{PATH}?{ACCOUNT}&expand[]=data.payload")["data"][0]["payload"] == "two"


def test_a_secret_is_deleted_by_its_name(api: Api) -> None:
    """Of that scope alone, once."""
    for scope in (ACCOUNT, USER):
        api.post(PATH, f"name=key&payload=x&{scope}")
    gone = api.post(f"{PATH}/delete", f"name=key&{ACCOUNT}")
    assert (gone["deleted"], "payload" in gone) == (True, False)
    assert api.error("POST", f"{PATH}/delete", f"name=key&{ACCOUNT}")[0] == 404
    assert api.error("GET", f"{PATH}/find?name=key&{ACCOUNT}")[0] == 404
    assert payload(api, "key", USER) == "x"
    api.post(PATH, f"name=key&payload=again&{ACCOUNT}")
    assert payload(api, "key") == "again"


def test_a_secret_expires(api: Api, clock: Clock) -> None:
    """When it was to, and not before."""
    api.post(PATH, f"name=key&payload=x&{ACCOUNT}&expires_at={int(clock.now) + 60}")
    assert payload(api, "key") == "x"
    clock.now += 60
    assert api.error("GET", f"{PATH}/find?name=key&{ACCOUNT}")[0] == 404
    assert api.ids(f"{PATH}?{ACCOUNT}") == []


@pytest.mark.parametrize("scope", ["scope[type]=user", "scope[type]=account&scope[user]=usr_1"])
def test_a_scope_of_a_user_names_one(api: Api, scope: str) -> None:
    """And one of the account does not."""
    assert api.error("POST", PATH, f"name=key&payload=x&{scope}")[1]["param"] == "scope[user]"
    assert api.error("POST", PATH, f"name=key&payload=x&{ACCOUNT}&expires_at=5")[1]["param"] == "expires_at"
