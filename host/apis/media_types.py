"""Media types of documents and calls: the kind of body they mean, ranges that include them, and which one to send.

RFC 9110, 8.3 and 12.5.1; structured suffixes: RFC 6838, 4.2.8. A range (``image/*``) is never sent itself.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from host.apis.catalog import BodyKind

if TYPE_CHECKING:
    from mimetypes import MimeTypes

__all__ = [
    "body_kind",
    "concrete",
    "first_that",
    "fits",
    "guessed",
    "is_json",
    "is_lines",
    "is_media_type",
    "is_range",
    "plain",
    "recognised",
    "takes",
]

FORM = "application/x-www-form-urlencoded"
BYTES = "application/octet-stream"
_WORD = r"[A-Za-z0-9!#$&^_.+\-]+"
_VALUE = r"\"[ !#-~]*\"|[!#-:<-~]+"  # quoted, or without spaces and semicolons
_LINES = frozenset(
    """application/x-ndjson application/ndjson application/jsonl application/x-jsonl application/jsonlines
    application/x-jsonlines application/json-lines application/stream+json application/json-seq""".split()  # noqa: SIM905
)
# Types that are not in the tables of every Python version.
_ENDINGS = {
    ".avif": "image/avif",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".gz": "application/gzip",
    ".heic": "image/heic",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".ndjson": "application/x-ndjson",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def plain(name: str) -> str:
    """A media type without its parameters, in lower case."""
    return name.partition(";")[0].strip().lower()


def is_media_type(text: str) -> bool:
    """Whether a string is a media type that can be sent: not a range, and without characters that end a header."""
    return re.match(rf"{_WORD}/{_WORD}( ?; ?{_WORD}=({_VALUE}))*\Z", text) is not None


def is_range(name: str) -> bool:
    return "*" in plain(name)


def is_lines(name: str) -> bool:
    """Whether it means a sequence of JSON values, rather than one."""
    return plain(name) in _LINES


def is_json(name: str) -> bool:
    """Whether it is ``application/json``, ``text/json`` or has the suffix ``+json``, with any parameters."""
    kind = plain(name)
    return (
        kind in ("application/json", "text/json", "application/x-json") or kind.endswith("+json")
    ) and kind not in _LINES


def body_kind(name: str) -> BodyKind:
    """The kind of body a media type means; bytes for ``*/*`` and ``application/*``."""
    kind = plain(name)
    if is_json(kind):
        return "json"
    if kind == FORM:
        return "form"
    if kind.startswith("multipart/"):
        return "multipart"
    if kind.startswith("text/") or kind.endswith("xml") or is_lines(kind):
        return "text"
    return "binary"


def fits(name: str, offered: str) -> bool:
    """Whether a media type equals ``offered`` or is in its range."""
    name, offered = plain(name), plain(offered)
    if "*" not in offered:
        return name == offered
    return re.fullmatch(re.escape(offered).replace(r"\*", "[^/]*"), name) is not None


def takes(offered: Iterable[str], name: str) -> bool:
    """Whether a call may send the body as the media type ``name``.

    Besides types in ``offered``, these are types of the same kind (any JSON), and any type if bytes are accepted.
    """
    kind = body_kind(name)
    return any(
        fits(name, each) or plain(each) == BYTES or (kind == body_kind(each) and kind != "binary") for each in offered
    )


def first_that(offered: Iterable[str], name: str) -> str:
    """The offered type that equals ``name``, as the document writes it, or else ``name``."""
    same = (each for each in offered if plain(each) == plain(name) and ";" not in name)
    return next(same, name)


def concrete(offered: str, kind: BodyKind) -> str:
    """The media type to send by default for an offered range, or the range itself if the call must choose."""
    if not is_range(offered):
        return offered
    if kind == "json":
        return "application/json"
    if kind == "multipart":
        return "multipart/form-data"
    family = plain(offered).partition("/")[0]
    if family == "text" or (family == "*" and kind == "text"):
        return "text/plain"
    return BYTES if family in ("*", "application") else offered


@functools.cache
def _types() -> MimeTypes:
    from mimetypes import MimeTypes  # for files only

    return MimeTypes()  # Python's own table, without those of the machine


# The first bytes of files, from the WHATWG's MIME Sniffing Standard, "Matching a MIME type pattern".
_SIGNATURES = (
    (rb"\x89PNG", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"RIFF....WAVE", "audio/wav"),
    (rb"BM....\0\0\0\0", "image/bmp"),
    (rb"II\*\0|MM\0\*", "image/tiff"),
    (rb"\0\0\x01\0", "image/x-icon"),
    (rb"....ftypavi[fs]", "image/avif"),
    (rb"....ftyphei[cx]", "image/heic"),
    (rb"....ftypM4A ", "audio/mp4"),
    (rb"....ftyp", "video/mp4"),
    (rb"\x1aE\xdf\xa3", "video/webm"),
    (rb"ID3|\xff[\xf2\xf3\xfb]", "audio/mpeg"),
    (rb"OggS", "audio/ogg"),
    (rb"fLaC", "audio/flac"),
    (rb"wOFF", "font/woff"),
    (rb"wOF2", "font/woff2"),
    (rb"\0\x01\0\0", "font/ttf"),
    (rb"OTTO", "font/otf"),
    (rb"\s*<svg", "image/svg+xml"),
    (rb"%PDF-", "application/pdf"),
    (rb"PK\x03\x04", "application/zip"),
    (rb"\x1f\x8b", "application/gzip"),
)


def recognised(content: bytes) -> str:
    """The media type that a file's first bytes suggest; "" where they suggest none."""
    return next((kind for start, kind in _SIGNATURES if re.match(start, content[:64], re.DOTALL)), "")


def guessed(file_name: str) -> str:
    """The media type that a file's name suggests; "" where it suggests none."""
    ending = re.search(r"\.[a-z0-9]+\Z", file_name.lower())
    if ending and ending[0] in _ENDINGS:
        return _ENDINGS[ending[0]]
    found, packed = _types().guess_type(file_name)
    return found if found and not packed else ""
