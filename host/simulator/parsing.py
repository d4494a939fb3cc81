"""What comes over the wire, as trees of plain values: query, form, JSON and multipart bodies."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from host.decoding import LARGE, check_json, unpaused
from host.errors import LimitError
from host.simulator.api_error import invalid

Tree = dict[str, Any]
MAX_DEPTH = 32
MOST_FIELDS = 50_000  # of one request; of JSON: values


class SentFile(dict[str, Any]):
    """A file that was sent: its facts, and beside them what is in it."""

    content: bytes


class Unnamed(str):
    """The name of an item of ``e[]=…``: its place. No map has such names."""


def path_and_query(target: str) -> tuple[str, str]:
    """``/v1/products?limit=3`` → ``("/v1/products", "limit=3")``; a fragment is dropped."""
    path, _, query = target.partition("#")[0].partition("?")
    return path, query


def segments(path: str) -> list[str]:
    """The path's segments, percent-decoded each on its own, so that an encoded slash stays in its segment."""
    return [unquote(part) if "%" in part else part for part in path.strip("/").split("/")]


def form_tree(text: str) -> Tree:
    """``a[b]=1&c[0][d]=2&e[]=3`` → ``{"a": {"b": "1"}, "c": {"0": {"d": "2"}}, "e": {"0": "3"}}``.

    Lists stay maps of their indices: only the schema knows which it is. Raises :class:`Refusal` where a name
    is used both as a value and as a map.
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
        inner = node.setdefault(name or Unnamed(len(node)), {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid object: {head} is given both as a value and as an object", head)
        node = inner
    node[names[-1] or Unnamed(len(node))] = value


def json_tree(body: bytes) -> Any:
    """A JSON body; an empty one is an empty object."""
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
    """A multipart body: text parts as text, files as ``{"filename", "size", "type", "digest"}``.

    ``lists`` names members that have a part for each item.
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
            value = SentFile(
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
            for item in value.split(";")[1:]:
                key, _, text = item.strip().partition("=")
                facts[key] = text.strip('"')
    return facts
