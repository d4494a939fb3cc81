from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.errors import ConfigError
from host.http.circuit_breaker import CircuitBreaker, CircuitBreakerPolicy
from host.http.rate_limiter import Rate, TokenBucket


def test_a_bucket_lets_its_burst_through_at_once_and_then_keeps_its_rate():
    """A bucket lets its burst through at once and then keeps its rate."""
    bucket = TokenBucket(Rate(10, burst=3), 0.0)
    assert [bucket.take(0.0) for _ in range(3)] == [0, 0, 0]
    assert [round(bucket.take(0.0), 6) for _ in range(3)] == [0.1, 0.2, 0.3]
    assert round(bucket.take(0.3), 6) == 0.1
    assert bucket.take(100.0) == 0


@given(st.floats(0.5, 500), st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_no_more_than_the_burst_and_the_rate_go_out_in_any_time(rate, gaps):
    """No more than the burst and the rate go out in any time."""
    bucket, now, starts = TokenBucket(Rate(rate, burst=5), 0.0), 0.0, []
    for gap in gaps:
        now += gap
        starts.append(now + bucket.take(now))
    assert starts == sorted(starts)
    for first in range(0, len(starts), 7):
        for last in range(first, len(starts), 5):
            seconds = starts[last] - starts[first]
            assert last - first + 1 <= 5 + seconds * rate + 1e-6 * len(starts) + 1


def test_a_token_given_back_is_there_for_the_next():
    """A token given back is there for the next."""
    bucket = TokenBucket(Rate(1, burst=1), 0.0)
    bucket.take(0.0)
    assert bucket.take(0.0) == 1.0
    bucket.give_back()
    assert bucket.take(0.0) == 1.0


def test_a_429_halves_the_rate_once_for_all_answers_of_that_moment_and_success_restores_it():
    """A 429 halves the rate once for all answers of that moment and success restores it."""
    bucket = TokenBucket(Rate(100), 0.0)
    for _ in range(50):
        bucket.rejected(1.0, None)
    assert bucket.rate == 50
    for second in range(2, 20):
        bucket.rejected(float(second * 10), None)
    assert bucket.rate == 100 / 16
    for _ in range(200):
        bucket.accepted()
    assert bucket.rate == 100


def test_after_a_429_nothing_goes_out_before_the_server_wants_it_back():
    """After a 429 nothing goes out before the server wants it back."""
    bucket = TokenBucket(Rate(100), 0.0)
    bucket.rejected(0.0, 3.0)
    assert bucket.take(1.0) == 2.0
    assert bucket.take(3.5) < 0.1
    bucket.rejected(10.0, 86_400.0)
    assert bucket.take(10.0) <= 60.0


def test_a_breaker_opens_after_failures_in_a_row_and_a_probe_closes_it():
    """A breaker opens after failures in a row and a probe closes it."""
    breaker = CircuitBreaker(CircuitBreakerPolicy(failures=3, pause=1.0))
    for _ in range(2):
        breaker.failed(0.0, "status 500")
    breaker.succeeded()
    for _ in range(2):
        breaker.failed(0.0, "status 500")
    assert breaker.closed
    breaker.failed(0.0, "reset")
    assert not breaker.closed
    assert (breaker.failures, breaker.reason) == (3, "reset")
    assert breaker.wait(0.25) == 0.75
    assert breaker.wait(1.0) == 0.0  # the probe
    assert breaker.wait(1.0) > 0  # nobody else meanwhile
    breaker.succeeded()
    assert breaker.closed
    assert breaker.wait(1.0) == 0.0


def test_a_failed_probe_doubles_the_pause_up_to_its_bound():
    """A failed probe doubles the pause up to its bound."""
    breaker = CircuitBreaker(CircuitBreakerPolicy(failures=1, pause=1.0, longest=3.0))
    breaker.failed(0.0, "x")
    now, pauses = 1.0, []
    for _ in range(4):
        assert breaker.wait(now) == 0.0
        breaker.failed(now, "x")
        pauses.append(breaker.wait(now))
        now += pauses[-1]
    assert pauses == [2.0, 3.0, 3.0, 3.0]
    breaker.wait(now)
    breaker.succeeded()
    breaker.failed(now, "x")
    assert breaker.wait(now) == 1.0


def test_a_probe_that_was_cancelled_lets_another_try():
    """A probe that was cancelled lets another try."""
    breaker = CircuitBreaker(CircuitBreakerPolicy(failures=1, pause=1.0))
    breaker.failed(0.0, "x")
    assert breaker.wait(1.0) == 0.0
    breaker.abandoned()
    assert breaker.wait(1.0) == 0.0


def test_failures_of_requests_sent_before_it_opened_do_not_prolong_the_pause():
    """Failures of requests sent before it opened do not prolong the pause."""
    breaker = CircuitBreaker(CircuitBreakerPolicy(failures=1, pause=1.0))
    for at in (0.0, 0.5, 0.9):
        breaker.failed(at, "x")
    assert breaker.wait(1.0) == 0.0


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rate(0),
        lambda: Rate(1, burst=0.5),
        lambda: CircuitBreakerPolicy(failures=0),
        lambda: CircuitBreakerPolicy(pause=0),
        lambda: CircuitBreakerPolicy(pause=2, longest=1),
    ],
)
def test_limits_that_cannot_be_are_refused(make):
    """Rates, bursts and pauses that make no sense are a ``ConfigError``."""
    with pytest.raises(ConfigError):
        make()
