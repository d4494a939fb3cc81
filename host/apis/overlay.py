"""OpenAPI Overlay 1.0: documents that change an API's document without editing it.

https://spec.openapis.org/overlay/v1.0.0.html. An overlay is trusted as much as whoever gives it to the host.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from host.apis.document import parse_document, read_bytes
from host.errors import CatalogError, ConfigError, UsageError

__all__ = ["Overlay", "Overlays", "mended", "overlay_bytes", "overlays"]

Overlay = str | os.PathLike[str] | Mapping[str, Any]
Overlays = Overlay | Sequence[Overlay]


def overlays(given: Overlays | None) -> tuple[Overlay, ...]:
    """The argument ``overlay=`` as a tuple. Raises ``UsageError``."""
    if given is None:
        return ()
    each = (given,) if isinstance(given, str | os.PathLike | Mapping) else given
    if not isinstance(each, list | tuple) or not all(isinstance(one, str | os.PathLike | Mapping) for one in each):
        raise UsageError(
            f"overlay is {type(given).__name__}; expected an overlay's path, its content, or a list of these"
        )
    return tuple(each)


def overlay_bytes(overlay: Overlay) -> bytes:
    """The content of an overlay's file."""
    if isinstance(overlay, Mapping):
        return msgspec.json.encode(overlay)
    return read_bytes(overlay, "overlay")


def mended(document: dict[str, Any], given: Iterable[Overlay]) -> tuple[dict[str, Any], list[str]]:
    """A copy of ``document`` with the overlays applied in order, and warnings about actions without effect.

    Raises ``CatalogError`` naming the overlay and its action, ``ConfigError`` if ``luahost[overlay]`` is not installed.
    """
    document, notes = copy.deepcopy(document), list[str]()
    for overlay in given:
        label = "the overlay" if isinstance(overlay, Mapping) else f"overlay {os.fspath(overlay)}"
        content = parse_document(overlay_bytes(overlay), label)
        version = content.get("overlay")
        if not isinstance(version, str) or not version.startswith("1."):
            raise CatalogError(f"{label} has overlay: {version!r}; expected 1.0.x")
        actions = content.get("actions")
        if not isinstance(actions, list) or not actions:
            raise CatalogError(f"{label} has no actions")
        for number, action in enumerate(actions, 1):
            if not _apply(document, action, f"{label}, action {number}"):
                notes.append(f"{label}, action {number}: its target {action['target']} selects nothing")
    return document, notes


def _apply(document: dict[str, Any], action: Any, place: str) -> bool:
    """Apply one action. Returns whether its target selects anything."""
    target = action.get("target") if isinstance(action, dict) else None
    if not isinstance(target, str):
        raise CatalogError(f"{place} has no target, a JSONPath expression such as $.paths")
    remove = action.get("remove", False)
    if not isinstance(remove, bool) or not (remove or "update" in action):
        raise CatalogError(f"{place} has neither update nor remove: true")
    paths = _selected(document, target, place)
    if remove:
        for path in reversed(paths):  # later items of a list first
            if not path:
                raise CatalogError(f"{place} would remove the whole document")
            parent = _at(document, path[:-1])
            del parent[path[-1]]
    else:
        for path in paths:
            _update(_at(document, path), action["update"], place)
    return bool(paths)


def _selected(document: dict[str, Any], target: str, place: str) -> list[tuple[str | int, ...]]:
    """The places a target selects, each once, in the document's order."""
    try:
        import jsonpath  # an optional extra, for overlays only
    except ImportError as error:
        raise ConfigError(f"{place} needs python-jsonpath", hint="Install luahost[overlay].") from error
    try:
        return list(dict.fromkeys(match.parts for match in jsonpath.finditer(target, document)))
    except (jsonpath.JSONPathError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise CatalogError(f"{place}: the target {target} is not a JSONPath expression: {reason}") from error


def _at(document: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        document = document[step]
    return document


def _update(target: Any, update: Any, place: str) -> None:
    if isinstance(target, list):
        target.extend(copy.deepcopy(update if isinstance(update, list) else [update]))
    elif isinstance(target, dict) and isinstance(update, Mapping):
        _merge(target, update)
    else:
        fault = "its target is neither an object nor a list; select what it is in"
        if isinstance(target, dict):
            fault = f"its update is {type(update).__name__}, expected an object to merge"
        raise CatalogError(f"{place}: {fault}")


def _merge(target: dict[str, Any], update: Mapping[str, Any]) -> None:
    for name, value in update.items():
        known = target.get(name)
        if isinstance(known, dict) and isinstance(value, Mapping):
            _merge(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            known.extend(copy.deepcopy(value))
        else:
            target[name] = copy.deepcopy(value)
