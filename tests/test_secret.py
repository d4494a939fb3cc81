"""A secret is a text that does not show itself."""

from __future__ import annotations

import copy
import json
import pickle

import msgspec
import pytest

from host.secret import Secret
from host.settings import Settings

KEY = "sk_test_51AbCdEfGhIjKlMnOpQr4242"


def test_a_secret_shows_a_mask_only() -> None:
    """str, repr, format, the repr of Settings and of their dict hold prefix and last four at most."""
    secret = Secret(KEY)
    settings = Settings(stripe_secret_key=secret)
    for text in (str(secret), f"{secret}", repr(secret), repr(settings), repr(msgspec.structs.asdict(settings))):
        assert "sk_test_…4242" in text
        assert "AbCd" not in text
    assert str(Secret("sk_test_short")) == "sk_test_…"
    assert str(Secret("hunter2")) == "…"


def test_a_secret_is_compared_by_value_and_refuses_to_be_serialised() -> None:
    """Equal secrets are equal and hash alike; pickle and json refuse them; copies are the same object."""
    secret = Secret(KEY)
    assert secret == Secret(KEY)
    assert len({secret, Secret(KEY)}) == 1
    assert secret != KEY
    assert copy.deepcopy(secret) is secret
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps({"key": secret})
