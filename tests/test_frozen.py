"""Frozen values: what is shown of them, and what counts when two are compared."""

from __future__ import annotations

import copy
import pickle

import pytest
from msgspec.structs import replace

from host import Budget, Limits, Permissions, RunResult, Script, Settings
from host.errors import DeniedError


def test_a_value_cannot_be_changed() -> None:
    """Setting a field raises AttributeError, as that of any frozen value."""
    for value, name in ((Limits(), "calls"), (Settings(), "journal"), (RunResult("run_1", "a.lua"), "value")):
        with pytest.raises(AttributeError):
            setattr(value, name, 1)


def test_what_is_not_to_be_seen_is_not_in_a_repr() -> None:
    """A script's text, a job and a journal's URL with its password are left out; the rest is as it is made."""
    assert repr(Script("a.lua", b"return 1")) == "Script(name='a.lua', folder=None)"
    assert "job" not in repr(RunResult("run_1", "a.lua", job={"script": "a.lua"}))
    assert "hunter2" not in repr(Settings(journal="postgresql://me:hunter2@db/runs"))
    assert repr(Limits()).startswith("Limits(lua_time=30.0, run_time=None, ")


def test_what_does_not_count_is_not_compared() -> None:
    """Results of different jobs and settings of different sources are equal and hash alike; other values are not."""
    one, other = (RunResult("run_1", "a.lua", value=1, job=job) for job in (1, 2))
    assert one == other
    assert (one != other) is False
    assert hash(one) == hash(other)
    assert one != replace(one, value=2)
    assert (one == replace(one, value=2)) is False
    assert one != "run_1"
    said = Settings(http_timeout=2.0, sources={"http_timeout": "environment"})
    assert said == Settings(http_timeout=2.0)
    assert hash(said) == hash(Settings(http_timeout=2.0))
    assert said != Settings(http_timeout=3.0)


def test_a_value_that_holds_a_dict_can_be_hashed() -> None:
    """Budgets and settings are keys of dicts, whatever their amounts and limits are."""
    amounts = Budget(max_amount={"usd": 1}), Budget(max_amount={"usd": 2})
    assert len({*amounts, Budget(max_amount={"usd": 1})}) == 2
    assert hash(Settings(api_limits={"stripe": {"rate": 5}})) == hash(Settings())  # type: ignore[arg-type]
    assert Settings(api_limits={"stripe": {"rate": 5}}) != Settings()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [Limits(calls=5), Budget(max_amount={"usd": 1}), Permissions(net="*"), RunResult("run_1", "a.lua")]
)
def test_a_copy_is_equal(value: object) -> None:
    """Copies, and what pickle makes again, are equal to their original."""
    assert copy.copy(value) == copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value


def test_replaced_permissions_decide_anew() -> None:
    """What was decided by permissions is forgotten in those made of them."""
    wide = Permissions()
    wide.check_operation("stripe.products.create", True)
    narrow = replace(wide, read_only=True)
    with pytest.raises(DeniedError, match="read_only"):
        narrow.check_operation("stripe.products.create", True)
    with pytest.raises(DeniedError, match="read_only"):
        wide.narrowed(Permissions(read_only=True)).check_operation("stripe.products.create", True)
    wide.check_operation("stripe.products.create", True)
