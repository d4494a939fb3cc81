"""Kinds of errors are listed once, as classes; whatever else lists them says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from host import errors
from host.errors import CallError, HostError, ScriptError, exit_codes, kinds

ROOT = Path(__file__).parent.parent


def classes() -> list[type[HostError]]:
    """Every error class of the file."""
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, HostError)]
    return [each for each in found if each.__module__ == "host.errors"]


@pytest.mark.parametrize("error", classes(), ids=lambda error: error.__name__)
def test_the_tree_at_the_top_of_the_file_has_every_class_with_its_kind_and_exit_code(error: type[HostError]) -> None:
    """The tree at the top of the file has every class with its kind and exit code."""
    (line,) = re.findall(rf"(?m)^\W+{error.__name__} .*$", errors.__doc__ or "")
    if issubclass(error, CallError) and error is not CallError:
        assert f'kind "{error.kind}"' in line
        assert line.endswith(f"exit {error.exit_code}")
    assert error.__name__ in errors.__all__


def test_a_kind_belongs_to_one_class_and_is_one_word() -> None:
    """Each subclass of CallError has a kind of its own, as scripts compare it."""
    found = [each.kind for each in classes() if issubclass(each, CallError) and each is not CallError]
    assert sorted(found) == sorted(kinds())
    assert all(re.fullmatch(r"\w+", kind) for kind in found)


@pytest.mark.parametrize("kind", kinds())
def test_a_run_that_ends_with_a_call_s_error_has_its_exit_code(kind: str) -> None:
    """A new class needs no second place for it."""
    assert ScriptError("x", kind=kind).exit_code == kinds()[kind].exit_code == exit_codes()[kind]


def test_a_class_added_later_counts_at_once() -> None:
    """A kind somebody adds has its exit code, and durable runs know whether to try it again."""

    class RateError(CallError):
        kind = "rate"
        exit_code = 5
        passing = True

    try:
        assert ScriptError("x", kind="rate").exit_code == 5
        assert kinds()["rate"].passing
    finally:
        del RateError
        import gc

        gc.collect()


def test_readme_and_editor_types_name_every_kind() -> None:
    """What a reader and an editor are told is the same list."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| kind | what happened |") :].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == set(kinds())
    stubs = (ROOT / "host" / "apis" / "stubs.lua").read_text(encoding="utf-8")
    (union,) = re.findall(r"---@field kind ([^\n]+)", stubs)
    assert set(re.findall(r'"(\w+)"', union)) == set(kinds())
