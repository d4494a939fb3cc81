"""What a person reads at the terminal who made a mistake: its place, the cause and the next step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from host import Host, ScriptError
from host.limits import Limits
from host.report.errors import describe
from tests.run.mistakes_of_lua import MISTAKES_OF_LUA
from tests.run.mistakes_of_the_host import MISTAKES_OF_THE_HOST

MISTAKES = {**MISTAKES_OF_LUA, **MISTAKES_OF_THE_HOST}

AUTHORS_OWN = {"an assertion"}  # the message is the script's, and nobody else knows what to do


@pytest.fixture(scope="module")
def impatient() -> Iterator[Host]:
    """A simulated host that does not wait long for a loop without end."""
    with Host(simulate=True, limits=Limits(lua_time=0.5)) as host:
        yield host


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_shown_with_place_cause_and_next_step(impatient: Host, tmp_path: Path, name: str) -> None:
    """The message begins with script and line, shows that line, and says what is wrong and what to write."""
    mistake = MISTAKES[name]
    (tmp_path / "pay.lua").write_text(mistake.script)
    if mistake.module:
        (tmp_path / "module.lua").write_text(mistake.module)
        result = impatient.run(tmp_path / "pay.lua")
    else:
        result = impatient.run_source(mistake.script, name="pay.lua")
    assert isinstance(result.error, ScriptError), result
    text = describe(result.error)
    place, _, said = text.partition(": ")
    wanted = "module.lua" if mistake.in_module else "pay.lua"
    assert Path(place).name == f"{wanted}:{mistake.line}", text
    source = (mistake.module if mistake.in_module else mistake.script).split("\n")
    assert re.search(rf"> +{mistake.line} \| {re.escape(source[mistake.line - 1])[:150]}", text), text
    message = "\n".join(row for row in said.splitlines() if " | " not in row)
    assert re.search(mistake.cause, message), text
    assert mistake.step or name in AUTHORS_OWN
    assert re.search(mistake.step, message), text
    assert "Traceback" not in text
