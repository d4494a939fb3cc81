"""How long a browser takes to open trace pages of 1, 100, and 50,000 calls: ``python -m benchmarks.trace_pages``.

``page`` is the time of the page's own program, ``all`` that of the browser from its start to its end.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from time import monotonic

from host.events import CallEnded, CallStarted, RunEnded, RunStarted
from host.report.html import HtmlSink
from tests.report.chromium import CHROMIUM, dom_of

COUNTS = (1, 100, 50_000)
TASKS = 50


def write(path: Path, count: int) -> None:
    """A page of one run with so many calls, as large as those of products are."""
    answer = {
        "headers": [["content-type", "application/json"]] * 4,
        "body": '{"id":"prod_1","x":"y"}' * 16,
        "size": 368,
    }
    tries = [
        {"offset": 0.01, "duration": 0.2, "connect": 0.0, "waited": 0.0, "held": 0.0, "status": 200, "error": None}
    ]
    with path.open("w") as stream:
        sink = HtmlSink(stream)
        sink.emit(RunStarted("run_1", 1000.0, "pay.lua", source="local x = 1\n" * 40))
        for number in range(count):
            at = 1000 + number * 0.01
            name, task = "stripe.products.create", f"1.{number % TASKS + 1}"
            sink.emit(CallStarted("run_1", at, number, name, 7, {"name": f"product {number}"}, task))
            detail = {"tries": tries, "request": answer, "response": answer}
            url = "https://api.stripe.com/v1/products"
            sink.emit(CallEnded("run_1", at + 0.3, number, name, 0.3, "POST", url, 200, "req_1", detail=detail))
        sink.emit(RunEnded("run_1", 1000 + count * 0.01, count * 0.01, count))
        sink.close()


def main() -> int:
    """Print one line for each size."""
    if CHROMIUM is None:
        print("chromium is not installed (apt-get install chromium)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        for count in COUNTS:
            page = Path(folder, f"{count}.html")
            write(page, count)
            start = monotonic()
            found = re.search(r'data-loaded="(\d+)"', dom_of(page))
            took = monotonic() - start
            size = page.stat().st_size / 1e6
            print(f"{count:>7,} calls  {size:7.1f} MB  page {found[1] if found else '?':>6} ms  all {took:5.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
