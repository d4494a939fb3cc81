"""Values that vary between executions (clock, seed, input): recorded once, and replayed when the run is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from host.durable.granted_secrets import granted_secret
from host.durable.records import encode
from host.durable.run_log import RunLog
from host.errors import CallError, InvalidCall
from host.lua.values import SecretText

if TYPE_CHECKING:
    from host.durable.replay import Durable
    from host.run.builtins import Tools
    from host.run.session import Session

__all__ = ["RecordedTools"]

RECORDED: Final = frozenset({"seed", "note", "env", "read", "require", "require.path", "signature"})

_sorted_json = msgspec.json.Encoder(order="sorted", enc_hook=lambda value: _secret_text(value)).encode


class RecordedTools:
    """Uses a run's tools, recording their results or taking them from its log.

    With ``modules="recorded"`` the text of required modules is taken from the log, with ``"current"`` from their files.
    """

    def __init__(self, log: RunLog, modules: Literal["recorded", "current"]) -> None:
        self._log = log
        self._modules = modules

    def use(self, durable: Durable, session: Session, tools: Tools, name: str, a: Any, b: Any) -> bytes | None:
        """``Tools.use``, with the result recorded, or taken from the log on replay."""
        if name == "json.encode":
            try:
                return _sorted_json(tools.writable(a))
            except (TypeError, ValueError, UnicodeDecodeError) as error:
                raise InvalidCall(f"json.encode: {error}") from None
        if name == "log" and durable.replaying:
            return None
        if name not in RECORDED:
            return tools.use(name, a, b)
        label = name if a is None else f"{name}:{a.decode('utf-8', 'replace')}"
        if self._log.values:
            record = self._log.values[0]
            if record.name != label:
                raise durable.diverged(session, f"the script asks for {label}, where it asked for {record.name} before")
            self._log.values.popleft()
            found: bytes | None = msgspec.msgpack.decode(record.data)
            if (secret := granted_secret(label, found)) is not None:
                session.services.redactor.add(secret)  # it may be another one by now, or not granted any more
            if self._modules == "current" and name.startswith("require"):
                try:
                    return tools.use(name, a, b)
                except CallError:
                    return found
            return found
        value = b if name == "note" else tools.use(name, a, b)
        self._log.append("value", "", 0, label, None, b"", encode(value), None, urgent=False)
        return value


def _secret_text(value: Any) -> Any:
    if isinstance(value, SecretText):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is not JSON")
