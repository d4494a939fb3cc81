"""What a script gets from the host without waiting: json, log, env, args, require, stdin."""

from __future__ import annotations

import io
import math
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from host.apis.json_values import decode_json
from host.apis.nearest import meant, short
from host.decoding import check_writable, most_values
from host.errors import InvalidCall, LimitError, SignatureError
from host.events import Logged
from host.lua.values import SecretText, encode_plain, from_lua
from host.run.modules import module_path, module_source
from host.run.script import lines_of
from host.run.sources import Sources, has_siblings

if TYPE_CHECKING:
    from host.apis.documented_events import DocumentedEvent
    from host.calls.api_names import ApiNames
    from host.run.job import Job

MAX_READ = 16 << 20  # bytes that io.read gives at once
MAX_NUMBER = 200  # characters that io.read("*n") takes for one
_NUMBER_BEGUN = rb"[-+]?(?:0[xX][0-9a-fA-F]*|\d*(?:\.\d*)?(?:(?<=[\d.])[eE][-+]?\d*)?)"
MAX_HINTED = 1000  # bytes of a message that a hint is looked for


class Tools:
    """The tools of one run. ``use`` gives bytes or ``None`` and raises ``CallError``."""

    def __init__(
        self,
        job: Job,
        given: bytes | None,
        mask: Callable[[str], str],
        log: Callable[[Any], None],
        names: ApiNames | None = None,
    ) -> None:
        self._job = job
        self._mask = mask
        self._log = log
        self._names = names
        self._documented: tuple[DocumentedEvent | None] | None = None  # of the event, once a handler asked
        self.globals: dict[str, Any] = from_lua(given) if given is not None else {}
        self.sources = Sources(job.script)
        self._texts: dict[bytes, bytes] = {}  # of modules whose chunk name is still to come

    def use(self, name: str, a: Any, b: Any) -> bytes | None:
        """What the Lua side's ``tool(name, a, b)`` gives."""
        found: bytes | None = _TOOLS[name](self, a, b)
        return found

    def is_row(self, name: str) -> bool:
        """Whether a global is the ``row`` or the ``rows`` of a batch: ``rows`` gives the columns each row may have."""
        rows = self.globals.get("rows")
        return name in ("row", "rows") and isinstance(rows, dict) and isinstance(rows.get("columns"), list)

    def _missing(self, name: bytes, key: bytes) -> None:
        """Raise ``InvalidCall`` for a name that a row, or ``rows``, does not have, unless another row has it."""
        asked, rows = key.decode("utf-8", "replace"), self.globals["rows"]
        columns = list(rows) if name == b"rows" else rows["columns"]
        if asked in columns:
            return
        what = "rows has no field" if name == b"rows" else "there is no column"
        known = meant(asked, columns) or f"; expected one of {', '.join(map(short, columns[:20]))}"
        raise InvalidCall(f"{what} {short(asked)!r}{known}")

    def _once(self, file: bytes, line: bytes) -> bytes:
        """What identifies a ``once`` without a name: its function's place."""
        name, number = file.decode("utf-8", "replace"), int(line)
        folder = self._job.script.folder
        text = self.sources.text(name)
        if text is None and folder is not None:  # a file that the script has read and loaded itself
            found = Path(name).resolve()
            text = found.read_bytes() if found.is_relative_to(folder.resolve()) and found.is_file() else None
        rows = [] if text is None else lines_of(text)
        if 0 < number <= len(rows) and has_siblings(rows[number - 1]):
            raise InvalidCall(
                f"once cannot tell the functions of line {number} apart",
                hint='write one of them on another line, or give it a name: once("name", function() … end)',
            )
        path = name if folder is None else str(folder.resolve() / os.path.relpath(name, folder))
        return f"{path}:{number}".encode()

    def given(self, name: bytes, a: Any, answer: bytes | None) -> None:
        """Take note of a module's text and then of its chunk's name, as they were sent to the Lua side."""
        if name == b"require" and answer is not None:
            self._texts = {a: answer}
        elif name == b"require.path" and answer is not None and a in self._texts:
            self.sources.required(answer.decode("utf-8", "surrogateescape"), self._texts.pop(a))

    def _hint(self, message: bytes, _: Any) -> bytes | None:
        """The hint that goes with an error of Lua's own that a script has caught."""
        if len(message) > MAX_HINTED:
            return None
        hint = self.sources.hint(message.decode("utf-8", "replace"))
        return None if hint is None else hint.encode()

    def _env(self, name: bytes, _: Any) -> bytes | None:
        value = self._job.env.get(name.decode("utf-8", "replace"))
        return None if value is None else value.encode("utf-8", "surrogateescape")

    def args(self) -> bytes:
        """All arguments, each as its length, a colon and its bytes."""
        parts = []
        for n, argument in enumerate(self._job.args, 1):
            try:
                data = argument.encode()
            except UnicodeEncodeError:
                raise InvalidCall(f"argument {n} of the script is not Unicode") from None
            parts.append(b"%d:%b" % (len(data), data))
        return b"".join(parts)

    def _seed(self, _: Any, __: Any) -> bytes:
        return str(int.from_bytes(os.urandom(6), "big")).encode()

    def _mask_text(self, text: bytes, _: Any) -> bytes:
        return self._mask(text.decode("utf-8", "replace")).encode()

    def _json_encode(self, value: bytes, _: Any) -> bytes:
        decoded = self.writable(value)
        try:
            # in Lua keys have no order that lasts
            return msgspec.json.encode(decoded if _is_readable(decoded) else _readable(decoded), order="sorted")
        except (TypeError, ValueError, UnicodeDecodeError) as error:
            raise InvalidCall(f"json.encode: {error}") from None

    def writable(self, packed: bytes) -> Any:
        """A value of the script's that is to be written as JSON. Raises ``LimitError``."""
        check_writable(packed)
        return from_lua(packed, self._job.limits.memory)

    def _json_decode(self, text: bytes, _: Any) -> bytes:
        try:
            return encode_plain(decode_json(text, most_values(self._job.limits.memory)))
        except LimitError as error:
            raise LimitError(f"json.decode: {error.message}", hint=error.hint) from None
        except (ValueError, RecursionError) as error:
            reason = str(error).partition("\n")[0] or "nested too deep"
            raise InvalidCall(f"json.decode: {reason}") from None

    def _event(self, _: Any, packed: bytes) -> bytes:
        """Whether a handler's name is one of the event's; ``InvalidCall`` for a name of no event, and for an event that
        is not what its API's document says."""
        from host.run.event_names import check_name, matches  # most scripts handle none

        pattern, name = from_lua(packed)
        stripes = self._names.event_names() if self._names is not None else ()
        found = self._event_documented(name)
        known: Sequence[str] = stripes if name in stripes else ()
        names: tuple[str, ...] = (name,)
        if found is not None and found.names:
            known, names = found.known, (name, *found.names)
        if found is None or not found.knows(pattern):
            check_name(pattern, known)
        if not any(matches(pattern, each) for each in names):
            return b""
        if found is not None and found.fault:
            raise InvalidCall(
                f"on: {found.fault}",
                hint="if the API really sends this, correct the document (with an overlay) and resume the run",
            )
        return b"1"

    def _event_documented(self, type: str) -> DocumentedEvent | None:
        if self._documented is None:
            event = self.globals.get("event")
            found = None
            if self._names is not None and isinstance(event, dict):
                found = self._names.documented_event(type, event)
            self._documented = (found,)
            if found is not None and not found.names:
                text = f"no document describes an event {short(type)}; its body is not checked"
                self._log(partial(Logged, level="warn", text=text))
        return self._documented[0]

    def _signature(self, _: Any, packed: bytes) -> bytes | None:
        """What is wrong with a webhook's signature, its hint behind a zero byte; nothing where it fits."""
        from host.serve import signatures  # most scripts verify none

        payload, header, secrets, tolerance = from_lua(packed, self._job.limits.memory)
        if not all(isinstance(secret, str) for secret in secrets):
            raise InvalidCall(
                "stripe.webhooks.construct_event: expected the endpoint's secret as a string, or a list of strings"
            )
        body = payload if isinstance(payload, bytes) else payload.encode()
        within = signatures.TOLERANCE if not tolerance else math.inf if tolerance < 0 else tolerance
        try:
            signatures.verify(body, str(header), secrets, now=time.time(), tolerance=within)
        except SignatureError as error:
            return f"{error.message}\0{error.hint or ''}".encode()
        return b""  # recorded either way, for the same body is too old the next day

    def _read(self, what: bytes, _: Any) -> bytes | None:
        stream = sys.stdin
        source: Any = None if stream is None or stream.closed else getattr(stream, "buffer", None)
        if not hasattr(source, "peek") or not source.readable():  # a notebook's, a test's, none
            return None
        try:
            return _read(source, what)
        except OSError as error:
            raise InvalidCall(f"io.read: the input cannot be read: {error.strerror or error}") from None

    def _say(self, level: bytes, text: bytes) -> None:
        message, _, line = text.rpartition(b"\0")
        shown = self._mask(message.decode("utf-8", "replace"))
        self._log(partial(Logged, level=level.decode(), text=shown, line=int(line) if line else None))

    def _require(self, name: bytes, templates: bytes | None) -> bytes:
        return module_source(self._job.script, name, templates)

    def _require_path(self, name: bytes, templates: bytes | None) -> bytes:
        return module_path(self._job.script, name, templates)


