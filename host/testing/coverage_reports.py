"""Reports of coverage: a table, lcov's tracefile, and an HTML page."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

import msgspec

from host.errors import HostError, UsageError
from host.testing.coverage import Coverage, FileCoverage, share

__all__ = ["CoverageForm", "as_html", "as_lcov", "as_table", "coverage_form", "report_coverage"]

EXPECTED = "text, lcov:FILE or html:FOLDER (or html:FILE.html)"


class CoverageForm(msgspec.Struct, frozen=True):
    """A report: ``kind`` is text, lcov or html; text has no path."""

    kind: str
    path: Path | None = None


def coverage_form(text: str) -> CoverageForm:
    """Parse the value of ``--coverage``. Raises ``UsageError``."""
    kind, colon, path = text.partition(":")
    if kind == "text" and not colon:
        return CoverageForm(kind)
    if kind not in ("lcov", "html") or not path:
        raise UsageError(f"coverage as {text!r}: expected {EXPECTED}")
    file = Path(path)
    if kind == "html" and file.suffix.lower() not in (".html", ".htm"):
        file /= "index.html"
    return CoverageForm(kind, file)


def report_coverage(coverage: Coverage, forms: Sequence[CoverageForm], least: float | None) -> tuple[str, bool]:
    """Write the requested reports. Returns the text to print, and whether at least ``least`` per cent was reached.

    Raises ``HostError`` for a file that cannot be written.
    """
    files = coverage.files()
    lines = []
    for form in dict.fromkeys(forms):
        if form.path is None:
            lines.append(as_table(files))
            continue
        text = as_lcov(files) if form.kind == "lcov" else as_html(files)
        try:
            form.path.parent.mkdir(parents=True, exist_ok=True)
            form.path.write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            raise HostError(f"the coverage cannot be written to {form.path}: {error.strerror}") from error
        lines.append(f"coverage written to {form.path}")
    reached = share(files)
    enough = least is None or reached >= least
    if not enough:
        lines.append(f"coverage is {_percent(reached)}, below the required {least:g}%")
    return "\n".join(lines), enough


def as_table(files: Sequence[FileCoverage]) -> str:
    """A line for each file, and the total."""
    if not files:
        return "coverage: no Lua file except tests was loaded"
    rows = [(_shown(each), each.reached, each.hit, _ranges(each)) for each in files]
    width = max(len("total"), *(len(name) for name, *_ in rows))
    total, hit = sum(len(each.reached) for each in files), sum(each.hit for each in files)
    lines = [f"{'coverage':<{width}}  lines  missed  covered"]
    for name, reached, reached_lines, missed in rows:
        part = 100.0 * reached_lines / len(reached) if reached else 100.0
        tail = f"  {missed}" if missed else ""
        lines.append(
            f"{name:<{width}}  {len(reached):>5}  {len(reached) - reached_lines:>6}  {_percent(part):>7}{tail}"
        )
    lines.append(f"{'total':<{width}}  {total:>5}  {total - hit:>6}  {_percent(share(files)):>7}")
    return "\n".join(lines)


def as_lcov(files: Iterable[FileCoverage]) -> str:
    """A tracefile, as described in geninfo(1)."""
    lines = []
    for each in files:
        lines += ["TN:", f"SF:{each.path}", *(f"DA:{line},{count}" for line, count in each.reached.items())]
        lines += [f"LF:{len(each.reached)}", f"LH:{each.hit}", "end_of_record"]
    return "".join(f"{line}\n" for line in lines)


def as_html(files: Sequence[FileCoverage]) -> str:
    """A self-contained page: the table, and the source of each file with its lines marked."""
    rows = "\n".join(
        f'<tr><td><a href="#f{number}">{escape(_shown(each))}</a></td><td>{len(each.reached)}</td>'
        f"<td>{len(each.missed)}</td><td>{_percent(share([each]))}</td></tr>"
        for number, each in enumerate(files)
    )
    texts = "\n".join(
        f'<h2 id="f{number}">{escape(_shown(each))}</h2>\n<pre>{"".join(_marked(each))}</pre>'
        for number, each in enumerate(files)
    )
    total = _percent(share(files))
    parts = {"total": total, "rows": rows, "texts": texts}
    return re.sub(r"\{(total|rows|texts)\}", lambda found: parts[found[1]], _PAGE)


def _marked(file: FileCoverage) -> Iterator[str]:
    rows = re.split(r"\r\n|\n\r|\n|\r", file.text)
    for number, text in enumerate(rows if rows[-1] else rows[:-1], 1):
        count = file.reached.get(number)
        kind, said = ("", "") if count is None else ("hit", f"{count}×") if count else ("miss", "not reached")
        yield f'<span class="{kind}"><i>{number:>5} {said:>11} </i>{escape(text)}\n</span>'


def _shown(file: FileCoverage) -> str:
    try:
        found = os.path.relpath(file.path)
    except ValueError:  # another drive
        return str(file.path)
    return str(file.path) if found.startswith(os.pardir) else found


def _percent(part: float) -> str:
    """A percentage, never rounded up to 100% or down to 0%."""
    shown = f"{part:.1f}"
    if (shown == "100.0") != (part == 100) or (shown == "0.0") != (part == 0):
        shown = "99.9" if part > 50 else "0.1"
    return f"{shown}%"


def _ranges(file: FileCoverage) -> str:
    """The missed lines, as ranges without a reached line between them: ``3-7, 12``."""
    missed = set(file.missed)
    groups: list[list[int]] = []
    for line in file.reached:
        if line in missed:
            if groups and groups[-1]:
                groups[-1].append(line)
            else:
                groups.append([line])
        else:
            groups.append([])
    found = [each for each in groups if each]
    shown = [str(each[0]) if len(each) == 1 else f"{each[0]}-{each[-1]}" for each in found]
    more = f", and {len(shown) - 12} more" if len(shown) > 12 else ""
    return ", ".join(shown[:12]) + more


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Lua coverage: {total}</title>
<style>
:root { color-scheme: light dark; --hit: #e3f6e3; --miss: #fde0dc; --line: #ccc; --quiet: #666; }
@media (prefers-color-scheme: dark) { :root { --hit: #16331a; --miss: #4d1f1b; --line: #444; --quiet: #aaa; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
pre { font: 14px/1.5 ui-monospace, monospace; overflow-x: auto; border: 1px solid var(--line); }
pre span { display: block; }
pre i { color: var(--quiet); font-style: normal; user-select: none; }
.hit { background: var(--hit); }
.miss { background: var(--miss); }
</style>
</head>
<body>
<h1>Lua coverage: {total}</h1>
<table>
<thead>
<tr><th scope="col">file</th><th scope="col">lines</th><th scope="col">missed</th><th scope="col">covered</th></tr>
</thead>
<tbody>
{rows}
</tbody>
</table>
{texts}
</body>
</html>
"""
