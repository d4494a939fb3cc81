"""The granted environment variables that a recorded run has read and that are secrets.

For whoever resumes or shows the run: that process may be granted none of them, or another value by now; the run has the
recorded ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from host.policy.redaction import named_like_a_secret
from host.secret import Secret

if TYPE_CHECKING:
    from host.durable.journal import Journal

__all__ = ["granted_secret", "granted_secrets"]

_ENV: Final = "env:"


def granted_secret(label: str, value: Any) -> Secret | None:
    """The secret in a recorded value, if it is that of a variable whose name says that it is one."""
    name = label.removeprefix(_ENV)
    if name == label or not named_like_a_secret(name) or not isinstance(value, bytes):
        return None
    return Secret(value.decode("utf-8", "surrogateescape"))


def granted_secrets(journal: Journal, run: str) -> list[Secret]:
    """Those that the run has read. A record that cannot be read holds none."""
    found = []
    for name, data in journal.read(
        "SELECT name, data FROM luahost_record WHERE run = :run AND kind = 'value' AND name LIKE 'env:%'", {"run": run}
    ):
        try:
            secret = granted_secret(name, msgspec.msgpack.decode(data))
        except (msgspec.MsgspecError, TypeError):
            continue
        if secret is not None:
            found.append(secret)
    return found
