"""A failing API: everything succeeds in the end, nothing is done twice."""

from __future__ import annotations

from collections import Counter

from host import Host
from host.apis.stripe import load
from host.events import CallEnded, Event
from host.simulator.fault_injection import Faults, InjectedFault, Rates
from host.simulator.simulator import Simulator

# A script's own retry: create() again asks after the same change, with the same key.
SCRIPT = """
local first = 10 * tonumber(args[1])
local slowest = 0
for n = first + 1, first + 10 do
  local product = new_product():name("p" .. n)
  local tries = 0
  repeat
    tries = tries + 1
    local ok, err = pcall(product.create, product)
    if not ok and (tries == 10 or not err.retryable) then error(err) end
  until ok
end
"""
MIX = Rates(error_before=0.03, reset_before=0.02, reset_after=0.02, too_many=0.03, hang=0.002)


class Drawn(Faults):
    """Faults that are counted."""

    def __init__(self, rates: Rates) -> None:
        super().__init__(rates, seed=4)
        self.count: Counter[str | None] = Counter()

    def draw(self) -> InjectedFault:
        fault = super().draw()
        self.count[fault.failure] += 1
        return fault


class Failures:
    """A sink that counts failed calls by kind and outcome."""

    def __init__(self) -> None:
        self.count: Counter[tuple[str, str]] = Counter()

    def emit(self, event: Event) -> None:
        if isinstance(event, CallEnded) and event.error is not None:
            self.count[event.error["kind"], event.error["outcome"]] += 1


def test_a_thousand_scripts_against_a_failing_api() -> None:
    """3% 500, 2% reset before and 2% after the work, 3% 429, 0.2% hang: 1,000 scripts of 10 creates all
    succeed, each product is made once, and each call that hung was ended by its deadline."""
    faults, failures = Drawn(MIX), Failures()
    api = Simulator(load(), faults=faults)
    with Host(simulator=api, request_deadline=5, sinks=[failures]) as host:
        jobs = ({"code": SCRIPT, "args": [str(n)]} for n in range(1000))
        errors = [str(result.error) for result in host.run_many(jobs, concurrency=200) if result.error]
    assert errors == []
    names = Counter(api.store.get("product", id)["name"] for _, id in api.ledger())
    assert len(names) == 10_000
    assert set(names.values()) == {1}
    assert faults.count["hang"] > 0
    assert failures.count["timeout", "unknown"] == faults.count["hang"]


def test_an_error_kept_for_its_key_leaves_the_outcome_unknown() -> None:
    """A 500 after the work is kept for its key, as Stripe does: the script is told that it may be done."""
    api = Simulator(load(), faults=Faults(Rates(error_after=1.0)))
    with Host(simulator=api) as host:
        result = host.run_source(
            "local product = new_product():name('a') "
            "local ok, err = pcall(product.create, product) return {err.status, err.outcome}"
        )
    assert result.value == [500, "unknown"]
    assert len(api.ledger()) == 1
