"""Failures on purpose."""

from __future__ import annotations

from collections import Counter

import pytest

from host.errors import UsageError
from host.simulator.fault_injection import Faults, Rates


def test_the_command_lines_words_become_rates() -> None:
    """Percentages become shares, and durations become seconds."""
    faults = Faults.parse("500:3%, reset-before:2%,reset-after:2%,429:3%,hang:0.2%,latency:50ms,retry-after:2s")
    assert faults.rates == Rates(
        error_before=0.03,
        reset_before=0.02,
        reset_after=0.02,
        too_many=0.03,
        hang=0.002,
        latency=0.05,
        retry_after=2.0,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("503:3%", "unknown fault '503'; known are 500,"),
        ("500:3", "needs a share from 0% to 100%, not '3'"),
        ("500:101%", "needs a share"),
        ("latency:fast", "needs a time such as 50ms or 1.5s, not 'fast'"),
        ("500:60%,429:60%", "together at most 100%"),
        ("500:3%,hang:1%,500:4%", "500 is given twice"),
        ("latency:50ms,latency:1s", "latency is given twice"),
    ],
)
def test_what_cannot_be_read_is_named(text, said) -> None:
    """An unknown fault or a rate that is none is a ``UsageError`` with the word."""
    with pytest.raises(UsageError, match="fault") as caught:
        Faults.parse(text)
    assert said in str(caught.value)


def test_failures_come_at_their_rates_and_the_same_for_the_same_seed() -> None:
    """Failures come at their rates, and are the same for the same seed."""

    def drawn(seed: int) -> list:
        faults = Faults.parse("500:10%,429:20%,hang:5%", seed)
        return [faults.draw().failure for _ in range(5000)]

    assert drawn(1) == drawn(1) != drawn(2)
    counts = Counter(drawn(1))
    assert 400 < counts["500"] < 600
    assert 850 < counts["429"] < 1150
    assert 170 < counts["hang"] < 330
    assert counts["reset-before"] == 0


def test_resets_happen_before_or_after_the_work(make) -> None:
    """Resets happen before or after the work."""
    before, after = (
        make(faults=Faults.parse("reset-before:100%")),
        make(faults=Faults.parse("reset-after:100%")),
    )
    for api, made in ((before, 0), (after, 1)):
        with pytest.raises(ConnectionResetError):
            api.ask("POST", "/v1/products", "name=x", Idempotency_Key="k")
        with pytest.raises(ConnectionResetError):
            api.ask("POST", "/v1/products", "name=x", Idempotency_Key="k")
        assert len(api.simulator.ledger()) == made


def test_429_says_when_to_come_back(make) -> None:
    """The answer has ``Retry-After``, and nothing was done."""
    api = make(faults=Faults.parse("429:100%,retry-after:2s"))
    status, error = api.error("POST", "/v1/products", "name=x")
    assert (status, error["code"], api.headers["retry-after"]) == (429, "rate_limit", "2")
    assert api.simulator.ledger() == []


def test_a_hang_never_answers_and_does_nothing(make) -> None:
    """A hang never answers and does nothing."""
    api = make(faults=Faults.parse("hang:100%"))
    for _ in range(2):
        with pytest.raises(TimeoutError):
            api.ask("POST", "/v1/products", "name=x", Idempotency_Key="k")
    assert api.simulator.ledger() == []


def test_latency_is_waited_before_the_work(make) -> None:
    """Each request waits for the given time."""
    api = make(faults=Faults.parse("latency:50ms"))
    waited: list[float] = []
    status, _, _ = api.simulator.handle(
        "GET", "/v1/products", {"authorization": "Bearer sk_test_abc"}, wait=waited.append
    )
    assert (status, waited) == (200, [0.05])
