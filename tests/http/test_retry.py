from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.errors import (
    CallTimeout,
    ConfigError,
    DeniedError,
    InvalidCall,
    LimitError,
    NetworkError,
    UnexpectedAnswer,
)
from host.http.idempotency import RandomKeys, derived_key, random_key
from host.http.message import Request, Response
from host.http.retry import RetryBudget, RetryPolicy, decide, retry_after

POLICY = RetryPolicy(retries=2, base=0.5, cap=8.0)
READ = Request("GET", "https://h/")
KEYED = Request("POST", "https://h/", mutation=True, idempotency_key="k")
BARE = Request("POST", "https://h/", mutation=True)


def again(request, outcome, *, attempt=1, deadline=1000.0, policy=POLICY, draw=1.0):
    return decide(policy, attempt, request, outcome, deadline, 0.0, lambda: draw)


def answer(status, **headers):
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()})


RESET = NetworkError("reset", retryable=True, outcome="unknown")
REFUSED = NetworkError("refused", retryable=True, outcome="not_sent")
TABLE = [
    # outcome, again for a read, with a key, for a mutation without one
    (answer(200), False, False, False),
    (answer(201), False, False, False),
    (answer(302), False, False, False),
    (answer(400), False, False, False),
    (answer(402), False, False, False),
    (answer(404), False, False, False),
    (answer(409), True, True, False),
    (answer(429), True, True, False),
    (answer(500), True, True, False),
    (answer(503), True, True, False),
    (answer(500, stripe_should_retry="false"), False, False, False),
    (answer(429, stripe_should_retry="false"), False, False, False),
    (answer(400, stripe_should_retry="true"), True, True, False),
    (RESET, True, True, False),
    (REFUSED, True, True, True),
    (CallTimeout("late", phase="connect", retryable=True, outcome="not_sent"), True, True, True),
    (CallTimeout("late", phase="response", retryable=True, outcome="unknown"), True, True, False),
    (UnexpectedAnswer("cut off", retryable=True, outcome="unknown"), True, True, False),
    (UnexpectedAnswer("too large", retryable=False), False, False, False),
    (NetworkError("tls", retryable=False, outcome="not_sent"), False, False, False),
    (InvalidCall("bad", retryable=False), False, False, False),
    (DeniedError("no"), False, False, False),
    (LimitError("breaker", retryable=False, outcome="not_sent"), False, False, False),
]


@pytest.mark.parametrize(("outcome", "read", "keyed", "bare"), TABLE)
def test_what_is_sent_again_and_what_never(outcome, read, keyed, bare):
    """The table of what is sent again and what never is."""
    got = [again(request, outcome) is not None for request in (READ, KEYED, BARE)]
    assert got == [read, keyed, bare]


def test_the_number_of_retries_is_the_policys_or_the_requests_own():
    """The number of retries is the policy's or the request's own."""
    assert [again(READ, RESET, attempt=n) is not None for n in (1, 2, 3)] == [True, True, False]
    never = Request("GET", "https://h/", retries=0)
    assert again(never, RESET) is None
    often = Request("GET", "https://h/", retries=9)
    assert again(often, RESET, attempt=9) is not None
    assert again(often, RESET, attempt=10) is None


def test_the_delay_doubles_up_to_its_cap_and_jitter_takes_a_part_of_it():
    """The delay doubles up to its cap and jitter takes a part of it."""
    many = RetryPolicy(retries=99)
    assert [again(READ, RESET, attempt=n, policy=many) for n in range(1, 7)] == [0.5, 1, 2, 4, 8, 8]
    assert again(READ, RESET, draw=0.25) == 0.125
    assert again(READ, RESET, draw=0.0) == 0.0


def test_retry_after_is_waited_for_and_one_that_is_too_long_ends_it():
    """Retry-After is waited for and one that is too long ends it."""
    assert again(READ, answer(429, retry_after="7")) == 7.0
    assert again(READ, answer(503, retry_after="0")) == 0.5
    assert again(READ, answer(429, retry_after="61")) is None
    assert again(READ, NetworkError("x", retryable=True, retry_after=3.0)) == 3.0


def test_no_retry_starts_after_the_deadline():
    """Not after the backoff, and not after the time that ``Retry-After`` asks for."""
    assert again(READ, RESET, deadline=0.6) == 0.5
    assert again(READ, RESET, deadline=0.5) is None
    assert again(READ, answer(429, retry_after="7"), deadline=7.0) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 5 ", 5.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 37.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(text, seconds):
    """Retry-After is read in both forms."""
    wall = 784111740.0  # 08:49:00 of that day
    assert retry_after({"retry-after": text}, wall) == seconds
    assert retry_after({}, wall) is None


@given(st.integers(1, 20), st.floats(0, 1), st.sampled_from(TABLE), st.floats(0, 100))
def test_a_delay_is_never_negative_nor_beyond_the_deadline(attempt, draw, row, deadline):
    """A delay is never negative nor beyond the deadline."""
    for request in (READ, KEYED, BARE):
        delay = again(request, row[0], attempt=attempt, draw=draw, deadline=deadline)
        assert delay is None or 0 <= delay < deadline


def test_the_budget_keeps_retries_to_a_share_of_the_requests():
    """The budget keeps retries to a share of the requests."""
    budget = RetryBudget(share=0.2, reserve=10)
    retries = 0
    for _ in range(1000):
        budget.earn()
        retries += budget.spend()
    assert 200 <= retries <= 210


def test_a_quiet_time_saves_up_only_so_much():
    """A quiet time saves up only so much."""
    budget = RetryBudget(share=0.2, reserve=10)
    for _ in range(10_000):
        budget.earn()
    assert sum(budget.spend() for _ in range(1000)) == 50


@pytest.mark.parametrize("options", [{"retries": -1}, {"base": -1}, {"base": 2, "cap": 1}])
def test_a_policy_that_cannot_be_is_refused(options):
    """An impossible policy is refused."""
    with pytest.raises(ConfigError):
        RetryPolicy(**options)


def test_each_key_of_a_stock_is_given_once_whatever_thread_asks():
    """Each key of a stock is given once, whichever thread asks."""
    keys = RandomKeys()
    with ThreadPoolExecutor(8) as threads:
        found = [key for part in threads.map(lambda _: [keys.next() for _ in range(1000)], range(8)) for key in part]
    assert len(set(found)) == 8000
    assert all(len(key) == 32 and int(key, 16) >= 0 for key in found)


def test_random_keys_differ_and_derived_ones_are_the_same_for_the_same_call_only():
    """Random keys differ, and derived ones are the same only for the same call."""
    assert len({random_key() for _ in range(1000)}) == 1000
    calls = [("run", (0,), 1), ("run", (0,), 11), ("run", (0, 1), 1), ("run", (0, 1), 2), ("run2", (0,), 1)]
    calls += [("a", ("b", 1), 1), ("a", ("b1",), 1), ("a", (1, "1"), 1), ("a", ("11",), 1), ("a", (), 11)]
    keys = [derived_key(*call) for call in calls]
    assert len(set(keys)) == len(calls)
    assert keys == [derived_key(*call) for call in calls]
    assert all(len(key) == 40 for key in keys)


def test_the_seed_of_the_jitter_is_the_callers():
    """The seed of the jitter is the caller's."""
    rng = random.Random(7)
    assert decide(POLICY, 1, READ, RESET, 99, 0, rng.random) == 0.5 * random.Random(7).random()
