"""Names of parameters, operations and builders."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.apis.catalog import Catalog, Operation
from host.apis.naming import given_id
from tests.apis.documents import small


def of(catalog: Catalog, id: str) -> Operation:
    operation = catalog.operation(id)
    assert operation is not None
    return operation


def test_parameters_that_differ_in_signs_stay_apart() -> None:
    """A comparison is part of a name; other signs become words where names would be the same."""
    names = ["Date", "Date<", "Date>", "Date>=", "+1", "-1", "@type", "type", "$type", "X-Id"]
    params = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    operation = of(small({"/a": {"get": {"operationId": "a", "parameters": params}}}), "a")
    assert {name: param.name for name, param in operation.params.items()} == {
        "Date": "Date",
        "Date_lt": "Date<",
        "Date_gt": "Date>",
        "Date_gte": "Date>=",
        "_1": "+1",
        "minus_1": "-1",
        "at_type": "@type",
        "type": "type",
        "dollar_type": "$type",
        "X_Id": "X-Id",
    }


@given(st.lists(st.text("ab<>=!+-@$[].é ", min_size=1, max_size=4), min_size=1, max_size=12, unique=True))
def test_every_parameter_has_a_name_of_its_own(names: list[str]) -> None:
    """Whatever signs they are made of: none is lost, each name is one Lua can write."""
    params = [{"name": name, "in": "query", "schema": {}} for name in names]
    operation = of(small({"/a": {"get": {"operationId": "a", "parameters": params}}}), "a")
    assert sorted(param.name for param in operation.params.values()) == sorted(names)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in operation.params)


@pytest.mark.parametrize("suffix", [".json", ".xml", ".JSON", ".{format}"])
def test_a_format_at_the_end_of_a_path_is_no_part_of_names(suffix: str) -> None:
    """Collections that end in .json have builders, their items the usual names."""
    version = "/2010-04-01"
    catalog = small(
        {
            f"{version}/Accounts/{{Sid}}/Messages{suffix}": {"get": {}, "post": {}},
            f"{version}/Accounts/{{Sid}}/Messages/{{Id}}{suffix}": {"get": {}, "post": {}, "delete": {}},
        }
    )
    verbs = ("list", "create", "retrieve", "update", "delete")
    assert catalog.operation_ids() == tuple(f"Accounts.Messages.{verb}" for verb in verbs)
    assert catalog.builder_names() == ("Account_Message",)


@pytest.mark.parametrize(
    ("path", "method", "id", "builder"),
    [
        ("/v1/groups/{id}:add-members", "post", "groups.add_members", ""),
        ("/v1/models/{id}:predict", "post", "models.predict", ""),
        ("/files/{file_id}#add_shared_link", "put", "files.add_shared_link", ""),
        ("/v1/files?beta=true", "get", "files.list_beta", ""),
        ("/v1/files?beta=true", "post", "files.create_beta", ""),
        ("/users/@me/channels", "post", "users.me.channels.create", "users_me_channel"),
        ("/_connector/_sync_jobs", "post", "connector.sync_jobs.create", "connector_sync_job"),
        ("/users/{id:int}/toys", "post", "users.toys.create", "user_toy"),
        ("/api/0/teams", "get", "teams.list", ""),
        ("/2/tweets", "post", "tweets.create", "tweet"),
        ("/shop/2026-03/orders", "post", "shop.orders.create", "shop_order"),
    ],
)
def test_names_are_made_of_what_paths_mean(path: str, method: str, id: str, builder: str) -> None:
    """Actions behind a colon or a #, a query in the path, odd signs, a version or date that all paths share."""
    catalog = small({path: {method: {}}})
    assert catalog.operation_ids() == (id,)
    assert catalog.builder_names() == ((builder,) if builder else ())


@pytest.mark.parametrize(
    ("given", "path", "method"),
    [
        ("read_items_items__get", "/items/", "get"),
        ("logout_api_v1_logout__post", "/api/v1/logout", "post"),
        ("get_file_v1_files__file_id__get", "/v1/files/{file_id}?beta=true", "get"),
        ("GetFiles", "/files?beta=true", "get"),
    ],
)
def test_names_a_tool_made_of_the_path_are_not_kept(given: str, path: str, method: str) -> None:
    """Whatever stands behind the path's last step."""
    assert given_id(given, path, method) == ""
