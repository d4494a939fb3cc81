"""docs/contributing.md names files that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")


def test_every_file_it_names_is_there() -> None:
    """A path, or a file's name beside the path before it; what a newcomer opens first must exist."""
    names = set(re.findall(r"`((?:host/|tests/|docs/)?[\w/]+\.(?:py|lua|toml|md|txt))`", TEXT))
    known = {path.name for folder in ("host", "tests") for path in (ROOT / folder).rglob("*.*")}
    missing = [
        name for name in sorted(names)
        if not (ROOT / name).exists() and not (ROOT / "host" / name).exists()
        and ("/" in name or name not in known) and name != "host.toml"
    ]  # fmt: skip
    assert len(names) > 40
    assert missing == []


def test_what_it_names_in_a_file_is_in_it() -> None:
    """Tables and functions to extend are named as they are called."""
    for file, name in (
        ("cli/commands.py", "NAMES"), ("policy/units.py", "UNITS"), ("settings.py", "_READERS"),
        ("cli/report_options.py", "Reporting"),
        ("http/client.py", "OWN_TRANSPORTS"), ("sqlite_file.py", "USES"),
        ("durable/inverses.py", "INVERSES"), ("http/limiter.py", "limited"), ("run/session.py", "_call"),
    ):  # fmt: skip
        assert name in TEXT
        assert name in (ROOT / "host" / file).read_text(encoding="utf-8")
