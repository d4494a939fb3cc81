"""A job on its way: what a run is given arrives, and narrows what whoever does it grants."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from host.errors import UsageError
from host.limits import Limits
from host.policy.budget import Budget
from host.policy.permissions import Permissions
from host.remote.job import RemoteJob, narrowed, narrowing, packed_texts
from host.run.options import RunOptions

OPTIONS: list[dict[str, Any]] = [
    {},
    {"timeout": 2.5},
    {"limits": Limits(memory=8 << 20, run_time=3.0)},
    {"permissions": Permissions(read_only=True, net=("api.example",))},
    {"permissions": Permissions(allow_ops=("stripe.*",)).narrowed(Permissions(deny_ops=("stripe.refunds.*",)))},
    {"budget": Budget(max_calls=500, max_mutations=3)},
    {
        "timeout": 1.0, "limits": Limits(), "permissions": Permissions(env=("A*",), functions=()),
        "budget": Budget(max_calls=0),
    },
]  # fmt: skip


@pytest.mark.parametrize("given", OPTIONS, ids=lambda given: " ".join(given) or "none")
@pytest.mark.parametrize("codec", [msgspec.json, msgspec.msgpack], ids=["in a row", "through a pipe"])
def test_options_that_narrow_arrive_as_they_were(given: dict[str, Any], codec: Any) -> None:
    """Each option, by JSON of a database and by MessagePack of a pipe; those that are not set stay away."""
    plain = narrowing(**given)
    assert plain.keys() == given.keys()
    assert narrowed(codec.decode(codec.encode(plain))) == RunOptions(**given)


def test_every_option_of_a_run_is_carried_or_is_of_one_process_alone() -> None:
    """A further option of a run is to be put among those that are carried, or here."""
    carried = {"args", "globals", "traceparent", *narrowing.__kwdefaults__}
    apart = {"durable", "run_id", "force_new", "sinks"}
    assert carried | apart == set(RunOptions.__struct_fields__)
    assert not carried & apart


@pytest.mark.parametrize("texts", [(), ("a", "é"), ("a", "\udcff\udc80b", "")], ids=["none", "text", "bytes"])
def test_arguments_arrive_whatever_their_bytes(texts: tuple[str, ...]) -> None:
    """Those of a command line need not be UTF-8."""
    assert RemoteJob(args=packed_texts(texts)).texts == texts


@pytest.mark.parametrize("plain", [{"later": 1}, {"permissions": {"later": True}}, {"budget": {"later": 1}}], ids=str)
def test_options_of_another_version_are_refused_by_name(plain: dict[str, Any]) -> None:
    """What a later version narrows by is not passed over in silence."""
    with pytest.raises(UsageError, match="later"):
        narrowed(plain)
