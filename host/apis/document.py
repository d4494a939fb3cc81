"""An OpenAPI document as read: JSON or YAML, its pointers, and what was found wrong on the way."""

from __future__ import annotations

import gzip
import re
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from host.decoding import check_json, unpaused
from host.errors import CatalogError, ConfigError, LimitError

MOST_BYTES = 64 << 20  # of a document, unpacked
MOST_VALUES = 4_000_000  # in JSON
MOST_YAML = 1_500_000  # values in YAML, whose reader takes half a kilobyte for each
MOST_DEPTH = 1000  # of brackets in YAML
MOST_INDENT = 500  # columns
MOST_WARNINGS = 1000
LONGEST_PLACE = 300  # characters, in a message
LONGEST_NUMBER = 400  # characters; reading them takes the square


class Document:
    """The document's root, with lookup of local pointers and a list of warnings."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.warnings: list[str] = []
        self._found: dict[str, Any] = {}

    def warn(self, place: str, fault: str) -> None:
        """Note once that ``place`` (a JSON pointer or a path and method) has a fault that was got around."""
        text = f"{cut(place)}: {fault}"
        if len(self.warnings) < MOST_WARNINGS and text not in self.warnings:
            self.warnings.append(text)

    def has(self, pointer: object) -> bool:
        try:
            self.find(pointer)
        except CatalogError:
            return False
        return True

    def find(self, pointer: object) -> Any:
        """What a local reference (``#/components/schemas/pet``) points to. Raises ``CatalogError``."""
        if not isinstance(pointer, str) or not pointer.startswith("#"):
            raise CatalogError(
                f"the reference {pointer!r} leaves the document", hint="Bundle the document into one file."
            )
        if pointer in self._found:
            return self._found[pointer]
        node: Any = self.root
        for raw in pointer.removeprefix("#").split("/")[1:]:
            step = unquote(raw).replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and step in node:
                node = node[step]
            elif isinstance(node, list) and step.isdigit() and int(step) < len(node):
                node = node[int(step)]
            else:
                raise CatalogError(f"the reference {pointer!r} points to nothing in the document")
        self._found[pointer] = node
        return node

    def follow(self, node: Any, place: str) -> dict[str, Any]:
        """``node`` itself, or what its chain of ``$ref`` leads to: a parameter, body, response …"""
        seen: set[str] = set()
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            pointer = node["$ref"]
            if pointer in seen:
                raise CatalogError(f"{place}: the reference {pointer!r} refers to itself")
            seen.add(pointer)
            try:
                node = self.find(pointer)
            except CatalogError as error:
                raise CatalogError(f"{place}: {error.message}", hint=error.hint) from error
        if not isinstance(node, dict):
            raise CatalogError(f"{place}: expected an object, found {type(node).__name__}")
        return node


def cut(place: str) -> str:
    """A place in the document, as long as a message may tell it."""
    return place if len(place) <= LONGEST_PLACE else f"{place[: LONGEST_PLACE - 1]}…"


def read_document(path: str | Path) -> dict[str, Any]:
    """An OpenAPI document from a JSON or YAML file, gzipped or not.

    Raises ``CatalogError`` naming file and place if it cannot be read, ``ConfigError`` if it is YAML and the
    extra ``luahost[yaml]`` is not installed.
    """
    return parse_document(read_bytes(path), f"API document {path}")


def read_bytes(path: str | Path) -> bytes:
    """What is in a document's file, unpacked; at most ``MOST_BYTES``. Raises ``CatalogError``."""
    label = f"API document {path}"
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            with gzip.open(file) if packed else nullcontext(file) as source:
                data = source.read(MOST_BYTES + 1)
    except EOFError as error:
        raise CatalogError(f"{label} is a truncated gzip file") from error
    except (OSError, zlib.error) as error:
        raise CatalogError(f"{label} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > MOST_BYTES:
        raise CatalogError(f"{label} is over {MOST_BYTES >> 20} MB{', unpacked' if packed else ''}")
    return data


def parse_document(data: bytes, label: str) -> dict[str, Any]:
    """:func:`read_document` of the file's content; ``label`` stands in messages."""
    try:
        check_json(data, MOST_VALUES, None)
        root = unpaused(msgspec.json.decode, data)
    except LimitError as error:
        raise CatalogError(f"{label} has more than {MOST_VALUES:,} values") from error
    except RecursionError:
        raise CatalogError(f"{label} is nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if data.lstrip()[:1] == b"{":
            raise CatalogError(f"{label} is not valid JSON: {error}") from error
        root = _read_yaml(data, label)
    if not isinstance(root, dict):
        raise CatalogError(f"{label} holds {type(root).__name__}, expected an OpenAPI object")
    return root


def _read_yaml(data: bytes, label: str) -> Any:
    try:
        import yaml  # an optional extra, needed for YAML documents only
    except ImportError as error:
        raise ConfigError(
            f"{label} is YAML, which needs PyYAML",
            hint="Install luahost[yaml], or convert the document to JSON.",
        ) from error
    if _is_deep(data):  # libyaml's own recursion ends the process
        raise CatalogError(f"{label} is nested too deep")
    if sum(data.count(mark) for mark in (b"\n", b",", b"[", b"{")) > MOST_YAML:
        raise CatalogError(f"{label} is YAML of more than {MOST_YAML:,} values", hint="Convert it to JSON.")
    loader = _json_like(getattr(yaml, "CSafeLoader", yaml.SafeLoader))(data)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_aliases(node, label)
        return loader.construct_document(node)
    except RecursionError:
        raise CatalogError(f"{label} is nested too deep") from None
    except yaml.YAMLError as error:
        raise CatalogError(f"{label} is neither JSON nor YAML: {error}") from error
    finally:
        loader.dispose()


def _check_aliases(root: Any, label: str) -> None:
    """Raise ``CatalogError`` where a document is too large once its aliases are written out, or has no end then."""
    sizes: dict[int, int] = {}  # by node: how many it is, written out; 0 while it is being counted
    waiting = [(root, False)]
    while waiting:
        node, counted = waiting.pop()
        parts = node.value if isinstance(node.value, list) else ()
        inner = [each for part in parts for each in (part if isinstance(part, tuple) else (part,))]
        if counted:
            sizes[id(node)] = 1 + sum(sizes[id(each)] for each in inner)
            if sizes[id(node)] > MOST_YAML:
                raise CatalogError(f"{label} has more than {MOST_YAML:,} values with its aliases written out")
        elif id(node) not in sizes:
            if node.tag.endswith((":int", ":float")) and len(node.value) > LONGEST_NUMBER:
                raise CatalogError(f"{label} has a number of {len(node.value):,} digits")
            sizes[id(node)] = 0
            waiting.append((node, True))
            waiting.extend((each, False) for each in inner)
        elif not sizes[id(node)]:
            raise CatalogError(f"{label} has an alias inside of what it stands for")


def _is_deep(data: bytes) -> bool:
    """Whether brackets open far more often than they close, wherever they stand, or a line begins that far in."""
    if re.search(rb"^[ \t?:-]{%d}" % MOST_INDENT, data, re.MULTILINE):
        return True
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", data):
        depth = depth + 1 if bracket in b"[{" else max(0, depth - 1)
        if depth > MOST_DEPTH:
            return True
    return False


def _json_like(loader: Any) -> Any:
    """A safe loader that reads dates as text and keys as strings, as JSON would."""

    class Loader(loader):  # type: ignore[misc]
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
            for first, pairs in loader.yaml_implicit_resolvers.items()
        }

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
            # Response codes and enum-like keys: 200 and yes are names here, not numbers and booleans.
            self.flatten_mapping(node)
            return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}

        def construct_yaml_map(self, node: Any) -> Any:
            found: dict[str, Any] = {}
            yield found
            found.update(self.construct_mapping(node))

    Loader.add_constructor("tag:yaml.org,2002:map", Loader.construct_yaml_map)
    return Loader
