"""``--trace FILE``: the format by the file's ending, and what is said of a file that could not be written."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from host.errors import ConfigError, UsageError
from host.events import RunStarted
from host.report.har import HarSink
from host.report.html import HtmlSink
from host.report.jsonl import JsonlSink
from host.report.trace_files import FORMS, open_trace

EVENT = RunStarted("r", 1.0, "a.lua")


@pytest.mark.parametrize(
    ("ending", "kind"), [(".jsonl", JsonlSink), (".har", HarSink), (".html", HtmlSink), (".HAR", HarSink)]
)
def test_the_ending_says_the_format(tmp_path: Path, ending: str, kind: type) -> None:
    """Each ending has its sink, in capitals too, and leaves a file that is whole and of which nothing is said."""
    path, said = tmp_path / f"trace{ending}", list[str]()
    with ExitStack() as stack:
        sink = open_trace(str(path), stack, said.append)
        assert type(sink) is kind
        sink.emit(EVENT)
    assert said == []
    text = path.read_text("utf-8")
    if kind is HtmlSink:
        assert text.rstrip().endswith("</html>")
    else:
        json.loads(text)


def test_every_format_is_tried() -> None:
    """A format that is added is added to the test above."""
    assert set(FORMS) == {".jsonl", ".har", ".html"}


@pytest.mark.parametrize("name", ["trace", "trace.txt", "trace.jsonl.gz", ".jsonl"])
def test_an_unknown_ending_is_refused_with_those_there_are(tmp_path: Path, name: str) -> None:
    """Nothing is written under a name whose ending says nothing; a name that is an ending alone has none."""
    path = tmp_path / name
    with ExitStack() as stack, pytest.raises(UsageError, match=r"expected \.jsonl, \.har or \.html"):
        open_trace(str(path), stack, lambda text: None)
    assert not path.exists()


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """It is refused before anything runs."""
    with ExitStack() as stack, pytest.raises(ConfigError, match=r"--trace .*none.x\.har cannot be written: No such"):
        open_trace(str(tmp_path / "none" / "x.har"), stack, lambda text: None)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("ending", FORMS)
def test_a_full_disk_is_reported_once_at_the_end(tmp_path: Path, ending: str) -> None:
    """The run goes on with a trace that cannot be written; at the end one line says so, with the reason."""
    path, said = tmp_path / f"trace{ending}", list[str]()
    path.symlink_to("/dev/full")
    with ExitStack() as stack:
        sink = open_trace(str(path), stack, said.append)
        for _ in range(1000):
            sink.emit(EVENT)
    assert said == [f"--trace {path} is incomplete: No space left on device"]
