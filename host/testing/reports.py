"""Reports of Lua tests for other programs: JUnit's XML and the Test Anything Protocol.

JUnit's format has no standard; this is what Jenkins, GitLab and GitHub Actions read. TAP is version 14:
https://testanything.org/tap-version-14-specification.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import msgspec

from host.errors import ScriptError
from host.testing.cases import Outcome, describe

__all__ = ["LuaTestResult", "junit_xml", "tap_lines"]

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


class LuaTestResult(msgspec.Struct, frozen=True):
    """One test of a file, its outcome and its time in ``seconds``. Without a name it stands for a file that did not
    load, or whose teardown failed.
    """

    file: str
    name: str
    outcome: Outcome
    seconds: float = 0.0
    line: int | None = None

    @property
    def error(self) -> ScriptError | None:
        """Why it failed, if it did."""
        return self.outcome.error


def junit_xml(results: Sequence[LuaTestResult]) -> bytes:
    """A suite for each file, with a case for each test."""
    root = Element("testsuites", _counts(results) | {"name": "luahost"})
    by_file: dict[str, list[LuaTestResult]] = {}
    for result in results:
        by_file.setdefault(result.file, []).append(result)
    for file, of_file in by_file.items():
        suite = SubElement(root, "testsuite", _counts(of_file) | {"name": _clean(file)})
        for result in of_file:
            _add_case(suite, result)
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(results: Sequence[LuaTestResult]) -> dict[str, str]:
    failed = [each for each in results if each.outcome.status == "failed"]
    return {
        "tests": str(len(results)),
        "failures": str(sum(1 for each in failed if each.name)),
        "errors": str(sum(1 for each in failed if not each.name)),
        "skipped": str(sum(1 for each in results if each.outcome.status == "pending")),
        "time": f"{sum(each.seconds for each in results):.3f}",
    }


def _add_case(suite: Element, result: LuaTestResult) -> None:
    named = {"name": _clean(result.name or result.file), "classname": _clean(result.file), "file": _clean(result.file)}
    line = {} if result.line is None else {"line": str(result.line)}
    case = SubElement(suite, "testcase", {**named, **line, "time": f"{result.seconds:.3f}"})
    outcome = result.outcome
    if outcome.error is not None:
        kind = {"message": _clean(outcome.error.message.partition("\n")[0]), "type": outcome.error.kind}
        SubElement(case, "failure" if result.name else "error", kind).text = _clean(describe(outcome.error))
    elif outcome.status == "pending":
        SubElement(case, "skipped", {"message": _clean(outcome.reason)} if outcome.reason else {})
    if outcome.output:
        SubElement(case, "system-out").text = _clean(outcome.output)


def _clean(text: str) -> str:
    """A string without characters that XML does not allow."""
    return _NO_XML.sub("\ufffd", text)


def tap_lines(number: int, result: LuaTestResult) -> list[str]:
    """The lines of a test point, with details of a failure as a YAML block."""
    words = " ".join(f"{result.file}: {result.name}".split()) if result.name else result.file
    title = words.replace("\\", "\\\\").replace("#", "\\#")
    outcome = result.outcome
    if outcome.status == "pending":
        return [f"ok {number} - {title} # SKIP {outcome.reason or 'pending'}"]
    if outcome.error is None:
        return [f"ok {number} - {title}"]
    known = {
        "message": outcome.error.message,
        "at": outcome.error.place or None,
        "kind": outcome.error.kind,
        "expected": outcome.error.facts.get("expected"),
        "actual": outcome.error.facts.get("actual"),
        "output": outcome.output or None,
    }
    block = [f"  {name}: {json.dumps(value)}" for name, value in known.items() if value is not None]  # JSON is YAML
    return [f"not ok {number} - {title}", "  ---", *block, "  ..."]
