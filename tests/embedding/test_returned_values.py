"""A script may return several values: none of them is lost on the way, whichever way it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host import Host, RunResult
from host.cli import main
from host.run.result_type import read, written

HOSTS: dict[str, dict[str, Any]] = {"here": {}, "isolated": {"isolation": "process"}, "processes": {"processes": 2}}
RETURNED: dict[str, tuple[Any, ...]] = {
    "": (),
    "return": (),
    "return nil": (),
    "return 1": (1,),
    "return 1, 2": (1, 2),
    "return nil, 'err'": (None, "err"),
    "return 1, nil, nil": (1, None, None),
    "return {1}, {a = {2}}, json.null": ([1], {"a": [2]}, None),
    "return pcall(error, 'x')": (False, "x"),
    "local f = function() return 1, 2, 3 end return f()": (1, 2, 3),
    "return 1, STRIPE_API_KEY": (1, "[secret]"),
}


@pytest.mark.parametrize("kind", HOSTS)
def test_all_values_come_back(kind: str) -> None:
    """value is the first, values are all; in this process, an isolated one, and worker processes."""
    with Host(simulate=True, **HOSTS[kind]) as host:
        for code, values in RETURNED.items():
            result = host.run_source(code).raise_for_error()
            shown = tuple(str(each) if type(each).__name__ == "SecretText" else each for each in result.values)
            assert shown == values, code
            assert result.value == (result.values[0] if values else None), code
            assert result.rest == result.values[1:]
        error = host.run_source("return 1, print").error
        assert error is not None
        assert error.message == "the script's returned value: [2]: a function cannot be sent"


def test_a_durable_run_gives_them_again(tmp_path: Path) -> None:
    """Also from the journal, in another host."""
    for number, values in enumerate(RETURNED.values()):
        first, *rest = values or (None,)
        if "[secret]" not in values:
            assert read(written(first, tuple(rest))) == (first, tuple(rest)), number
    with Host(simulate=True, journal=str(tmp_path / "j")) as host:
        told = host.run_source("return 1, {2}", run_id="r")
    with Host(simulate=True, journal=str(tmp_path / "j")) as host:
        again = host.run_source("return 1, {2}", run_id="r")
    assert told.values == again.values == (1, [2])


def test_returns_is_the_type_of_the_first() -> None:
    """The others come as they are; the type is checked before anything runs."""
    with Host(simulate=True) as host:
        result: RunResult[float] = host.run_source("return 1, 'x'", returns=float)
        assert result.values == (1.0, "x")


@pytest.mark.parametrize(
    ("options", "said"), [([], "1\nx\n"), (["--json"], '[1, "x"]\n'), (["--json", "--repeat", "2"], None)]
)
def test_the_command_line_prints_them_all(
    options: list[str], said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each on a line of its own; as JSON in one list; of many runs beside the first."""
    assert main(["run", "--simulate", *options, "-e", "return 1, 'x'"]) == 0
    out = capsys.readouterr().out
    if said is None:
        assert out.count('"value": 1') == out.count('"values": [1, "x"]') == 2
    else:
        assert out == said
