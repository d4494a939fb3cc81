"""The cassette of a test run, to which the hosts of all files record, or from which they are answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from host.cassettes.cassette import Cassette, CassettePart
from host.cassettes.tape import described
from host.cassettes.unreplayed import unreplayed_lines
from host.errors import UsageError
from host.settings import Settings

__all__ = ["TestsCassette"]


class TestsCassette:
    """The cassette in the file ``path``. A recording replaces that of the same tests, and keeps that of others.

    Tests are recorded against the API of the key in the settings, which must not be a live one, or without a key
    against the simulator. ``notice`` says which. Raises ``ConfigError``, ``UsageError``.
    """

    __test__ = False

    def __init__(self, *, record: str | None = None, replay: str | None = None) -> None:
        if record is not None and replay is not None:
            raise UsageError("record and replay cannot be combined: a cassette is recorded first and replayed later")
        self.notice: str | None = None
        self._real = False
        if replay is not None:
            self._cassette = Cassette.to_replay(replay)
            return
        assert record is not None
        settings = Settings.load()
        if settings.mode == "live":
            raise UsageError(
                f"STRIPE_SECRET_KEY (set by {settings.source('stripe_secret_key')}) is a live key, and tests are not "
                "recorded with one",
                hint="Set a test key (sk_test_…), or none to record what the simulator answers.",
            )
        self._real = settings.has_key
        self._cassette = Cassette.to_record(record, keep=True)
        whom = (
            f"{settings.stripe_api_base}, with {settings.stripe_secret_key}"
            if self._real
            else "the simulator: no key is set"
        )
        self.notice = f"recording {whom}"

    def options(self, name: str) -> dict[str, Any]:
        """Additional options for the host of the file or test of this name."""
        part = CassettePart(self._cassette, PurePath(name).as_posix())
        if self._cassette.recording:
            return {"record": part, "simulate": not self._real}
        return {"replay": part, "simulate": False}

    def close(self) -> None:
        """Write the recording, if anything ran. Raises ``ConfigError``."""
        if self._cassette.recording and self._cassette.begun:
            self._cassette.save()

    def unreplayed_lines(self, *, of_all: bool) -> Iterator[str]:
        """Lines about what was recorded but not requested, by the tests that ran or ``of_all``."""
        if self._cassette.recording:
            return
        found = self._cassette.unreplayed(begun_only=not of_all)
        yield from unreplayed_lines(self._cassette.path, [described(name, each) for name, each in found])
