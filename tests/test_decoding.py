"""Values are counted before they are made: the bounds of what is decoded, and who keeps them."""

from __future__ import annotations

import ast
import gc
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from host import Host, Limits
from host.apis.answers import interpret
from host.apis.json_values import decode_json
from host.apis.stripe import load
from host.cli.rows import Rows
from host.decoding import (
    LARGE,
    LEAST_VALUES,
    MOST_TEXT,
    MOST_VALUES,
    check_json,
    check_msgpack,
    check_writable,
    most_values,
    unpaused,
)
from host.errors import InvalidCall, LimitError, UnexpectedAnswer, UsageError
from host.http.message import Response
from host.lua.values import MOST_GIVEN, from_lua, to_lua

HOST = Path(__file__).parent.parent / "host"
MB = 1 << 20

texts = st.text(st.sampled_from('a,:[]{}"\\\n\u00e9\U0001f600'), max_size=6)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def count(value: Any) -> int:
    """All values in a value, a map's keys too."""
    if isinstance(value, dict):
        return 1 + sum(1 + count(each) for each in value.values())
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1


def refused(check: Any, data: bytes, most: int) -> bool:
    try:
        check(data, most)
    except LimitError:
        return True
    return False


@given(plain, st.booleans())
@example("\\", False)
@example([[], {}, [[]], {"a": {}}], False)
@example('","' * 3, False)
def test_json_is_refused_by_the_number_of_its_values(value: Any, loose: bool) -> None:
    """Exactly where there are more of them than allowed, whatever strings hold."""
    data = json.dumps(value, ensure_ascii=loose, separators=(", ", ": ") if loose else (",", ":")).encode()
    values = count(value)
    assert not refused(check_json, data, values)
    assert len(data) < values or refused(check_json, data, values - 1) or values == 1


@given(plain)
@example(["x" * 70_000, "y" * 40, 2**50, -(2**50), 1.5, b"z" * 300, [1] * 70_000])
def test_messagepack_is_refused_by_the_number_of_its_values(value: Any) -> None:
    """Also where it is large enough to be counted, which small data is not."""
    values = 2 + count(value)
    data = msgspec.msgpack.encode(["p" * LARGE, value])
    assert not refused(check_msgpack, data, values)
    assert refused(check_msgpack, data, values - 1)


FORGED = {
    "many empty lists": b"\xdd" + (12_000_000).to_bytes(4, "big") + b"\x90" * 12_000_000,
    "a length far beyond the data": b"\xdd\xff\xff\xff\xff" + b"\x90" * LARGE,
    "lengths inside one another": (b"\xdd\x00\x01\xff\xff") * 100 + b"\xc0" * 200_000,
    "maps": b"\xdf" + (400_000).to_bytes(4, "big") + b"\xa0\xc0" * 400_000,
}


@pytest.mark.parametrize("data", FORGED.values(), ids=FORGED)
def test_a_forged_frame_is_refused_before_its_values_are_made(data: bytes) -> None:
    """By what its lists and maps say of themselves, all together."""
    with pytest.raises(LimitError, match="values"):
        from_lua(data, 256 * MB)


def test_a_value_that_is_no_messagepack_is_refused() -> None:
    """What ends too early, what is of an unknown form, a number of a megabyte, a secret of a million parts."""
    many = b"\xdd" + (10**6).to_bytes(4, "big") + b"\xa0" * 10**6
    for data in (
        b"\x92" + b"\xda\xff\xff" + b"a" * 70_000,
        b"\x91\xc1" + b"a" * 70_000,
        b"\xc9" + MB.to_bytes(4, "big") + b"\x01" + b"9" * MB,
        b"\xc7\x00\x07",
    ):
        with pytest.raises(InvalidCall):
            from_lua(data)
    with pytest.raises(LimitError):
        from_lua(b"\xc9" + len(many).to_bytes(4, "big") + b"\x02" + many)


