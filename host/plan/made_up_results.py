"""What functions and libraries would answer a change with, and what they read of it afterwards."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from host.functions.invocation import Invocation
from host.libraries.library import LibraryCall
from host.plan.planned_values import PlannedNames

__all__ = ["MadeUpResults"]


class MadeUpResults:
    """The files and transactions of one plan. Not thread-safe."""

    def __init__(self, names: PlannedNames) -> None:
        self._names = names
        self._files: dict[str, bytes | None] = {}  # by path; None: removed
        self._transactions: dict[str, Any] = {}  # the database of each, by its planned id

    def change(self, call: LibraryCall) -> Any:
        """What a library's function gives for a change."""
        library, _, name = call.name.partition(".")
        if library == "sql":
            return self._sql(call, name)
        if library == "fs":
            self._file(call, name)
            return None
        if library == "http":
            return self._http(call)
        if library == "graphql":
            return {"data": {}}
        return {"id": self._names.new(call.name)}

    def _sql(self, call: LibraryCall, name: str) -> Any:
        if name == "begin":
            id = self._names.new("transaction")
            self._transactions[id] = call.argument(0)
            return id
        if name == "execute":
            return {"affected": 1, "last_id": self._names.new("row")}
        return None

    def _http(self, call: LibraryCall) -> dict[str, Any]:
        first = call.argument(0)
        url = first.get("url") if isinstance(first, dict) else first
        options = first if isinstance(first, dict) else call.argument(1)
        self.downloaded(options.get("download") if isinstance(options, dict) else None)
        body = msgspec.json.encode({"id": self._names.new("http")})
        headers = {"content-type": "application/json"}
        return {
            "status": 200, "headers": headers, "body": body, "url": str(url), "elapsed": 0.0, "attempts": 1,
        }  # fmt: skip

    def downloaded(self, path: Any) -> None:
        """A call would have put its answer in the file at ``path``."""
        if isinstance(path, str):
            self._files[path] = b""

    def _file(self, call: LibraryCall, name: str) -> None:
        path, content = call.argument(0), call.argument(1)
        if not isinstance(path, str):
            return
        text = content if isinstance(content, bytes) else str(content).encode()
        if name == "remove":
            self._files[path] = None
        elif name == "write":
            self._files[path] = text
        elif name == "append" and self._files.get(path) is not None:
            self._files[path] = (self._files[path] or b"") + text

    def read(self, call: LibraryCall) -> tuple[bool, Any, LibraryCall]:
        """Whether a read is the plan's to answer, and with what; else what is to be asked in its place."""
        path = call.argument(0)
        if call.name in ("fs.read", "fs.exists") and isinstance(path, str) and path in self._files:
            content = self._files[path]
            if call.name == "fs.exists":
                return True, content is not None, call
            return (False, None, call) if content is None else (True, content, call)
        if isinstance(path, Mapping) and path.get("tx") in self._transactions:  # it was never begun
            where = self._transactions[path["tx"]]
            return False, None, msgspec.structs.replace(call, args=[where, *call.args[1:]])
        return False, None, call

    def function(self, invocation: Invocation) -> Any:
        """What a function gives, by what its annotation says it gives."""
        target = invocation.function.target
        try:
            kind = inspect.signature(target).return_annotation
        except (TypeError, ValueError):
            kind = None
        name = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
        if name in ("None", "NoneType"):
            return None
        if name in ("int", "float"):
            return 0
        if name == "bool":
            return True
        planned = self._names.new(invocation.context.function)
        return planned if name == "str" else {"id": planned}
