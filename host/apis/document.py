"""Reads an OpenAPI document (JSON or YAML), resolves its references, and collects warnings."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec

from host.apis.references import FileSource, ReferenceResolver, UnresolvedReference
from host.decoding import check_json, unpaused
from host.errors import CatalogError, ConfigError, LimitError

MOST_BYTES = 64 << 20  # of an unpacked document
MOST_VALUES = 4_000_000  # in JSON
MOST_YAML = 1_500_000  # values in YAML, whose reader takes half a kilobyte for each
MOST_DEPTH = 1000  # of brackets in YAML
MOST_INDENT = 500  # columns
MOST_WARNINGS = 1000
LONGEST_PLACE = 300  # characters, in a message
LONGEST_NUMBER = 400  # characters, since reading takes quadratic time


class Document:
    """The document's root, with lookup of references and a list of warnings.

    ``source`` reads files beside the document; without it, references to files are not resolved.
    """

    def __init__(self, root: dict[str, Any], source: FileSource | None = None) -> None:
        self.root = root
        self.warnings: list[str] = []
        self.references = ReferenceResolver(root, source)
        self.is_old = str(root.get("openapi", "")).startswith("3.0")  # before JSON Schema 2020-12
        self._unusable: dict[str, list[str]] = {}

    def warn(self, place: str, fault: str) -> None:
        """Note once that ``place`` (a JSON pointer, or a path and method) has a fault, although it compiles."""
        text = f"{cut(place)}: {fault}"
        if len(self.warnings) < MOST_WARNINGS and text not in self.warnings:
            self.warnings.append(text)

    def become(self, root: dict[str, Any], source: FileSource | None) -> Document:
        """A document with another root made from this one, which shares its warnings and the files read."""
        found = Document(root, source)
        found.warnings = self.warnings
        found.references.files.update(self.references.files)
        return found

    def refuse(self, place: str, fault: str) -> None:
        """Note that the operation at ``place`` (``GET /pets``) cannot be called, and why."""
        faults = self._unusable.setdefault(place, [])
        if fault not in faults:
            faults.append(fault)

    def why_unusable(self, place: str) -> str:
        """Why the operation there cannot be called, or ""."""
        return "; ".join(self._unusable.get(place, ()))

    def follow(self, node: Any, place: str) -> dict[str, Any]:
        """``node`` itself, or what its chain of ``$ref`` leads to: a parameter, body, response …

        Raises ``UnresolvedReference`` if it leads nowhere, and ``CatalogError`` if it is not an object.
        """
        seen: set[str] = set()
        while isinstance(node, dict) and "$ref" in node:
            try:
                canonical = self.references.canonical(node)
                if canonical in seen:
                    raise UnresolvedReference(f"the reference {node['$ref']!r} refers to itself")
                seen.add(canonical)
                node = self.references.find(canonical)
            except UnresolvedReference as error:
                raise UnresolvedReference(f"{place}: {error.message}", hint=error.hint) from error
        if not isinstance(node, dict):
            raise CatalogError(f"{place}: expected an object, found {type(node).__name__}")
        return node


def cut(place: str) -> str:
    """A place in the document, shortened for a message."""
    return place if len(place) <= LONGEST_PLACE else f"{place[: LONGEST_PLACE - 1]}…"


def read_document(path: str | Path) -> dict[str, Any]:
    """An OpenAPI document from a JSON or YAML file, gzipped or not.

    Raises ``CatalogError`` naming file and place if it cannot be read, ``ConfigError`` if it is YAML and the
    extra ``luahost[yaml]`` is not installed.
    """
    return parse_document(read_bytes(path), f"API document {path}")


def beside(path: str | Path) -> FileSource:
    """A reader of files below the document's folder, to which it may refer. Together they have the limits of one."""
    place = Path(path).resolve()
    bytes_left, values_left = MOST_BYTES, MOST_YAML

    def read(file: Path) -> bytes:
        nonlocal bytes_left
        data = read_bytes(file)
        bytes_left -= len(data)
        if bytes_left < 0:
            raise CatalogError(f"the files referred to are over {MOST_BYTES >> 20} MB together")
        return data

    def parse(data: bytes, name: str) -> Any:
        nonlocal values_left
        values_left -= _most_values(data)
        if values_left < 0:
            raise CatalogError(f"the files referred to have more than {MOST_YAML:,} values together")
        return parse_values(data, name)

    return FileSource(place.parent, place.name, read, parse)


def read_bytes(path: str | os.PathLike[str], kind: str = "API document") -> bytes:
    """The unpacked content of a document's file, at most ``MOST_BYTES``. Raises ``CatalogError``."""
    label = f"{kind} {path}"
    if str(path).startswith(("http:/", "https:/")):  # a Path has one slash left
        raise CatalogError(f"{label} is a URL, and documents are read from files", hint="Download it first.")
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
    """:func:`read_document` for the content of a file; ``label`` names it in messages."""
    root = parse_values(data, label)
    if not isinstance(root, dict):
        raise CatalogError(f"{label} contains {type(root).__name__}, expected an OpenAPI object")
    return root


def parse_values(data: bytes, label: str) -> Any:
    """The value in a JSON or YAML file, of any type. Raises as :func:`read_document` does."""
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
    return root


def _most_values(data: bytes) -> int:
    """An upper bound of the number of values in a string, by its punctuation."""
    return sum(data.count(mark) for mark in (b"\n", b",", b"[", b"{"))


def _read_yaml(data: bytes, label: str) -> Any:
    try:
        import yaml  # an optional extra, needed for YAML documents only
    except ImportError as error:
        raise ConfigError(
            f"{label} is YAML, which needs PyYAML",
            hint="Install luahost[yaml], or convert the document to JSON.",
        ) from error
    if _is_deep(data):  # deep recursion in libyaml would crash the process
        raise CatalogError(f"{label} is nested too deep")
    if _most_values(data) > MOST_YAML:
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
    """Raise ``CatalogError`` if a document is too large, or infinite, once its aliases are expanded."""
    sizes: dict[int, int] = {}  # by node, the number of values once expanded; 0 while it is being counted
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
            _check_keys(node, label)
            sizes[id(node)] = 0
            waiting.append((node, True))
            waiting.extend((each, False) for each in inner)
        elif not sizes[id(node)]:
            raise CatalogError(f"{label} has an alias that contains itself")


def _check_keys(node: Any, label: str) -> None:
    """Raise ``CatalogError`` for an object with two members of one name, of which a reader would drop one."""
    if not node.tag.endswith(":map"):
        return
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key.value, str) and not key.tag.endswith(":merge"):
            if key.value in seen:
                line = key.start_mark.line + 1
                raise CatalogError(f"{label}, line {line}: an object has two members called {key.value!r}")
            seen.add(key.value)


def _is_deep(data: bytes) -> bool:
    """Whether brackets are nested too deeply, counted anywhere in the text, or a line is indented too far."""
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
            # Keys such as the status 200 or the word yes are names, not numbers or booleans.
            self.flatten_mapping(node)
            return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}

        def construct_yaml_map(self, node: Any) -> Any:
            found: dict[str, Any] = {}
            yield found
            found.update(self.construct_mapping(node))

    Loader.add_constructor("tag:yaml.org,2002:map", Loader.construct_yaml_map)
    return Loader
