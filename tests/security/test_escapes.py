"""Every attempt of the corpus ends as it says, shows nothing it should not, and leaves the host healthy."""

from __future__ import annotations

import faulthandler
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from host import Host
from tests.security.escape_corpus import (
    FOLDER,
    HEALTHY,
    PENDING,
    Attempt,
    attempts,
    furnish,
    leaks,
    open_host,
    run,
    verdict,
)

ATTEMPTS = attempts()
STUCK_AFTER = 90.0  # seconds; a run that cannot be stopped ends the test process and names itself


MODES = ["in-process", *(["isolated"] if sys.platform == "linux" else [])]


@pytest.fixture(scope="module", params=MODES)
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    with open_host(isolation="process" if request.param == "isolated" else "none") as host:
        yield host


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts, and beside them what they try to require."""
    folder = tmp_path_factory.mktemp("parent") / "scripts"
    shutil.copytree(FOLDER, folder)
    furnish(folder)
    return folder


def test_the_corpus_is_as_large_as_promised() -> None:
    """At least 150 attempts, and no two alike."""
    assert len(ATTEMPTS) >= 150
    assert len({attempt.code for attempt in ATTEMPTS}) == len(ATTEMPTS)


def case(attempt: Attempt) -> ParameterSet:
    marks = [pytest.mark.xfail(run=False, reason=PENDING[attempt.name])] if attempt.name in PENDING else []
    return pytest.param(attempt, id=attempt.name, marks=marks)


@pytest.mark.parametrize("attempt", [case(attempt) for attempt in ATTEMPTS])
def test_attempt_fails(attempt: Attempt, host: Host, folder: Path) -> None:
    """The attempt ends as documented; neither the key nor Python shows; a healthy script runs afterwards."""
    faulthandler.dump_traceback_later(STUCK_AFTER, exit=True)
    try:
        for _ in range(attempt.runs):
            result = run(host, attempt, folder / attempt.path.name)
            assert verdict(attempt, result) == ""
            assert leaks(result) == ""
        healthy = host.run_source(HEALTHY)
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert healthy.error is None
    assert str(healthy.value).startswith("prod_")
