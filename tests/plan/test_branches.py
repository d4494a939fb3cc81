"""Where a script's text decides by, or uses, what was made up."""

from __future__ import annotations

import pytest

from host.plan.branches import branches_on

MADE_UP = {"status": "planned_a_1", "total": "planned_a_1"}
USED = {"total": "planned_a_1"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('if a.status == "open" then', [("decides by", "status")]),
        ("while a.status do", [("decides by", "status")]),
        ("until a.total > 5", [("decides by", "total")]),
        ("local x = a.status or b.total", [("decides by", "status"), ("decides by", "total")]),
        ("return a.status ~= nil", [("decides by", "status")]),
        ("local n = a.total * 2", [("uses", "total")]),
        ("print(a.status)", []),
        ("if a.name then", []),
        ("if a.status() then", []),  # a function of the script's own
        ("if x then print(a..status) end", []),  # joins two texts
        ('print("if a.status then")', []),
        ("-- if a.status then", []),
        ("--[[ if\na.status then ]]", []),
        ("print([==[ if a.total ]==])", []),
        ("print('it\\'s if a.total')", []),
    ],
)
def test_a_line_is_recognised_by_what_it_does(line: str, said: list[tuple[str, str]]) -> None:
    """Texts and comments are none of it."""
    assert [(does, member) for _, does, member, _ in branches_on(line.encode(), MADE_UP, USED)] == said


def test_lines_are_counted_through_long_texts_and_comments() -> None:
    """The line is the script's."""
    source = b"--[[ one\ntwo ]]\nlocal s = [[three\nfour]]\nif a.status then end"
    assert [line for line, *_ in branches_on(source, MADE_UP, USED)] == [5]
