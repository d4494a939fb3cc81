"""Names of parameters, operations and builders."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.apis.catalog import Catalog, Operation
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
