"""Parses requests into trees of plain values: queries, and form, JSON and multipart bodies."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from host.decoding import LARGE, check_json, unpaused
from host.errors import LimitError
from host.simulator.api_error import invalid

Tree = dict[str, Any]
# A parameter of Content-Disposition, whose quoted value may contain semicolons and escaped quotes: RFC 6266, section
# 4.1.
_PARAMETER = re.compile(r';\s*(?P<name>[^\s=;]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^;\s]*))')
_ESCAPED = re.compile(r'\\(["\\])')
MAX_DEPTH = 32
MOST_FIELDS = 50_000  # parameters of a form, parts of a multipart body, or values in JSON


class UploadedFile(dict[str, Any]):
    """An uploaded file: a map of ``filename``, ``size`` (bytes), ``type`` and ``digest``, with the bytes beside it."""

    content: bytes


class ImpliedIndex(str):
    """The name given to an item of ``e[]=…``: its index. Objects cannot have members of such names."""


def path_and_query(target: str) -> tuple[str, str]:
    """``/v1/products?limit=3`` → ``("/v1/products", "limit=3")``; a fragment is dropped."""
    path, _, query = target.partition("#")[0].partition("?")
    return path, query


def segments(path: str) -> list[str]:
    """The path's segments, each percent-decoded by itself, so that an encoded slash stays in its segment."""
    return [unquote(part) if "%" in part else part for part in path.strip("/").split("/")]


def form_tree(text: str) -> Tree:
    """``a[b]=1&c[0][d]=2&e[]=3`` → ``{"a": {"b": "1"}, "c": {"0": {"d": "2"}}, "e": {"0": "3"}}``.

    Lists stay maps by index, as only the schema tells lists from maps. Raises :class:`SimulatedError` where a name is
    used both as a value and as a map, and for too many or too deeply nested parameters.
    """
    tree: Tree = {}
    if text.count("&") >= MOST_FIELDS:
        raise invalid(f"Invalid request: more than {MOST_FIELDS:,} parameters")
    for key, value in _pairs(text):
        if "[" not in key:
            tree[key] = value
        else:
            _place(tree, key, value)
    return tree


def _pairs(text: str) -> Iterable[Sequence[str]]:
    if "%" in text or "+" in text or not text:
        return parse_qsl(text, keep_blank_values=True)
    return (pair.partition("=")[::2] for pair in text.split("&") if pair)


def _place(tree: Tree, key: str, value: Any) -> None:
    head, _, rest = key.partition("[")
    names = [head, *rest.removesuffix("]").split("][")]
    if len(names) > MAX_DEPTH:
        raise invalid(f"Parameters are nested too deeply: {key[:80]}")
    node = tree
    for name in names[:-1]:
        inner = node.setdefault(name or ImpliedIndex(len(node)), {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid object: {head} is given both as a value and as an object", head)
        node = inner
    node[names[-1] or ImpliedIndex(len(node))] = value


def json_tree(body: bytes) -> Any:
    """The value in a JSON body; an empty body is an empty object. Raises :class:`SimulatedError` for invalid JSON."""
    if not body:
        return {}
    try:
        if len(body) > LARGE:
            check_json(body, MOST_FIELDS)
        return unpaused(msgspec.json.decode, body)
    except LimitError as error:
        raise invalid(f"Invalid request body: {error.message}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid(f"Invalid request body: not JSON ({error})") from error


def multipart_tree(content_type: str, body: bytes, lists: Collection[str] = ()) -> Tree:
    """The parts of a multipart body: text parts as text, files as :class:`UploadedFile`.

    ``lists`` names the members that have a part for each of their items. https://www.rfc-editor.org/rfc/rfc7578
    """
    marker = content_type.partition("boundary=")[2].split(";")[0].strip('" ')
    if not marker:
        raise invalid("Invalid request body: multipart without a boundary")
    if body.count(marker.encode()) > MOST_FIELDS:
        raise invalid(f"Invalid request body: more than {MOST_FIELDS:,} parts")
    tree: Tree = {}
    for part in body.split(b"--" + marker.encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        content = content.removesuffix(b"\r\n")
        facts = _disposition(head.decode("utf-8", "replace"))
        value: Any = content.decode("utf-8", "replace")
        if "filename" in facts:
            value = UploadedFile(
                filename=facts["filename"],
                size=len(content),
                type=facts.get("content-type", ""),
                digest=hashlib.blake2b(content, digest_size=16).hexdigest(),
            )
            value.content = content
        name = facts.get("name", "")
        if "[" in name:
            _place(tree, name, value)
        elif name in lists:
            tree.setdefault(name, []).append(value)
        else:
            tree[name] = value
    return tree


def _disposition(head: str) -> dict[str, str]:
    facts: dict[str, str] = {}
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-type":
            facts["content-type"] = value.strip()
        if name.lower() == "content-disposition":
            for found in _PARAMETER.finditer(value):
                facts[found["name"]] = found["plain"] or _ESCAPED.sub(r"\1", found["quoted"] or "")
    return facts
