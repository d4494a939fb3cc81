"""Answers that go to a file: where they may, what is there afterwards, and what is there after a failure."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host import Host, Permissions, RunResult
from host.apis.downloads import check_bytes
from host.apis.openapi import compile
from host.apis.stripe import load
from host.errors import InvalidCall
from tests.calls.file_server import WHOLE, FileServer
from tests.durable.lab import Lab

SHA256 = hashlib.sha256(WHOLE).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that may be written."""
    made = tmp_path / "granted"
    made.mkdir()
    return made


@pytest.fixture(params=["auto", "httpx"])
def host(request: pytest.FixtureRequest, server: FileServer, folder: Path) -> Iterator[Host]:
    """A host whose Stripe is the server, by each transport."""
    with opened(server, folder, transport=request.param) as host:
        yield host


def opened(server: FileServer, folder: Path, **options: Any) -> Host:
    """A host whose scripts may read and write in the folder."""
    options.setdefault("permissions", Permissions(write=[folder], read=[folder]))
    return Host(stripe_secret_key="sk_test_123456789", stripe_api_base=server.base, env_file=None, **options)


def fetch(host: Host, file: str, path: Path | str, options: str = "", **more: Any) -> RunResult:
    """A run that downloads ``file`` to ``path``, without second tries unless the options say so."""
    code = f"return stripe.files.contents('{file}', {{}}, {{download = path, {options or 'retries = 0'}}})"
    return host.run_source(code, globals={"path": str(path)}, **more)


def names(folder: Path) -> list[str]:
    """What is in it, hidden files too."""
    return sorted(os.listdir(folder))


def test_the_answer_is_in_the_file_and_the_script_is_told_about_it(host: Host, folder: Path) -> None:
    """Path, size, hash and type; what was in the file before is replaced, and its permissions are kept."""
    path = folder / "a.pdf"
    path.write_text("old")
    path.chmod(0o640)
    value = fetch(host, "whole", path).raise_for_error().value
    assert value == {"path": str(path), "bytes": len(WHOLE), "sha256": SHA256, "content_type": "application/pdf"}
    assert path.read_bytes() == WHOLE
    assert path.stat().st_mode & 0o777 == 0o640
    assert names(folder) == ["a.pdf"]


def test_a_file_of_no_bytes_is_a_file(host: Host, folder: Path) -> None:
    """An empty answer leaves an empty file, of which the script is told 0 bytes."""
    value = fetch(host, "empty", folder / "a").raise_for_error().value
    assert (value["bytes"], (folder / "a").read_bytes()) == (0, b"")


