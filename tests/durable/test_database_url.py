"""The URL of a journal: what cannot be opened is refused, and no password is shown."""

from __future__ import annotations

import pytest

from host import ConfigError, JournalError
from host.durable.database_url import open_database


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (":memory:", "names no file"),
        ("sqlite:///", "names no file"),
        ("nonsense://x", "cannot be used"),
        ("://", "cannot be read"),
        ("/proc/nowhere/j", "cannot be opened"),
    ],
)
def test_journals_that_cannot_be(url: str, message: str) -> None:
    """Each is refused naming what is wrong."""
    with pytest.raises((ConfigError, JournalError), match=message):
        open_database(url)


def test_a_password_is_not_shown() -> None:
    """Neither in a journal's name nor in an error of its server."""
    with pytest.raises((ConfigError, JournalError)) as caught:
        open_database("postgresql://me:hunter2secret@127.0.0.1:9/x?connect_timeout=2")
    assert "hunter2secret" not in str(caught.value)
    assert "cannot be reached" in str(caught.value)