def _read(source: io.BufferedReader, what: bytes) -> bytes | None:
    """What ``io.read`` asks for: a number of bytes, or as Lua 5.1 has it ``*l``, ``*L``, ``*a``, ``*n``."""
    if what == b"*a":
        return source.read(MAX_READ)
    if what == b"*n":
        return _number(source)
    if what == b"0":
        return b"" if source.peek(1) else None
    if what[:1] != b"*":
        return source.read(min(int(what), MAX_READ)) or None
    line = source.readline(MAX_READ)
    if not line:
        return None
    return line if what == b"*L" else line.rstrip(b"\r\n")


def _number(source: io.BufferedReader) -> bytes:
    """The digits of a number that comes next, after white space; what is none is left to be read."""
    found = b""
    while (next_byte := source.peek(1)[:1]) and len(found) < MAX_NUMBER:
        blank = not found and next_byte.isspace()
        if not blank and not re.fullmatch(_NUMBER_BEGUN, found + next_byte):
            break
        source.read(1)
        found += b"" if blank else next_byte
    return found


def _is_readable(value: Any) -> bool:
    """Whether nothing in a value needs :func:`_readable`, whose copies of many lists the collector goes through."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind is dict:
            waiting.extend(each.values())
        elif kind is list:
            waiting.extend(each)
        elif kind is bytes or kind is SecretText:
            return False
    return True


def _readable(value: Any) -> Any:
    """A value with the text that stands for each opaque secret."""
    if isinstance(value, dict):
        return {key: _readable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if isinstance(value, bytes):
        raise InvalidCall("json.encode: a string that is not UTF-8 text")
    return str(value) if isinstance(value, SecretText) else value


_TOOLS: dict[str, Callable[[Tools, Any, Any], Any]] = {
    "env": Tools._env,
    "seed": Tools._seed,
    "mask": Tools._mask_text,
    "json.encode": Tools._json_encode,
    "json.decode": Tools._json_decode,
    "event": Tools._event,
    "signature": Tools._signature,
    "read": Tools._read,
    "log": Tools._say,
    "rows": Tools._missing,
    "once": Tools._once,
    "hint": Tools._hint,
    "require": Tools._require,
    "require.path": Tools._require_path,
}