def test_the_body_is_on_the_disk_while_the_rest_is_still_to_come(host: Host, server: FileServer, folder: Path) -> None:
    """Half of it is beside the old file before the server sends the other half: it is not collected in memory."""
    (folder / "a").write_text("old")
    results: list[RunResult] = []
    run = threading.Thread(target=lambda: results.append(fetch(host, "held", folder / "a")))
    run.start()
    assert server.half_sent.wait(30)
    while not any(path.suffix == ".part" and path.stat().st_size > len(WHOLE) // 4 for path in folder.iterdir()):
        assert run.is_alive()
    assert (folder / "a").read_text() == "old"
    server.go_on.set()
    run.join()
    results[0].raise_for_error()
    assert (folder / "a").read_bytes() == WHOLE


@pytest.mark.parametrize(
    ("file", "options", "kind", "words"),
    [
        ("cut", "", "unexpected", "cut off"),
        ("endless", "max_size = 1000000", "unexpected", "1000000 bytes (max_size)"),
        ("whole", "max_size = 1048575", "unexpected", "1048575 bytes (max_size)"),
        ("not_gzipped", "", "unexpected", "content coding"),
        ("bomb", "", "unexpected", "too large"),
        ("gone", "", "api", "No such file"),
        ("moved", "", "unexpected", "redirect"),
        ("held", "timeout = 1", "timeout", "within 1 s"),
    ],
)
def test_after_a_failure_there_is_what_was_there_before(
    host: Host, folder: Path, file: str, options: str, kind: str, words: str
) -> None:
    """Whatever goes wrong, at whatever byte: the old file stands, and nothing lies beside it."""
    (folder / "a").write_text("old")
    error = fetch(host, file, folder / "a", f"{options or 'timeout = 30'}, retries = 0").error
    assert error is not None
    assert (error.kind, words in error.message) == (kind, True), error.message
    assert names(folder) == ["a"]
    assert (folder / "a").read_text() == "old"


@pytest.mark.parametrize(("file", "options"), [("cut_once", "retries = 1"), ("held_once", "retries = 1, timeout = 2")])
def test_a_second_try_begins_the_file_anew(
    host: Host, server: FileServer, folder: Path, file: str, options: str
) -> None:
    """What the first answer had of it is not before what the second has, nor in its hash; and the time for one answer
    is not that for all of them."""
    value = fetch(host, file, folder / "a", options).raise_for_error().value
    assert (value["bytes"], value["sha256"], len(server.asked)) == (len(WHOLE), SHA256, 2)
    assert (folder / "a").read_bytes() == WHOLE


def test_a_coded_answer_is_in_the_file_as_it_was_before_its_coding(host: Host, folder: Path) -> None:
    """An answer sent with gzip is decompressed in the file, and its hash is that of the content."""
    assert fetch(host, "gzipped", folder / "a").raise_for_error().value["sha256"] == SHA256
    assert (folder / "a").read_bytes() == WHOLE


def test_nobody_waits_for_it_any_more(host: Host, server: FileServer, folder: Path) -> None:
    """Given up by the script, its part is removed."""
    code = "with_timeout(0.2, stripe.files.contents, 'held', {}, {download = path})"
    result = host.run_source(code, globals={"path": str(folder / "a")})
    assert result.error is not None
    assert result.error.kind == "timeout"
    host.close()  # what is given up ends on the loop
    assert names(folder) == []


def test_where_a_file_may_go_is_said_before_anything_is_asked(
    host: Host, server: FileServer, folder: Path, tmp_path: Path
) -> None:
    """Not outside what was granted, not through a link that leads there, not where there is no folder, not on one."""
    (folder / "out").symlink_to(tmp_path)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "sub").mkdir()
    for path, kind in [
        (tmp_path / "a", "denied"), (folder / "out" / "a", "denied"), (folder / "link", "denied"),
        (folder / ".." / "a", "denied"), (folder / "none" / "a", "invalid"), (folder / "sub", "invalid"),
    ]:  # fmt: skip
        error = fetch(host, "whole", path).error
        assert error is not None, path
        assert error.kind == kind, (path, error)
    assert server.asked == []
    assert names(tmp_path) == ["granted"]
    assert names(folder) == ["link", "out", "sub"]
    (folder / "in").symlink_to(folder / "real")
    fetch(host, "whole", folder / "in").raise_for_error()
    assert (folder / "real").read_bytes() == WHOLE


def test_permissions_that_only_read_write_no_file(server: FileServer, folder: Path) -> None:
    """A read-only host denies a download to a granted folder, without a request and without a file."""
    with opened(server, folder, permissions=Permissions(write=[folder], read_only=True)) as host:
        error = fetch(host, "whole", folder / "a").error
    assert error is not None
    assert (error.kind, server.asked, names(folder)) == ("denied", [], [])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("download = ''", "the path of a file"),
        ("download = 3", "the path of a file"),
        ("download = 'a\\0b'", "the path of a file"),
        ("max_size = 10", "it needs the option download"),
        ("download = 'a', max_size = 0", "bytes from 1"),
        ("download = 'a', max_size = 1.5", "bytes from 1"),
        ("download = 'a', max_size = true", "bytes from 1"),
        ("downlod = 'a'", 'did you mean "download"'),
    ],
)
def test_wrong_options_are_named(server: FileServer, folder: Path, options: str, words: str) -> None:
    """What is no path, no number of bytes, or no option at all is refused before anything is asked."""
    with opened(server, folder) as host:
        error = host.run_source(f"stripe.files.contents('whole', {{}}, {{{options}}})").error
    assert error is not None
    assert words in error.message
    assert server.asked == []


def test_all_ways_of_calling_take_it(server: FileServer, folder: Path) -> None:
    """A namespace, ``request`` for a path that the catalog knows, and for one that it does not."""
    code = """
    return {stripe.quotes.pdf("whole", {}, {download = folder .. "/1"}).sha256,
      stripe.request("GET", "/v1/files/whole/contents", nil, {download = folder .. "/2"}).sha256,
      stripe.request("GET", "/v1/reports/whole", nil, {download = folder .. "/3"}).sha256,
      stripe.request("POST", "/v1/reports/whole", {a = 1}, {download = folder .. "/4"}).sha256,
      #stripe.quotes.pdf("whole")}"""
    with opened(server, folder) as host:
        value = host.run_source(code, globals={"folder": str(folder)}).raise_for_error().value
    assert value == [SHA256] * 4 + [len(WHOLE)]
    assert names(folder) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(("path", "outcome"), [("cut", "unknown"), ("endless", "unknown"), ("gone", "rejected")])
