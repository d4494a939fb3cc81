"""Where a run or a plan may go on: what is compared, and in which order."""

from __future__ import annotations

import msgspec
import pytest

from host import JournalError
from host.durable.binding import check_bound
from host.durable.journal import Journal
from host.durable.records import Binding, RunRow
from tests.durable.lab import Lab

HERE = Binding("test", "stripe https://api.stripe.com", "account")


def test_nothing_differs_from_itself() -> None:
    """A binding does not differ from an equal one."""
    assert HERE.difference(Binding(*msgspec.structs.astuple(HERE))) is None


@pytest.mark.parametrize("name", Binding.__struct_fields__)
def test_each_field_counts(name: str) -> None:
    """A difference in any field is named, and one that is added later counts without being listed anywhere."""
    assert HERE.difference(msgspec.structs.replace(HERE, **{name: "another"})) == name


def test_the_first_difference_is_the_plainest() -> None:
    """Mode comes before address, and address before key: a run of another mode has another key as well."""
    assert HERE.difference(Binding("live", "stripe http://127.0.0.1", "other")) == "mode"
    assert HERE.difference(Binding("test", "stripe http://127.0.0.1", "other")) == "base"


def run_bound_to(lab: Lab, binding: Binding) -> RunRow:
    """A recorded run whose calls went to ``binding``."""
    lab.run("return 1")
    journal = Journal.open(lab.path)
    run = journal.run("r")
    journal.close()
    assert run is not None
    return msgspec.structs.replace(run, **msgspec.structs.asdict(binding))


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("mode", "is a another run and would continue as a test one"),
        ("base", "called another and would continue with stripe https://api.stripe.com"),
        ("account", "was started with another key"),
    ],
)
def test_a_run_bound_elsewhere_is_refused(lab: Lab, field: str, message: str) -> None:
    """The message names the first difference; another key alone is accepted when that is said."""
    run = run_bound_to(lab, msgspec.structs.replace(HERE, **{field: "another"}))
    with pytest.raises(JournalError, match=message):
        check_bound(run, HERE)
    if field == "account":
        check_bound(run, HERE, other_key=True)
    else:
        with pytest.raises(JournalError, match=message):
            check_bound(run, HERE, other_key=True)
