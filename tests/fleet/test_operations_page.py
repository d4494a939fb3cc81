"""docs/fleet-operations.md names every metric there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec.structs import replace

from host.bridge.stats import WorkerStats
from host.fleet.health import metrics_text
from tests.fleet.test_health import HEALTH

PAGE = Path(__file__).parent.parent.parent / "docs" / "fleet-operations.md"


def test_the_page_names_every_metric() -> None:
    """The table of what to watch is what a worker serves."""
    calls = WorkerStats(**dict.fromkeys(WorkerStats.__struct_fields__, 0))
    served = set(re.findall(r"^# TYPE (\S+)", metrics_text(replace(HEALTH, calls=calls)), re.MULTILINE))
    named = set(re.findall(r"\b(?:luahost|process)_[a-z_]+\b", PAGE.read_text(encoding="utf-8")))
    assert served - named == set()
    assert {name for name in named if name.startswith("process_")} <= served