def test_a_change_whose_file_is_not_there_may_have_been_made(
    server: FileServer, folder: Path, path: str, outcome: str
) -> None:
    """What became of the change is told by the answer, not by the file; without a place for it nothing is sent."""
    code = f"stripe.request('POST', '/v1/reports/{path}', nil, {{download = path, max_size = 1000000, retries = 0}})"
    with opened(server, folder) as host:
        error = host.run_source(code, globals={"path": str(folder / "a")}).error
        unsent = host.run_source(code, globals={"path": str(folder / "none" / "a")}).error
    assert error is not None
    assert unsent is not None
    assert (error.outcome, unsent.outcome, len(server.asked)) == (outcome, "not_sent", 1)


def test_each_operation_of_stripe_takes_it_or_says_why_not() -> None:
    """Those that the document says answer with bytes, and no other."""
    catalog = load()
    taken, errors = set(), {}
    for id in catalog.operation_ids():
        operation = catalog.operation(id)
        assert operation is not None
        try:
            check_bytes(catalog, operation)
        except InvalidCall as error:
            errors[id] = error
        else:
            taken.add(id)
    assert taken == {"files.contents", "quotes.pdf"}
    assert all(error.param == "download" and id in error.message for id, error in errors.items())


BYTES = {"type": "string", "format": "binary"}


