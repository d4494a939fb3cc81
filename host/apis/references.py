"""Resolves a document's references: by JSON pointer, anchor or ``$id``, in the document or in files beside it.

The canonical form of a reference is ``resource#fragment`` with the fragment decoded. The resource is "" for the
document itself, or a file's path below the document's folder. https://www.rfc-editor.org/rfc/rfc6901 ·
https://json-schema.org/draft/2020-12/json-schema-core#section-8.2
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin

from host.errors import CatalogError

__all__ = ["FileSource", "ReferenceResolver", "UnresolvedReference", "digest"]

MOST_FILES = 5000
MOST_SCOPES = 16  # nesting levels of inline schemas with definitions
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # at least two letters, as c: is a Windows drive
_INLINE = re.compile(r"#/(\$defs|definitions)/([^/]+)")


class UnresolvedReference(CatalogError):
    """A reference whose target does not exist or may not be read. Parts of the document without it stay usable."""


class FileSource(NamedTuple):
    """Access to the files beside a document named ``name`` in ``folder``.

    ``read(path)`` returns a file's bytes; ``parse(bytes, name)`` returns their value.
    """

    folder: Path
    name: str
    read: Callable[[Path], bytes]
    parse: Callable[[bytes, str], Any]


class ReferenceResolver:
    """Resolves the references of the document ``root``, and those of files it refers to if there is a ``source``.

    ``files`` maps the relative path of each file read so far to its content's digest, "" if it could not be read.
    """

    def __init__(self, root: dict[str, Any], source: FileSource | None = None) -> None:
        self.files: dict[str, str] = {}
        self._source = source
        self._resources: dict[str, Any] = {}
        self._anchors: dict[str, Any] = {}
        self._bases: dict[int, str] = {}  # id() of a node with a reference -> its base resource, unless ""
        self._mirrors: list[tuple[str, str]] = []  # (URL prefix, local folder with the files of that prefix)
        self._scopes: dict[int, int] = {}  # id() of an inline schema with definitions -> its number
        self._found: dict[str, Any] = {}
        own = root.get("$self")  # OpenAPI 3.2, "OpenAPI Object"
        if isinstance(own, str) and _SCHEME.match(own):
            self._mirrors.append((own.partition("#")[0].rpartition("/")[0] + "/", ""))
            self._resources[own.partition("#")[0]] = root
        self._register(root, "")

    def canonical(self, node: dict[str, Any], key: str = "$ref") -> str:
        """The canonical form of ``node[key]``. Raises ``UnresolvedReference`` if that is not a string."""
        reference = node[key]
        if not isinstance(reference, str):
            raise UnresolvedReference(f"the reference {reference!r} is not a string")
        base = self._bases.get(id(node), "")
        target, _, fragment = reference.partition("#")
        return f"{self._resource_name(base, target)}#{unquote(fragment)}"

    def _resource_name(self, base: str, target: str) -> str:
        if not target:
            return base
        if _SCHEME.match(target) or _SCHEME.match(base):
            url = urljoin(base, target)
            if url in self._resources:
                return url
            for folder, place in self._mirrors:
                if url.startswith(folder):
                    return self._own(posixpath.normpath(posixpath.join(place, unquote(url[len(folder) :]))))
            return url
        return self._own(posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(target))))

    def _own(self, path: str) -> str:
        """``path``, or "" if it is the document's own."""
        return "" if self._source is not None and path == self._source.name else path

    def find(self, canonical: str) -> Any:
        """The target of a canonical reference. Raises ``UnresolvedReference`` with the reason if there is none."""
        if canonical in self._found:
            return self._found[canonical]
        resource, _, fragment = canonical.partition("#")
        node = self._resource(resource)
        if fragment.startswith("/"):
            node = _pointed(node, fragment, canonical)
        elif fragment:
            node = self._anchors.get(canonical)
            if node is None:
                raise UnresolvedReference(f"the reference {canonical!r} names an anchor that no schema has")
        self._found[canonical] = node
        return node

    def _resource(self, name: str) -> Any:
        if name in self._resources:
            return self._resources[name]
        shown = f"the reference to {name!r}"
        if _SCHEME.match(name):
            raise UnresolvedReference(
                f"{shown} is a URL, and nothing is fetched for a document",
                hint="Put the file beside the document and refer to it there, or bundle both into one file.",
            )
        if self._source is None:
            raise UnresolvedReference(
                f"{shown} leaves a document that was not read from a file",
                hint="Give the document as a path, or bundle it into one file.",
            )
        if posixpath.isabs(name) or name.split("/")[0] == "..":
            raise UnresolvedReference(f"{shown} leaves the folder of the document; only files in that folder are read")
        if len(self.files) >= MOST_FILES:
            raise UnresolvedReference(f"{shown} is one of more than {MOST_FILES:,} files")
        return self._read(name, self._source)

    def _read(self, name: str, source: FileSource) -> Any:
        path = source.folder / name
        try:
            real = path.resolve(strict=True)
            inside = real.is_relative_to(source.folder.resolve()) and real.is_file()
        except (OSError, ValueError, RuntimeError):
            self.files[name] = ""  # recorded so that creating the file later invalidates the cached catalog
            raise UnresolvedReference(f"the reference to {name!r} points to no file that can be read") from None
        if not inside:
            raise UnresolvedReference(
                f"the reference to {name!r} leaves the folder of the document; only files in that folder are read"
            )
        try:
            data = source.read(real)
            content = source.parse(data, name)
        except CatalogError as error:
            raise UnresolvedReference(f"the reference to {name!r}: {error.message}") from error
        self.files[name] = digest(data)
        self._register(content, name)
        return content

    def _register(self, root: Any, resource: str) -> None:
        """Record the ids and anchors of a resource, and the base of each reference in it."""
        self._resources[resource] = root
        if not isinstance(root, dict | list):
            return
        seen: set[int] = set()
        waiting: list[tuple[Any, str, _Scope | None]] = [(root, resource, None)]
        while waiting:
            node, base, scope = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            children = node
            if type(node) is dict:
                children = node.values()
                base = self._note(node, base, node is root)
                if node is not root and any(isinstance(node.get(key), dict) for key in ("$defs", "definitions")):
                    scope = _Scope(node, scope, 1 if scope is None else scope.depth + 1)
                if isinstance(node.get("$ref"), str):
                    self._relate(node, base, scope)
            waiting.extend((each, base, scope) for each in children if type(each) is dict or type(each) is list)

    def _note(self, node: dict[str, Any], base: str, is_root: bool) -> str:
        """Record a node's id and anchors; returns the base of its members."""
        own = node.get("$id")
        if isinstance(own, str) and own.partition("#")[0]:
            base = self._identified(node, own.partition("#")[0], base, is_root)
        for key in ("$anchor", "$dynamicAnchor"):
            if isinstance(anchor := node.get(key), str):
                self._anchors.setdefault(f"{base}#{anchor}", node)
        if base and isinstance(node.get("$dynamicRef"), str):
            self._bases[id(node)] = base
        return base

    def _identified(self, node: dict[str, Any], name: str, base: str, is_root: bool) -> str:
        """Register a schema with an ``$id`` as a resource; returns the base of its members.

        The ``$id`` of a whole file also maps the URL's folder to the file's folder.
        """
        if is_root:
            if _SCHEME.match(name):
                self._mirrors.append((name.rpartition("/")[0] + "/", posixpath.dirname(base)))
            self._resources.setdefault(name, node)
            return base
        name = self._resource_name(base, name)
        self._resources.setdefault(name, node)
        return name

    def _relate(self, node: dict[str, Any], base: str, scope: _Scope | None) -> None:
        """Record the base of a node's reference, unless it is the document itself.

        ``#/$defs/X`` without such a definition in the resource refers to the nearest enclosing inline schema that has
        one. Tools such as pydantic write references in this form.
        """
        inline = _INLINE.match(node["$ref"]) if scope is not None else None
        if inline is not None:
            kind, name = inline.group(1), unquote(inline.group(2))
            root = self._resources.get(base)
            known = root.get(kind) if isinstance(root, dict) else None
            while scope is not None and not (isinstance(known, dict) and name in known):
                own = scope.node.get(kind)
                if isinstance(own, dict) and name in own:
                    base = f"inline-{self._scopes.setdefault(id(scope.node), len(self._scopes) + 1)}"
                    self._resources[base] = scope.node
                    break
                scope = scope.outer if scope.depth < MOST_SCOPES else None
        if base:
            self._bases[id(node)] = base


class _Scope(NamedTuple):
    """An inline schema with its own definitions, and the enclosing one."""

    node: dict[str, Any]
    outer: _Scope | None
    depth: int


def _pointed(node: Any, pointer: str, canonical: str) -> Any:
    for raw in pointer.split("/")[1:]:
        step = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and step in node:
            node = node[step]
        elif isinstance(node, list) and step.isdecimal() and step.isascii() and int(step[:9]) < len(node):
            node = node[int(step[:9])]
        else:
            raise UnresolvedReference(f"the reference {canonical!r} points to nothing")
    return node


def digest(data: bytes) -> str:
    """A hexadecimal digest of a file's content, 32 characters long."""
    return blake2b(data, digest_size=16).hexdigest()
