"""A run's returned value as the type the embedding program asked for."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from host.errors import ScriptError
from host.run.script import RunResult

__all__ = ["decoded"]


def decoded(result: RunResult, kind: Any) -> RunResult:
    """``result`` with its value as ``kind`` (docs/values.md), or with an error that says where it does not fit.

    ``None`` as ``kind`` asks for nothing. Raises ``UsageError`` for a type no Lua value can become.
    """
    if kind is None or result.error is not None:
        return result
    from host.gate.signatures import converter, fault  # for who asks for a type

    convert = converter(kind, "returns")
    if convert is None:
        return result
    try:
        return replace(result, value=convert(result.value))
    except msgspec.ValidationError as error:
        message = f"the script's returned value{fault(error, result.value)}"
        error_of_run = ScriptError(message, script=result.script, kind="invalid")
        return replace(result, value=None, error=error_of_run)
