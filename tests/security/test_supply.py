"""What the sandbox stands on is looked at when it is loaded."""

from __future__ import annotations

import pytest

from host.errors import ConfigError
from host.lua.state import check_version


@pytest.mark.parametrize("version", ["1.14.1", "2.5", "2.0.dev1"])
def test_an_old_lupa_is_refused(version: str) -> None:
    """A version the host is not safe with is named, with what is expected and what to do."""
    with pytest.raises(ConfigError, match=f"lupa {version} is too old") as found:
        check_version(version)
    assert "2.6 or newer" in str(found.value)
    assert found.value.hint is not None


@pytest.mark.parametrize("version", ["2.6", "2.8", "2.10.1", "3.0rc1"])
def test_a_newer_lupa_is_taken(version: str) -> None:
    """Numbers are compared, not texts."""
    check_version(version)
