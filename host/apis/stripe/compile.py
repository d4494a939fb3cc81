"""``python -m host.apis.stripe.compile [DOCUMENT]``: rebuild ``stripe.catalog``.

Without an argument, compiles the document in the repository. With one (in this repository's form or as published by
Stripe; JSON or YAML, gzipped or not), compiles that and, on success, replaces the document in the repository.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import msgspec

from host.apis.document import read_document
from host.apis.stripe import COMPILED
from host.apis.stripe.facts import compile_stripe
from host.errors import HostError

DOCUMENT = Path(__file__).with_name("stripe.openapi.json.gz")


def main(argv: list[str]) -> int:
    """Run the command with the arguments after the program's name; returns the exit code."""
    if len(argv) > 1:
        sys.stderr.write("usage: python -m host.apis.stripe.compile [DOCUMENT]\n")
        return 2
    path = Path(argv[0]) if argv else DOCUMENT
    try:
        document = read_document(path)
        catalog = compile_stripe(document)
    except HostError as error:
        sys.stderr.write(f"{error.message}\n{error.hint or ''}\n")
        return error.exit_code
    if path != DOCUMENT:
        # Without a timestamp in the header, the same document gives the same bytes.
        DOCUMENT.write_bytes(gzip.compress(msgspec.json.encode(document), 9, mtime=0))
    data = catalog.dump()
    COMPILED.write_bytes(data)
    for warning in catalog.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    sys.stdout.write(
        f"{COMPILED.name}: {catalog.title} {catalog.version}, {len(catalog.operation_ids())} operations, "
        f"{len(catalog.builder_names())} builders, {len(data):,} bytes\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
