"""Compiled catalogs kept on disk, by the content of their documents."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from host.apis.catalog import FORMAT, Catalog
from host.errors import CatalogError

__all__ = ["cache_folder", "catalog_of"]

# Whatever makes a catalog of a document: where it changes, what it made before is not used.
_MAKERS = (
    *("bodies", "catalog", "document", "keywords", "list_items", "media_types", "naming", "openapi"),
    *("page_names", "pagination", "references", "responses", "schemas", "security", "unresolved"),
)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where catalogs are kept: ``$XDG_CACHE_HOME/luahost``, by default ``~/.cache/luahost``."""
    if sys.platform == "win32":
        base = environ.get("LOCALAPPDATA") or str(Path.home())
    else:
        base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "luahost"


def catalog_of(
    document: str | os.PathLike[str] | Mapping[str, Any] | Catalog, name: str, folder: Path | None = None
) -> Catalog:
    """The catalog of an OpenAPI document, called ``name``: a file (JSON or YAML, gzipped or not), its decoded
    content, or a catalog that is compiled already.

    What a file gave is kept in ``folder``, by its content, and read from there the next time. Raises
    ``CatalogError`` naming the place in the document.
    """
    if isinstance(document, Catalog):
        if document.name != name:
            raise CatalogError(f"the catalog is called {document.name!r}, not {name!r}")
        return document
    if isinstance(document, Mapping):
        from host.apis.openapi import compile  # only where something is compiled

        return compile(dict(document), name)
    from host.apis.document import beside, parse_document, read_bytes

    path = Path(document)
    data = read_bytes(path)
    kept = (folder or cache_folder() / "catalogs") / f"{name}-{_digest(data)}.catalog"
    try:
        catalog = Catalog.load(kept.read_bytes())
        if catalog.name == name and _current(catalog.facts.files, path.resolve().parent):
            return catalog
    except (OSError, CatalogError):
        pass  # not there, or damaged: made again
    from host.apis.openapi import compile

    catalog = compile(parse_document(data, f"API document {path}"), name, files=beside(path))
    _keep(kept, catalog.dump())
    return catalog


def _current(files: Mapping[str, str], folder: Path) -> bool:
    """Whether the files a document refers to are what they were, by their digests; "" for one that was not there."""
    from host.apis.document import read_bytes
    from host.apis.references import digest

    for name, known in files.items():
        try:
            found = digest(read_bytes(folder / name))
        except CatalogError:
            found = ""
        if found != known:
            return False
    return True


def _digest(data: bytes) -> str:
    digest = blake2b(data, digest_size=16)
    digest.update(f"{FORMAT} {sys.version_info[:2]}".encode())
    here = Path(__file__).parent
    for maker in _MAKERS:
        with contextlib.suppress(OSError):  # a package without its sources
            digest.update((here / f"{maker}.py").read_bytes())
    return digest.hexdigest()


def _keep(path: Path, data: bytes) -> None:
    """Write it whole or not at all. A folder that cannot be written to costs time, nothing else."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        os.replace(file.name, path)
