"""What is understood of real API documents: pages of lists, and simulated creates whose objects can be retrieved.

python -m benchmarks.understood FOLDER [-v] [NAME …]       documents below FOLDER; -v names what is not understood
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from host.apis.catalog import Catalog, Operation, Schema
from host.apis.document import beside, read_document
from host.apis.list_items import one_shape
from host.apis.openapi import compile
from host.apis.page_names import plain_name
from host.apis.page_parameters import page_parameter
from host.apis.prepare import prepare
from host.errors import HostError
from host.simulator.added_apis.paths import collection_of, normal
from host.simulator.simulator import Simulator

SAMPLES = (  # for patterns
    *("USD", "US", "en-US", "abc", "ABC123", "1234567890", "123456789012345678", "10", "2026-01-02", "a@b.co", "/x"),
    *(
        "https://example.com",
        "+14155550100",
        "#aabbcc",
        "2026-01-02T03:04:05Z",
        "10:00",
        "a" * 40,
        f"sha256:{'a' * 64}",
    ),
    *(
        f"{two}{'0' * 32}"
        for two in ("AC", "CA", "CF", "SD", "CL", "AL", "IS", "CH", "BU", "BN", "XE", "PN", "VA", "MG")
    ),
)
FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "uri": "https://example.com/x",
    "email": "a@example.com",
    "uuid": "6f1c1b7e-0000-4000-8000-000000000001",
    "ipv4": "10.0.0.1",
}
NAMES = ("id", "sha", "uid", "gid", "sid", "uuid", "name", "key", "slug", "token")


def lists(catalog: Catalog) -> Iterator[Operation]:
    """Reads that answer with a list somewhere, and take a parameter that pages."""
    for id in catalog.operation_ids():
        operation = catalog.operation(id)
        assert operation is not None
        if operation.method != "GET" or operation.result is None:
            continue
        paged = any(page_parameter(each.name) for each in operation.params.values() if each.location == "query")
        if paged and _has_list(catalog, operation.result, 0):
            yield operation


def _has_list(catalog: Catalog, schema: Schema, depth: int) -> bool:
    full = one_shape(schema, catalog)
    return full.type == "array" or (
        depth < 3 and any(_has_list(catalog, each, depth + 1) for each in full.properties.values())
    )


def pairs(catalog: Catalog) -> Iterator[tuple[Operation, Operation]]:
    """Each POST on a collection, with the GET of its items."""
    items: dict[str, Operation] = {}
    operations = [operation for id in catalog.operation_ids() if (operation := catalog.operation(id)) is not None]
    for operation in operations:
        if operation.method == "GET" and normal(operation.path).endswith("/{}"):
            items.setdefault(collection_of(normal(operation.path)), operation)
    for operation in operations:
        if operation.method == "POST" and normal(operation.path) in items:
            yield operation, items[normal(operation.path)]


def sample(catalog: Catalog, schema: Schema, depth: int = 0) -> Any:
    """A value of a schema, with what it requires."""
    full = catalog.resolve(schema)
    if full.default is not None or full.enum:
        return full.default if full.default is not None else next(v for v in (*full.enum, "") if v is not None)
    if full.any_of:
        return sample(catalog, full.any_of[0], depth)
    if full.type in ("integer", "number", "boolean"):
        return True if full.type == "boolean" else int(max(full.minimum or 1, 1))
    if full.type == "array":
        return [sample(catalog, full.items, depth + 1)] if full.items and depth < 5 else []
    if full.type == "object" or full.properties:
        needed = [] if depth > 6 else [name for name in full.required if name in full.properties]
        known = ((name, full.properties[name]) for name in needed)
        return {name: sample(catalog, each, depth + 1) for name, each in known if not catalog.resolve(each).read_only}
    return _text(full)


def _text(full: Schema) -> str:
    if full.format in FORMATS:
        return FORMATS[full.format]
    example = [full.example] if isinstance(full.example, str) and full.example else []
    if full.pattern:
        try:
            return next(text for text in (*example, *SAMPLES) if re.search(full.pattern, text))
        except (StopIteration, re.error):
            return "abc"
    text = example[0] if example else "abc" * max(1, (full.min_length or 3) // 3 + 1)
    return text[: full.max_length or None]


def meets(catalog: Catalog, create: Operation, retrieve: Operation, simulator: Simulator) -> str:
    """ "" where what ``create`` answers can be retrieved; else what stands in the way."""
    import json

    given = {n: sample(catalog, p.schema) for n, p in create.params.items() if p.required}
    try:
        status, body = _call(catalog, create, given, simulator)
        if status >= 300:
            return f"create {status}: {body[:100]!r}"
        answer = json.loads(body) if body else None
        target = retrieve.path_params[-1]
        id = _id(answer, retrieve.params[target].name, {create.params[n].name: v for n, v in given.items()})
        if id is None:
            return "no id in the answer"
        asked = {n: sample(catalog, p.schema) for n, p in retrieve.params.items() if p.required}
        asked.update(zip(retrieve.path_params[:-1], (given[n] for n in create.path_params), strict=True))
        status, body = _call(catalog, retrieve, {**asked, target: id}, simulator)
    except HostError as error:
        return str(error)[:120]
    return "" if status < 300 else f"retrieve {status}: {body[:100]!r}"


def _call(catalog: Catalog, operation: Operation, given: dict[str, Any], simulator: Simulator) -> tuple[int, bytes]:
    request = prepare(catalog, operation, given, base_url=catalog.base_url or "https://example.test")
    parts = urlsplit(request.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    status, _, body = simulator.handle(request.method, target, dict(request.headers), request.content)
    return status, body


def _id(answer: Any, wire: str, given: dict[str, Any]) -> Any:
    found = [(plain_name(name), value) for name, value in _scalars(answer, 0) if value != ""]
    sent = {plain_name(name): value for name, value in given.items() if isinstance(value, str | int)}
    own = plain_name(wire)
    if own in sent:
        return sent[own]
    ends = [name for name in NAMES if own.endswith(name)]
    for wanted in (own, *sorted(ends, key=len, reverse=True), *NAMES):
        for name, value in found:
            if name == wanted:
                return value
    return next((value for name, value in found if name.endswith("id")), None)


def _scalars(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list) and value:
        yield from _scalars(value[0], depth)
    if isinstance(value, dict):
        yield from ((n, v) for n, v in value.items() if isinstance(v, str | int) and not isinstance(v, bool))
        if depth < 2:
            for inner in value.values():
                yield from _scalars(inner, depth + 1)


def main() -> None:
    folder, *names = [each for each in sys.argv[1:] if each != "-v"]
    counts = [0, 0, 0, 0, 0]
    for file in sorted(Path(folder).rglob("*")):
        if file.suffix not in (".json", ".yaml", ".yml") or (names and not any(name in file.name for name in names)):
            continue
        try:
            catalog = compile(read_document(file), "x", files=beside(file))
        except HostError as error:
            print(f"{file.name:40} {str(error)[:80]}")
            continue
        listed, simulator = list(lists(catalog)), Simulator(catalog, seed=1)
        met = [(create, retrieve, meets(catalog, create, retrieve, simulator)) for create, retrieve in pairs(catalog)]
        paged, found = [op for op in listed if op.paging], [each for each in met if not each[2]]
        print(f"{file.name:40} lists {len(paged):4} of {len(listed):4}   pairs {len(found):4} of {len(met):4}")
        if "-v" in sys.argv:
            for line in (f"{op.id} {op.path}" for op in listed if not op.paging):
                print(f"    list {line}")
            for line in (f"{create.id}: {why}" for create, _, why in met if why):
                print(f"    pair {line}")
        for n, more in enumerate((1, len(paged), len(listed), len(found), len(met))):
            counts[n] += more
    print("{} documents: lists {} of {}, pairs {} of {}".format(*counts))


if __name__ == "__main__":
    main()
