"""Opens the cassette that a host records to or replays from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from host import arguments
from host.cassettes.cassette import Cassette, CassettePart
from host.cassettes.player import Player
from host.cassettes.recorder import Recorder
from host.cassettes.tape import Tape

if TYPE_CHECKING:
    from host.apis.api import Api
    from host.policy.redaction import Redactor

__all__ = ["CassetteLike", "open_tape"]

CassetteLike = str | os.PathLike[str] | CassettePart


def open_tape(
    record: CassetteLike | None, replay: CassetteLike | None, apis: Mapping[str, Api], redactor: Redactor
) -> Tape:
    """The recorder or player of a host, if one was asked for. Raises ``ConfigError``, ``UsageError``."""
    if replay is not None:
        return Player(
            replay if isinstance(replay, CassettePart) else Cassette.to_replay(_path("replay", replay)), apis, redactor
        )
    assert record is not None
    return Recorder(
        record if isinstance(record, CassettePart) else Cassette.to_record(_path("record", record)), apis, redactor
    )


def _path(name: str, given: str | os.PathLike[str]) -> str | os.PathLike[str]:
    return arguments.a_path(name, given)
