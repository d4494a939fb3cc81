"""The file: what stands in it, how git merges it, and what is said of one that cannot be read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import ConfigError, Host, UsageError

HEAD = '{"luahost cassette": 1}\n'
ASKED = (
    '{"request": {"method": "GET", "api": "stripe", "path": "/v1/products"}, "answer": {"status": 200, "json": {}}}\n'
)
TWO = "new_product():name('Tea'):create() new_product():name('Rum'):create()"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_line_is_an_exchange_that_reads_from_left_to_right(record: Callable[..., Any], cassette: Path) -> None:
    """Who was asked what, by name; then what came of it. The first line says what the file is."""
    record("stripe.customers.create{email = 'a@example.com', metadata = {b = 1, a = 2}}")
    head, run, interaction = lines(cassette)
    assert head == {"luahost cassette": 1}
    assert run.keys() == {"run", "keys"}
    assert list(interaction) == ["run", "request", "answer"]
    assert list(interaction["request"]) == ["method", "api", "path", "headers", "form"]
    assert interaction["request"]["form"] == {"email": "a@example.com", "metadata[a]": "2", "metadata[b]": "1"}
    assert interaction["answer"]["status"] == 200
    assert list(interaction["answer"]["json"]) == sorted(interaction["answer"]["json"])


def test_nothing_in_it_is_of_this_machine_or_of_how_long_it_took(record: Callable[..., Any], cassette: Path) -> None:
    """No date, no address, no duration, no version of a client: recorded anew, as few lines differ as can be."""
    record(TWO)
    text = cassette.read_text()
    assert not re.search(
        r"user-agent|localhost|127\.0\.0\.1|api\.stripe\.com|elapsed|content-length|\"date\"", text, re.I
    )
    for interaction in lines(cassette)[2:]:
        assert set(interaction["answer"]["headers"]) == {"content-type", "request-id"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
def test_two_branches_that_recorded_something_merge(tmp_path: Path) -> None:
    """Each put its interactions at the end; kept together (merge=union), both scripts replay."""
    git = _repository(tmp_path)
    path = tmp_path / "shop.jsonl"
    path.write_text(HEAD)
    (tmp_path / ".gitattributes").write_text("*.jsonl merge=union\n")
    git("add", "."), git("commit", "-qm", "empty")
    for branch, name in (("one", "Tea"), ("two", "Rum")):
        git("checkout", "-q", "-b", branch, "main")
        with Host(simulate=True, record=tmp_path / "own.jsonl") as host:
            host.run_source(f"new_product():name('{name}'):create() return os.time()").raise_for_error()
        added = (tmp_path / "own.jsonl").read_text().splitlines(keepends=True)[1:]
        with path.open("a") as file:
            file.writelines(line.replace('"run": "1"', f'"run": "{1 if branch == "one" else 2}"') for line in added)
        git("commit", "-qam", branch)
    git("merge", "-q", "one", "-m", "both")
    assert len(lines(path)) == 1 + 2 + 2
    with Host(replay=path) as host:
        for name in ("Tea", "Rum"):
            host.run_source(f"new_product():name('{name}'):create() return os.time()").raise_for_error()
        assert host.unasked == ()


def test_cassettes_put_one_after_the_other_are_one(record: Callable[..., Any], cassette: Path) -> None:
    """A line that says what the file is may come again."""
    record("new_product():name('Tea'):create()")
    first = cassette.read_text()
    record("new_product():name('Rum'):create()")
    cassette.write_text(first + cassette.read_text().replace('"run": "1"', '"run": "2"'))
    with Host(replay=cassette) as host:
        host.run_source("new_product():name('Tea'):create()").raise_for_error()
        host.run_source("new_product():name('Rum'):create()").raise_for_error()


def test_what_is_recorded_anew_differs_where_the_answers_do(tmp_path: Path) -> None:
    """An API that answers the same gives the same lines, but for the line of what the run drew."""
    texts = []
    for name in ("a.jsonl", "b.jsonl"):
        with Host(simulate=True, record=tmp_path / name) as host:
            host.run_source("pcall(stripe.products.retrieve, 'prod_none') print(os.time())").raise_for_error()
        text = re.sub(r"req_\w+(\?t=\d+)?", "req_", (tmp_path / name).read_text())
        texts.append([line for line in text.splitlines() if '"keys"' not in line])
    assert texts[0] == texts[1]


def test_a_recording_takes_the_place_of_the_one_before(record: Callable[..., Any], cassette: Path) -> None:
    """All of it, and the file is whole at any time: nothing else is left in the folder."""
    record(TWO)
    record("new_product():name('Gin'):create()")
    assert [each["request"]["form"]["name"] for each in lines(cassette)[2:]] == ["Gin"]
    assert os.listdir(cassette.parent) == ["shop.jsonl"]


def test_what_is_no_cassette_is_not_written_over(cassette: Path) -> None:
    """A script that was named by mistake stays as it is, and nothing is run."""
    cassette.write_text("print('mine')\n")
    with pytest.raises(ConfigError, match="is not a cassette, so it is not overwritten"):
        Host(simulate=True, record=cassette)
    assert cassette.read_text() == "print('mine')\n"


@pytest.mark.parametrize("place", ["none/shop.jsonl", "."])
def test_a_place_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path, place: str) -> None:
    """A folder that is not there, a folder."""
    with pytest.raises(ConfigError, match="cannot be written"):
        Host(simulate=True, record=tmp_path / place)


def test_a_host_that_could_not_open_leaves_the_recording_alone(record: Callable[..., Any], cassette: Path) -> None:
    """Nothing ran, so there is nothing to write."""
    record(TWO)
    before = cassette.read_text()
    with pytest.raises(ConfigError):
        Host(simulate=True, record=cassette, apis={"pets": "none.yaml"})
    assert cassette.read_text() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("print('mine')", ":1: this is not a cassette, whose first line is"),
        ("{}\n", ":1: this is not a cassette"),
        ('{"luahost cassette": 2}\n', ":1: a cassette of version 2, and this luahost reads version 1"),
        ('{"luahost cassette": "1"}\n', ':1: a cassette of version "1"'),
        (f"{HEAD}{ASKED[:60]}", ":2: the line is cut off"),
        (f"{HEAD}{ASKED[:60]}\n{ASKED}", ":2: the line is not JSON"),
        (f"{HEAD}[]\n", ":2: expected a JSON object"),
        (f"{HEAD}{'[' * 100_000}\n", ":2: the line is not JSON"),
        (f"{HEAD}<<<<<<< HEAD\n{ASKED}", ":2: the file has unresolved merge conflicts"),
        (f"{HEAD}{ASKED}>>>>>>> one\n", ":3: the file has unresolved merge conflicts"),
        (f"{HEAD}{{}}\n", ":2: expected a request"),
        (f'{HEAD}{{"asked": 1}}\n', ":2: 'asked' is not a member of a line"),
        (f'{HEAD}{{"request": []}}\n', r":2: Expected `object \| null`, got `array` - at `\$.request`"),
        (f'{HEAD}{{"request": {{"method": "GET"}}}}\n', ":2: a request has a method, and a url, or an api and a path"),
        (f'{HEAD}{{"request": {{"method": 1, "url": "u"}}}}\n', ":2: request.method is 1; expected a string"),
        (f'{HEAD}{{"request": {{"method": "GET", "url": "u", "body": "x"}}}}\n', ":2: request.body is not a member"),
        (f'{HEAD}{{"request": {{"method": "GET", "url": "u"}}, "answer": {{}}}}\n', ":2: an answer has a status"),
        (f'{HEAD}{{"drawn": {{"time": "1"}}}}\n', r":2: Expected `array`"),
    ],
)
def test_a_file_that_cannot_be_read_is_shown_with_its_line(cassette: Path, text: str, said: str) -> None:
    """Empty, foreign, of another version, cut off, left in a merge, edited wrongly."""
    cassette.write_text(text)
    with pytest.raises(ConfigError, match=said) as told:
        Host(replay=cassette)
    assert str(cassette) in str(told.value)


def test_a_file_that_is_not_there_or_no_text_is_reported(cassette: Path) -> None:
    """With what records one."""
    with pytest.raises(ConfigError, match="cannot be read: No such file") as told:
        Host(replay=cassette)
    assert "record it first" in (told.value.hint or "")
    cassette.write_bytes(HEAD.encode() + b"\xff\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        Host(replay=cassette)


def test_an_answer_that_was_edited_wrongly_fails_the_call(record: Any, replay: Any, cassette: Path) -> None:
    """A body that is no base64 is told with its line, at the line of the script."""
    record("pcall(stripe.products.retrieve, 'prod_1')")
    *others, last = cassette.read_text().splitlines()
    interaction = json.loads(last)
    interaction["answer"] = {"status": 200, "base64": "%%%"}
    cassette.write_text("\n".join([*others, json.dumps(interaction)]))
    error = replay("\nstripe.products.retrieve('prod_1')").error
    assert (error.kind, error.line) == ("diverged", 2)
    assert f"{cassette}:3: the answer cannot be read: " in error.message


@pytest.mark.parametrize("arguments", [{"record": 1}, {"replay": b"x"}, {"replay": "a\0b"}, {"record": ["a"]}])
def test_what_is_no_path_is_refused_by_its_name(arguments: dict[str, Any]) -> None:
    """The message names the argument."""
    with pytest.raises(UsageError, match=f"{next(iter(arguments))} is .*; expected a path"):
        Host(simulate=True, **arguments)


def _repository(folder: Path) -> Callable[..., None]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder),
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@x", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@x",
    }  # fmt: skip

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    return git
