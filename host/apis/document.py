"""An OpenAPI document as read: JSON or YAML, its pointers, and what was found wrong on the way."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from host.errors import CatalogError, ConfigError

MOST_DEPTH = 1000  # of brackets in YAML


class Document:
    """The document's root, with lookup of local pointers and a list of warnings."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.warnings: list[str] = []
        self._found: dict[str, Any] = {}

    def warn(self, place: str, fault: str) -> None:
        """Note once that ``place`` (a JSON pointer or a path and method) has a fault that was got around."""
        text = f"{place}: {fault}"
        if text not in self.warnings:
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


def read_document(path: str | Path) -> dict[str, Any]:
    """An OpenAPI document from a JSON or YAML file, gzipped or not.

    Raises ``CatalogError`` naming file and place if it cannot be read, ``ConfigError`` if it is YAML and the
    extra ``luahost[yaml]`` is not installed.
    """
    path = Path(path)
    label = f"API document {path}"
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except OSError as error:
        raise CatalogError(f"{label} cannot be read: {error.strerror or error}") from error
    except EOFError as error:
        raise CatalogError(f"{label} is a truncated gzip file") from error
    return parse_document(data, label)


def parse_document(data: bytes, label: str) -> dict[str, Any]:
    """:func:`read_document` of the file's content; ``label`` stands in messages."""
    try:
        root = msgspec.json.decode(data)
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
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(data, _json_like(loader))  # noqa: S506 a safe loader's subclass
    except RecursionError:
        raise CatalogError(f"{label} is nested too deep") from None
    except yaml.YAMLError as error:
        raise CatalogError(f"{label} is neither JSON nor YAML: {error}") from error


def _is_deep(data: bytes) -> bool:
    """Whether brackets open far more often than they close, wherever they stand."""
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
