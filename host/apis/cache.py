"""A cache of compiled catalogs on disk, by the content of their documents."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from host.apis.catalog import FORMAT, Catalog
from host.data_folder import cache_folder
from host.errors import CatalogError

if TYPE_CHECKING:
    from host.apis.descriptions import Descriptions
    from host.apis.overlay import Overlays
    from host.apis.references import FileSource

__all__ = ["catalog_of", "descriptions_of"]

# The modules that make a catalog from a document. If they change, cached catalogs are not used.
_MAKERS = (
    *("bodies", "catalog", "descriptions", "document", "facts", "keywords", "list_items", "media_types", "naming"),
    *("openapi", "openapi_versions", "operation_names", "overlay", "page_names", "page_parameters", "pagination"),
    *("references", "responses", "schema_merging", "schema_nodes", "schemas", "security", "swagger2", "unresolved"),
    "webhook_reader",
)


def catalog_of(
    document: str | os.PathLike[str] | Mapping[str, Any] | Catalog,
    name: str,
    folder: Path | None = None,
    overlay: Overlays | None = None,
) -> Catalog:
    """The catalog, named ``name``, of an OpenAPI document: a file (JSON or YAML, gzipped or not), its decoded content,
    or a compiled catalog. ``overlay`` is one or several OpenAPI Overlays, which are applied first.

    The catalog of a file is cached in ``folder`` by the file's content. Raises ``CatalogError`` naming the place in the
    document.
    """
    if isinstance(document, Catalog):
        if document.name != name:
            raise CatalogError(f"the catalog is called {document.name!r}, not {name!r}")
        if overlay is not None:
            raise CatalogError(f"the catalog {name!r} is compiled already; an overlay applies to its document")
        return document
    if isinstance(document, Mapping):
        return _compiled(dict(document), name, overlay, None)
    from host.apis.document import beside, parse_document, read_bytes

    path = Path(document)
    data = read_bytes(document)
    kept = (folder or Path(cache_folder(), "catalogs")) / f"{name}-{_digest(data, overlay)}.catalog"
    try:
        catalog = Catalog.load(kept.read_bytes())
        if catalog.name == name and _current(catalog.facts.files, path.resolve().parent):
            return catalog
    except (OSError, CatalogError):
        pass  # not there, or damaged: made again
    catalog = _compiled(parse_document(data, f"API document {path}"), name, overlay, beside(path))
    _keep(kept, catalog.dump())
    return catalog


def descriptions_of(
    document: str | os.PathLike[str] | Mapping[str, Any],
    catalog: Catalog,
    folder: Path | None = None,
    overlay: Overlays | None = None,
) -> Descriptions:
    """The descriptions in the document of ``catalog``, cached beside it in a file that runs never load."""
    from host.apis.descriptions import Descriptions, describe
    from host.apis.openapi_versions import opened

    if isinstance(document, Mapping):
        return describe(opened(_mended(dict(document), overlay)[0], None), catalog)
    from host.apis.document import beside, parse_document, read_bytes

    path = Path(document)
    data = read_bytes(document)
    files = "".join(f"{name} {known}\n" for name, known in catalog.facts.files.items())
    name = f"{catalog.name}-{_digest(data + files.encode(), overlay)}.descriptions"
    kept = (folder or Path(cache_folder(), "catalogs")) / name
    try:
        return msgspec.msgpack.decode(kept.read_bytes(), type=Descriptions)
    except (OSError, msgspec.MsgspecError):
        pass  # not there, or damaged: made again
    root, _ = _mended(parse_document(data, f"API document {path}"), overlay)
    found = describe(opened(root, beside(path)), catalog)
    _keep(kept, msgspec.msgpack.encode(found))
    return found


def _mended(root: dict[str, Any], overlay: Overlays | None) -> tuple[dict[str, Any], list[str]]:
    """The document with its overlays applied, and warnings about parts of them without effect."""
    if overlay is None:
        return root, []
    from host.apis.overlay import mended, overlays

    return mended(root, overlays(overlay))


def _compiled(root: dict[str, Any], name: str, overlay: Overlays | None, files: FileSource | None) -> Catalog:
    from host.apis.openapi import compile  # only where something is compiled

    root, notes = _mended(root, overlay)
    catalog = compile(root, name, files=files)
    if not notes:
        return catalog
    return catalog.with_facts(msgspec.structs.replace(catalog.facts, warnings=(*notes, *catalog.warnings)))


def _current(files: Mapping[str, str], folder: Path) -> bool:
    """Whether the files a document refers to are unchanged, by their digests ("" for a missing file)."""
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


def _digest(data: bytes, overlay: Overlays | None) -> str:
    digest = blake2b(data, digest_size=16)
    if overlay is not None:
        from host.apis.overlay import overlay_bytes, overlays

        for each in overlays(overlay):
            content = overlay_bytes(each)
            digest.update(b"%d:" % len(content) + content)
    digest.update(f"{FORMAT} {sys.version_info[:2]}".encode())
    here = Path(__file__).parent
    for maker in _MAKERS:
        with contextlib.suppress(OSError):  # a package without its sources
            digest.update((here / f"{maker}.py").read_bytes())
    return digest.hexdigest()


def _keep(path: Path, data: bytes) -> None:
    """Write the whole file or nothing. If the folder is not writable, the catalog is merely compiled again."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        os.replace(file.name, path)
