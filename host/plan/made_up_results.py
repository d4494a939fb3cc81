"""Made-up results of functions and libraries for changes, and of later reads of what they changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from host.errors import FunctionError, InvalidCall
from host.functions.invocation import Invocation
from host.libraries.library import LibraryCall
from host.plan.made_up_values import NotMadeUp, made_up_value, shown_type
from host.plan.planned_values import PlannedNames

__all__ = ["MadeUpResults"]


class MadeUpResults:
    """The files and transactions of one plan. Not thread-safe."""

    def __init__(self, names: PlannedNames) -> None:
        self._names = names
        self._files: dict[str, bytes | None] = {}  # by path; None: removed
        self._transactions: dict[str, Any] = {}  # the database of each, by its planned id

    def change(self, call: LibraryCall) -> Any:
        """The made-up result of a library's function that changes something."""
        library, _, name = call.name.partition(".")
        if library == "sql":
            return self._sql(call, name)
        if library == "fs":
            return self._file(call, name)
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
        """Note that a call would have written its answer to the file at ``path``."""
        if isinstance(path, str):
            self._files[path] = b""

    def _file(self, call: LibraryCall, name: str) -> bool | None:
        path, content = call.argument(0), call.argument(1)
        if not isinstance(path, str):
            return None
        text = content if isinstance(content, bytes) else str(content).encode()
        if name == "remove":
            existed = self._files.get(path, b"") is not None
            self._files[path] = None
            return existed
        if name == "write":
            self._files[path] = text
        elif name == "append" and path in self._files:
            self._files[path] = (self._files[path] or b"") + text
        return None

    def read(self, call: LibraryCall) -> tuple[bool, Any, LibraryCall]:
        """(True, result, call) for a read that the plan can answer, else (False, None, the call to make instead).

        Raises ``InvalidCall`` for a file that the plan removes.
        """
        path = call.argument(0)
        if call.name in ("fs.read", "fs.exists") and isinstance(path, str) and path in self._files:
            content = self._files[path]
            if call.name == "fs.exists":
                return True, content is not None, call
            if content is None:
                raise InvalidCall(f"{call.name}({path!r}): no such file or directory", code="ENOENT")
            return True, content, call
        if isinstance(path, Mapping) and path.get("tx") in self._transactions:  # this transaction was never begun
            where = self._transactions[path["tx"]]
            return False, None, msgspec.structs.replace(call, args=[where, *call.args[1:]])
        return False, None, call

    def function(self, invocation: Invocation) -> Any:
        """The made-up result of a function, of the type in its return annotation. Raises ``FunctionError``."""
        function = invocation.function
        try:
            return made_up_value(function.signature.result, self._names, invocation.context.function)
        except NotMadeUp as error:
            raise FunctionError(
                f"{function.name}: its return annotation {shown_type(function.signature.result)} "
                f"gives no result for a plan: {error}",
                hint="Annotate it with a type whose values cross to Lua, or with Any.",
            ) from None