@pytest.mark.parametrize(
    ("answers", "takes"),
    [
        ({"200": {"content": {"application/pdf": {"schema": BYTES}}}}, True),
        ({"200": {"content": {"application/pdf": {}}}}, True),
        ({"200": {"content": {"application/octet-stream": {}}}}, True),
        ({"200": {"content": {"*/*": {"schema": BYTES}}}}, True),
        ({"200": {"content": {"text/csv": {"schema": {"type": "string"}}}}}, True),
        ({"200": {"content": {"application/x-ndjson": {}}}}, True),
        ({"200": {"content": {"application/xml": {"schema": {"type": "object"}}}}}, True),
        ({"200": {"content": {"application/json": {}, "application/pdf": {}}}}, True),
        ({"200": {"content": {"application/json": {}}}, "201": {"content": {"image/png": {}}}}, True),
        ({"200": {"description": "not said"}}, True),
        ({"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}, False),
        ({"200": {"content": {"application/json": {"schema": {"type": "array", "items": {}}}}}}, False),
        ({"200": {"content": {"application/json": {"schema": {"type": "string"}}}}}, False),
        ({"200": {"content": {"application/vnd.api+json": {"schema": {"type": "object"}}}}}, False),
    ],
)
def test_of_other_apis_the_document_tells(answers: dict[str, Any], takes: bool) -> None:
    """Bytes, text and lines can go to a file; JSON is a table."""
    document = {
        "openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "servers": [{"url": "https://x.example"}],
        "paths": {"/reports/{id}": {"get": {
            "operationId": "get", "responses": answers,
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
        }}},
    }  # fmt: skip
    catalog = compile(document, "files")
    operation = catalog.operation(catalog.operation_ids()[0])
    assert operation is not None
    if takes:
        check_bytes(catalog, operation)
        return
    with pytest.raises(InvalidCall, match="download"):
        check_bytes(catalog, operation)


def test_an_added_api_s_file_comes_with_its_key_and_its_json_does_not(server: FileServer, folder: Path) -> None:
    """By the operation, by ``request``, and refused for another one of the same document."""
    id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    kinds = {
        "reports": {"text/csv": {"schema": {"type": "string"}}},
        "items": {"application/json": {"schema": {"type": "object"}}},
    }
    document = {
        "openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "servers": [{"url": "https://x.example"}],
        "components": {"securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "key"}}},
        "security": [{"k": []}],
        "paths": {
            f"/v1/{name}/{{id}}": {
                "get": {"parameters": [id], "responses": {"200": {"description": "", "content": content}}}
            }
            for name, content in kinds.items()
        },
    }  # fmt: skip
    code = """
      local one = x.reports.retrieve("whole", {}, {download = folder .. "/1"})
      local two = x.request("GET", "/v1/reports/gzipped", nil, {download = folder .. "/2"})
      local three, fault = try(x.items.retrieve, "whole", {}, {download = folder .. "/3"})
      return {one.sha256, two.sha256, fault.param}"""
    api = {"document": document, "base_url": server.base, "auth": "secret-key"}
    granted = Permissions(write=[folder])
    with Host(apis={"x": api}, permissions=granted, env_file=None) as host:
        value = host.run_source(code, globals={"folder": str(folder)}).raise_for_error().value
    assert value == [SHA256, SHA256, "download"]
    assert server.asked == ["GET /v1/reports/whole?key=secret-key", "GET /v1/reports/gzipped?key=secret-key"]
    assert names(folder) == ["1", "2"]


def test_a_resumed_run_is_told_what_it_was_told_and_downloads_nothing(lab: Lab, tmp_path: Path) -> None:
    """The record has the file's hash; what became of the file meanwhile is not looked at."""
    path = tmp_path / "a"
    code = f"""
      local file = stripe.files.create{{purpose = "dispute_evidence", file = {{content = "abc", name = "a.txt"}}}}
      local got = stripe.files.contents(file.id, {{}}, {{download = "{path}"}})
      new_product():name(got.sha256):create()
      return got"""
    granted = Permissions(write=[tmp_path])
    with lab.host(permissions=granted) as host:
        first = host.run_source(code, run_id="r").raise_for_error()
    assert first.value["sha256"] == hashlib.sha256(b"abc").hexdigest()
    path.write_text("somebody else's")
    lab.break_off(lab.seq("sent", "stripe.products.create"))
    with lab.host(permissions=granted) as host:
        again = host.resume("r").raise_for_error()
    assert again.value == first.value
    assert path.read_text() == "somebody else's"


@pytest.mark.parametrize("how", ["plan", "apply"])
def test_a_plan_has_it_among_its_changes_and_writes_nothing(server: FileServer, folder: Path, how: str) -> None:
    """What it would write is empty for the rest of the plan; applied, the file is written."""
    path = folder / "a"
    code = f"""
      local got = stripe.files.contents("whole", {{}}, {{download = "{path}"}})
      return {{got.bytes, #fs.read("{path}")}}"""
    with opened(server, folder, journal=folder / "journal") as host:
        plan = host.plan(host.compile(code))
        assert [(change.operation, change.options) for change in plan.changes] == [
            ("stripe.files.contents", {"download": str(path)})
        ]
        assert (server.asked, path.exists()) == ([], False)
        if how == "apply":
            assert host.apply(plan).raise_for_error().value == [len(WHOLE), len(WHOLE)]
            assert path.read_bytes() == WHOLE


@pytest.mark.skipif(sys.platform != "linux", reason="the confinement is Linux's")
def test_an_isolated_script_has_its_files_written_by_the_host(server: FileServer, folder: Path) -> None:
    """With process isolation a download succeeds, and one that breaks off fails and leaves no file."""
    with opened(server, folder, isolation="process") as host:
        assert fetch(host, "whole", folder / "a").raise_for_error().value["sha256"] == SHA256
        assert fetch(host, "cut", folder / "b").error is not None
    assert names(folder) == ["a"]


def test_worker_processes_write_files_and_share_the_simulators(folder: Path) -> None:
    """What one process uploads, another one downloads."""
    upload = 'return stripe.files.create{purpose = "dispute_evidence", file = {content = "abc"}}.id'
    download = "return stripe.files.contents(args[1], {}, {download = args[2]}).bytes"
    with Host(simulate=True, processes=2, permissions=Permissions(write=[folder]), env_file=None) as host:
        [made] = host.run_many([{"code": upload}])
        id = made.raise_for_error().value
        jobs = [{"code": download, "args": [id, str(folder / str(n))]} for n in range(4)]
        assert [each.raise_for_error().value for each in host.run_many(jobs)] == [3] * 4
    assert {(folder / str(n)).read_bytes() for n in range(4)} == {b"abc"}


def test_a_cassette_has_the_bytes_and_a_replay_writes_them(server: FileServer, folder: Path, tmp_path: Path) -> None:
    """Recorded while they are written; replayed to where the script says, with nothing sent."""
    cassette = tmp_path / "cassette.json"
    with opened(server, folder, record=cassette) as host:
        recorded = fetch(host, "gzipped", folder / "a").raise_for_error().value
    (folder / "a").unlink()
    with opened(server, folder, replay=cassette) as host:
        replayed = fetch(host, "gzipped", folder / "a").raise_for_error().value
    assert (replayed["sha256"], recorded["sha256"]) == (SHA256, SHA256)
    assert (folder / "a").read_bytes() == WHOLE
    assert len(server.asked) == 1