def test_text_of_json_is_bounded_and_escapes_count_more_often() -> None:
    """A text of 33 MB, and one of 16 MB that is escapes, which takes as long."""
    check_json(b'"' + b"a" * (MOST_TEXT - 2) + b'"')
    for data in (b'"' + b"a" * MOST_TEXT + b'"', b'"' + b"\\n" * (MOST_TEXT // 3) + b'"'):
        with pytest.raises(LimitError, match="32 MB"):
            check_json(data)
    check_writable(msgspec.msgpack.encode("a" * (MOST_TEXT - 100)))
    with pytest.raises(LimitError, match="32 MB"):
        check_writable(msgspec.msgpack.encode("\x01" * (MOST_TEXT // 10 + 10)))


@pytest.mark.parametrize("unit", ["a,", '\\",[', "\\\\", "\\u005b,", "a" * 4095 + "\\\\"])
def test_a_long_text_full_of_marks_is_one_value(unit: str) -> None:
    """Its commas and brackets are no values, wherever a window of the search ends."""
    data = ('["' + unit * (3 * MB // len(unit)) + '",1]').encode()
    check_json(data, 3)
    assert len(decode_json(data)) == 2


def test_a_long_number_is_found_where_pieces_meet() -> None:
    """An integer beyond 2^53 stays exact behind a megabyte of text."""
    for before in range(MB - 20, MB + 1):
        data = b'["' + b"a" * (before - 4) + b'",12345678901234567890]'
        assert decode_json(data)[1] == "12345678901234567890"


def test_little_memory_allows_fewer_values() -> None:
    """A 64th of the memory in bytes, between the least and the most."""
    assert [most_values(size * MB) for size in (0, 4, 256)] == [LEAST_VALUES, 4 * MB // 64, MOST_VALUES]


def test_the_collector_is_as_it_was() -> None:
    """It rests while much is decoded, also where that fails, and stays off for who has it off."""
    data = b"[" + b"1," * LARGE + b"1]"
    seen: list[bool] = []
    unpaused(lambda _: seen.append(gc.isenabled()), data)
    with pytest.raises(ZeroDivisionError):
        unpaused(lambda _: 1 / 0, data)
    assert seen == [False]
    assert gc.isenabled()
    gc.disable()
    try:
        unpaused(decode_json, data)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_the_host_gives_is_counted_while_it_is_made_plain() -> None:
    """A registered function's result of more values than are encoded in a moment."""
    to_lua([0] * MOST_GIVEN)
    with pytest.raises(LimitError):
        to_lua([[0] * 1000] * (MOST_GIVEN // 1000))
    with pytest.raises(LimitError):
        to_lua(dict.fromkeys(range(MOST_GIVEN // 2 + 1)))


MANY = f"local many = {{}} for i = 1, {MOST_VALUES + 1} do many[i] = i end "
SCRIPTS = {
    "json.decode": 'json.decode("[" .. ("[],"):rep(700000) .. "[]]")',
    "json.encode": "json.encode(many)",
    "function": "size(many)",
    "operation": 'stripe.products.create{name = "x", metadata = {list = many}}',
    "builder": 'new_product():set("metadata", many)',
    "result": "gives()",
}


@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("call", SCRIPTS.values(), ids=SCRIPTS)
def test_too_many_values_are_an_error_a_script_can_catch(call: str, isolation: str) -> None:
    """Wherever values cross, in both modes: kind "limit" (or refused before), and the run goes on."""
    options: dict[str, Any] = {} if isolation == "none" else {"isolation": "process"}
    with Host(simulate=True, **options) as host:

        @host.function(effect="read")
        def size(values: list[int]) -> int:
            return len(values)

        @host.function(effect="read")
        def gives() -> list[int]:
            return [0] * (MOST_GIVEN + 1)

        source = f"{MANY} local ok, err = pcall(function() return {call} end) return {{ok, err.kind, err.message}}"
        result = host.run_source(source)
    assert result.error is None, result.error
    ok, kind, message = result.value
    assert not ok
    assert kind == "limit" or call.startswith("new_product"), message
    assert call.startswith("new_product") or "values" in message


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_too_many_values_cannot_be_returned(isolation: str) -> None:
    """The run ends with an error that names the number; with less memory, with fewer."""
    options: dict[str, Any] = {} if isolation == "none" else {"isolation": "process"}
    with Host(simulate=True, **options) as host:
        result = host.run_source(MANY + "return many")
        assert result.error is not None
        assert result.error.kind == "limit"
        assert "500,000 values" in str(result.error)
        small = Limits(memory=4 * MB)
        result = host.run_source('return json.decode("[" .. ("1,"):rep(70000) .. "1]")', limits=small)
        assert result.error is not None
        assert "65,536 values" in str(result.error)


# Every place that decodes, and what bounds it. A new one stands here, with its reason, or goes through decode_json.
DECODERS = {
    "apis/answers.py": "check_json, before",
    "apis/cache.py": "the host's own files",
    "apis/catalog.py": "the host's own files",
    "apis/document.py": "bounded there",
    "apis/json_values.py": "check_json, before",
    "cassettes/bodies.py": "bodies of requests and answers, which their owner bounds",
    "cassettes/cassette.py": "a file that its owner wrote, a line at a time",
    "cli/rows.py": "check_json, a line at a time",
    "config_file.py": "a megabyte of the operator's",
    "durable/audit_trail.py": "the journal",
    "durable/decisions.py": "an answer typed on the command line: as long as that may be",
    "durable/granted_secrets.py": "the journal",
    "durable/recorded_events.py": "encodes only",
    "durable/records.py": "the journal: what was bounded when it was written",
    "durable/recorded_tools.py": "the journal",
    "fleet/jobs.py": "the fleet's database, as it was written",
    "fleet/listener.py": "a notification: at most 8,000 bytes",
    "fleet/schedules.py": "the fleet's database",
    "fleet/submission.py": "the fleet's database",
    "fleet/registration.py": "encodes only",
    "functions/registration.py": "a request's body: at most 250,000 values",
    "functions/converters.py": "checks what is decoded",
    "isolation/frames.py": "flat frames, whose fields are bytes",
    "isolation/zygote_client.py": "what the zygote measured",
    "isolation/zygote.py": "the host's own words",
    "lua/values.py": "check_msgpack, before",
    "plan/plan.py": "a file that its owner wrote",
    "plan/plan_set.py": "a file that its owner wrote, a line at a time",
    "plan/real_values.py": "the journal",
    "plan/rendering.py": "encodes only",
    "policy/charges.py": "a request's body: at most 250,000 values",
    "simulator/delivery.py": "an endpoint's decision: at most 64,000 bytes",
    "simulator/modelled.py": "the simulator's own",
    "simulator/added_apis/pages.py": "the simulator's store",
    "simulator/object_factory.py": "the simulator's own",
    "simulator/pagination.py": "the simulator's store",
    "simulator/parsing.py": "check_json, before",
    "simulator/operations.py": "the simulator's own",
    "simulator/stripe/books.py": "the simulator's store",
    "simulator/stripe/breakdowns.py": "the simulator's store",
    "simulator/stripe/entitlements.py": "the simulator's store",
    "simulator/stripe/includable.py": "the simulator's store",
    "simulator/stripe/event_derivation.py": "the simulator's own",
    "simulator/store.py": "the simulator's store",
    "fleet/permit_database.py": "the fleet's own messages, of the workers' database",
    "webhooks/senders.py": "a short challenge, into two texts",
    "testing/stubbed_answers.py": "what the test itself gave",
    "simulator/trigger.py": "answers of a simulator that this command starts or names",
    "simulator/triggering.py": "values typed on the command line",
}


def decoders(path: Path) -> bool:
    """Whether a file decodes JSON, MessagePack, YAML or TOML itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            if text.startswith(("msgspec.json.", "msgspec.msgpack.")) and text.endswith((".decode", ".Decoder")):
                return True
            if text in ("json.load", "json.loads", "yaml.load", "yaml.safe_load", "tomllib.load", "tomllib.loads"):
                return True
    return False


def test_whoever_decodes_is_known() -> None:
    """No file decodes what came from outside unless it is listed here with what bounds it."""
    found = {path.relative_to(HOST).as_posix() for path in HOST.rglob("*.py") if decoders(path)}
    assert {name for name in found if not name.startswith("processes/")} == DECODERS.keys()


MANY_JSON = b"[" + b"[]," * (MOST_VALUES + 1) + b"[]]"


def test_an_answer_of_too_many_values_says_whose_and_what_became_of_the_call() -> None:
    """kind "limit", with the status; of a change nobody knows what it did."""
    catalog = load()
    for id, outcome in (("products.list", None), ("products.create", "unknown")):
        operation = catalog.operation(id)
        assert operation is not None
        answer = Response(200, {"content-type": "application/json", "request-id": "req_1"}, MANY_JSON)
        with pytest.raises(LimitError, match="stripe answered with JSON with more than 500,000 values") as found:
            interpret(catalog, operation, answer)
        assert (found.value.status, found.value.outcome, found.value.request_id) == (200, outcome, "req_1")


def test_an_error_of_too_many_values_stays_an_error_of_the_api() -> None:
    """Its body is not read, its status and outcome are told."""
    catalog = load()
    operation = catalog.operation("products.create")
    assert operation is not None
    with pytest.raises(UnexpectedAnswer) as found:
        interpret(catalog, operation, Response(402, {"content-type": "application/json"}, MANY_JSON))
    assert (found.value.status, found.value.outcome) == (402, "rejected")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("rows.csv", "a,b\n" + "," * 100_001),
        ("rows.csv", "a;b\n" + ";" * 100_001),
        ("rows.jsonl", '{"a": [' + "[]," * 100_001 + "[]]}"),
    ],
)
def test_a_row_of_a_batch_has_so_many_values(tmp_path: Path, name: str, line: str) -> None:
    """A line that is short in bytes and long in fields is refused by its number."""
    path = tmp_path / name
    path.write_text(line + "\n")
    with pytest.raises(UsageError, match="more than 100,000"):
        Rows(str(path))


def test_globals_of_too_many_values_are_the_run_s_own_error() -> None:
    """Told by the run, kind "limit"; the host goes on."""
    with Host(simulate=True) as host:
        result = host.run_source("return 1", globals={"many": [0] * (MOST_GIVEN + 1)})
        assert result.error is not None
        assert result.error.kind == "limit"
        assert str(result.error).startswith("globals: ")
        assert host.run_source("return #many", globals={"many": [0] * 1000}).value == 1000
