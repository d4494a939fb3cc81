"""The agenda of a simulator: entries are carried out in order, and none is lost when one fails."""

from __future__ import annotations

from typing import Any

import pytest

from host.simulator.agenda import ORDINARY, Agenda
from host.simulator.store import Store


class Context:
    """A request's context, as far as the agenda reads it."""

    account = ""

    def __init__(self, now: int = 0, clock: str = ORDINARY) -> None:
        self.now, self.clock = now, clock

    def at(self, now: int, clock: str) -> Context:
        """The context at another time."""
        return Context(now, clock)

    def within(self, account: str) -> Context:
        """The context of another account."""
        return self


def test_an_action_that_fails_leaves_all_entries_due() -> None:
    """After a rollback, the next run carries out the failed entry and those before it."""
    store, done, broken = Store(), list[tuple[str, int]](), {"b"}

    def act(call: Any, id: str) -> None:
        if id in broken:
            raise ValueError(id)
        done.append((id, call.now))

    agenda = Agenda(store, {"act": act})
    for at, id in ((30, "c"), (10, "a"), (20, "b")):
        agenda.add(Context(), at, "act", id)
    store.commit()
    with pytest.raises(ValueError, match="b"):
        agenda.run(Context(), ORDINARY, 40)
    store.rollback()
    broken.clear()
    done.clear()
    agenda.run(Context(), ORDINARY, 40)
    assert done == [("a", 10), ("b", 20), ("c", 30)]


def test_an_entry_that_is_moved_is_carried_out_once() -> None:
    """Adding an entry again moves it; its former time leads to nothing."""
    done: list[int] = []
    agenda = Agenda(Store(), {"act": lambda call, id: done.append(call.now)})
    agenda.add(Context(), 10, "act", "a")
    agenda.add(Context(), 25, "act", "a")
    agenda.run(Context(), ORDINARY, 20)
    assert (done, agenda.soonest) == ([], 25)
    agenda.run(Context(), ORDINARY, 30)
    assert done == [25]


class OfAccount(Context):
    """The same, for a connected account."""

    account = "acct_1"

    def within(self, account: str) -> Context:
        """The context of an account, which the test looks at."""
        found = Context(self.now, self.clock)
        found.account = account
        return found

    def at(self, now: int, clock: str) -> OfAccount:
        """The context at another time."""
        return OfAccount(now, clock)


def test_an_entry_is_dropped_for_its_own_account_alone() -> None:
    """The same object id in another account, or on the platform, keeps its entry; without an account the platform's is
    meant, and what is not there is dropped without a word.
    """
    done: list[tuple[str, str]] = []
    agenda = Agenda(Store(), {"act": lambda call, id: done.append((call.account, id))})
    for context in (Context(), OfAccount()):
        for id in ("a", "b"):
            agenda.add(context, 10, "act", id)
    agenda.drop("act", "a")
    agenda.drop("act", "b", "acct_1")
    agenda.drop("act", "b", "acct_2")
    agenda.drop("another", "b")
    agenda.run(OfAccount(), ORDINARY, 20)
    assert done == [("", "b"), ("acct_1", "a")]
    agenda.drop("act", "b")
    agenda.add(Context(), 30, "act", "b")
    agenda.run(OfAccount(), ORDINARY, 40)
    assert done[2:] == [("", "b")]
