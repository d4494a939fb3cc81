"""A host's health as lines, with every field it has."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import fields

from host import Host
from host.report.health import health
from host.stats import HostStats

# Told nowhere in the lines: a defect of this project, for bug reports.
NOT_SHOWN = {"exhausted"}


def test_each_number_is_in_the_lines() -> None:
    """A field that is added to the stats is shown, or said to be untold."""
    numbers = {field.name: 1001 + 1111 * place for place, field in enumerate(fields(HostStats))}
    times = {"oldest_wait", "loop_lag", "cpu"}
    stats = HostStats(**{name: float(n) if name in times else n for name, n in numbers.items()})
    stats = HostStats(**{**{f.name: getattr(stats, f.name) for f in fields(HostStats)}, "peak_memory": 64 << 20})
    text = health(stats)
    assert len(text.splitlines()) == 3
    missing = [
        name
        for name, number in numbers.items()
        if name not in times | NOT_SHOWN | {"peak_memory"} and f"{number:,} " not in text
    ]
    assert missing == []
    assert "64 MB" in text
    assert len(re.findall(r"[\d.]+ (?:s|ms|min|h)\b", text)) >= len(times)


@pytest.mark.parametrize("code", ["return new_product():name('x'):create()", "error('no')"])
def test_a_host_at_rest_has_nothing_under_way(code: str) -> None:
    """After a run nothing is alive, in flight or waiting, however it ended."""
    with Host(simulate=True) as host:
        host.run_source(code)
        stats = host.stats()
    assert (stats.runs, stats.in_flight, stats.queue_depth, stats.waiting) == (0, 0, 0, 0)
    assert stats.processes == 1
