"""What an answer says of the change it answers, for every status."""

from __future__ import annotations

from itertools import product

import pytest

from host.http.message import Response
from host.http.outcome import FINAL, is_key_in_use, refusal, settles

JSON = {"content-type": "application/json; charset=utf-8"}
ABOUT_KEY = b'{"error": {"type": "Idempotency_Error"}}'


@pytest.mark.parametrize("status", [*range(100, 200), *range(300, 600)])
def test_only_a_4xx_says_that_nothing_was_done(status: int) -> None:
    """And in doubt only one that is about the key's own request; a key in use never."""
    for in_doubt, replayed, body in product((False, True), (False, True), (b"{}", ABOUT_KEY, b"")):
        headers = JSON | ({"idempotent-replayed": "true"} if replayed else {})
        answer = Response(status, headers, body, in_doubt=in_doubt)
        said = refusal(answer)
        if not 400 <= status < 500 or (status == 409 and body == ABOUT_KEY):
            assert said == "unknown"
        elif not in_doubt or replayed:
            assert said == "rejected"
        else:
            assert said == ("rejected" if status in FINAL and body != ABOUT_KEY else "unknown")


def test_a_final_status_counts_in_the_apis_own_form_only() -> None:
    """A proxy's page with a 400 says nothing of what the API did."""
    for status in FINAL:
        assert settles(Response(status, JSON, b"{}"))
        assert not settles(Response(status, {"content-type": "text/html"}, b"<p>Bad Request"))
        assert not settles(Response(status, {}, b""))
        assert not settles(Response(status, JSON, ABOUT_KEY))


def test_a_key_in_use_is_a_409_that_speaks_of_it() -> None:
    """Stripe's code, and the words of other APIs."""
    assert is_key_in_use(Response(409, JSON, b'{"error": {"code": "idempotency_key_in_use"}}'))
    assert is_key_in_use(Response(409, JSON, b'{"title": "A request is outstanding for this Idempotency-Key"}'))
    assert not is_key_in_use(Response(409, JSON, b'{"error": {"code": "lock_timeout"}}'))
    assert not is_key_in_use(Response(400, JSON, ABOUT_KEY))
