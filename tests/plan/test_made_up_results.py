"""What functions and libraries answer a planned change with, and what is read of it afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from host import Host, Permissions
from host.errors import InvalidCall
from host.libraries.library import LibraryCall
from host.plan.made_up_results import MadeUpResults
from host.plan.planned_values import PlannedNames


@pytest.fixture
def results() -> MadeUpResults:
    return MadeUpResults(PlannedNames())


def call(name: str, *args: Any) -> LibraryCall:
    return LibraryCall(name, list(args), Permissions())


def test_a_change_over_http_succeeds_with_a_made_up_id(results: MadeUpResults) -> None:
    """The URL is the call's, whether it comes as a text or in a table; each answer has another id."""
    first = results.change(call("http.post", "https://a.example/x", {"json": {}}))
    second = results.change(call("http.request", {"method": "PUT", "url": "https://a.example/y"}))
    assert (first["status"], first["url"], second["url"]) == (200, "https://a.example/x", "https://a.example/y")
    assert [json.loads(each["body"])["id"] for each in (first, second)] == ["planned_http_1", "planned_http_2"]


def test_a_statement_changes_one_row(results: MadeUpResults) -> None:
    """``execute`` has a made-up id; what ends a transaction gives nothing."""
    assert results.change(call("sql.execute", "db", "insert …")) == {"affected": 1, "last_id": "planned_row_1"}
    assert results.change(call("sql.commit", {"tx": "x"})) is None


def test_a_query_in_a_planned_transaction_is_asked_outside_of_it(results: MadeUpResults) -> None:
    """The transaction was never begun, so its database is asked; any other query is left as it is."""
    id = results.change(call("sql.begin", "sqlite:///a.db"))
    assert id == "planned_transaction_1"
    answered, value, asked = results.read(call("sql.query", {"tx": id}, "select 1"))
    assert (answered, value, asked.args) == (False, None, ["sqlite:///a.db", "select 1"])
    other = call("sql.query", {"tx": "real"}, "select 1")
    assert results.read(other) == (False, None, other)


def test_a_file_that_is_written_is_read_from_the_plan(results: MadeUpResults) -> None:
    """Written, added to, removed: each is what the script then reads, and other files are the disk's."""
    assert results.change(call("fs.write", "a.txt", "one")) is None
    results.change(call("fs.append", "a.txt", b" two"))
    read = call("fs.read", "a.txt")
    assert results.read(read) == (True, b"one two", read)
    exists = call("fs.exists", "a.txt")
    assert results.read(exists) == (True, True, exists)
    assert results.change(call("fs.remove", "a.txt")) is True
    assert results.change(call("fs.remove", "a.txt")) is False
    assert results.read(exists) == (True, False, exists)
    with pytest.raises(InvalidCall, match=r"fs.read\('a.txt'\): no such file") as found:
        results.read(read)
    assert found.value.code == "ENOENT"
    results.change(call("fs.append", "a.txt", "anew"))
    assert results.read(read) == (True, b"anew", read)
    other = call("fs.read", "b.txt")
    assert results.read(other) == (False, None, other)


def test_what_is_added_to_a_file_of_the_disk_is_not_the_whole_file(results: MadeUpResults) -> None:
    """The plan does not know what stood there, so the file stays the disk's."""
    results.change(call("fs.append", "a.txt", "more"))
    read = call("fs.read", "a.txt")
    assert results.read(read) == (False, None, read)


def test_a_path_that_is_no_text_changes_nothing(results: MadeUpResults) -> None:
    """The library refuses it when it is called; the plan takes no note of it."""
    assert results.change(call("fs.write", 5, "x")) is None


@pytest.mark.parametrize(
    ("name", "value"), [("graphql.mutate", {"data": {}}), ("mail.send", {"id": "planned_mail_send_1"})]
)
def test_other_libraries_answer_with_an_object(results: MadeUpResults, name: str, value: Any) -> None:
    """GraphQL with no data, a library of the program with an id."""
    assert results.change(call(name, "x")) == value


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("None", None), ("int", 0), ("float", 0), ("bool", True), ("str", "planned_change_1"),
        ("dict[str, str]", {"id": "planned_change_1"}), ("", {"id": "planned_change_1"}),
    ],
)  # fmt: skip
def test_a_function_answers_by_its_annotation(annotation: str, value: Any) -> None:
    """A planned function that writes is not called; its result is of the type it says that it returns."""
    space: dict[str, Any] = {}
    arrow = f" -> {annotation}" if annotation else ""
    exec(f"def change(){arrow}:\n    raise AssertionError('it was called')", space)
    with Host(simulate=True) as host:
        host.function(space["change"], effect="write")
        plan = host.plan("local value = change()\nprint(json.encode(value == nil and json.null or value))")
        assert plan.error is None
        assert [each.operation for each in plan.changes] == ["change"]
        shown = host.plan("local value = change()\nerror(json.encode({value}), 0)")
    assert json.loads(str(shown.error.message)) == ({} if value is None else [value])  # an empty table is a map
