"""Idempotency keys: the same request twice is done once."""

from __future__ import annotations

from host.simulator.fault_injection import Faults

CREATE = "/v1/products"


def test_a_repeated_key_replays_the_first_answer(api) -> None:
    """A repeated key replays the first answer."""
    first = api.post(CREATE, "name=x&metadata[a]=b", Idempotency_Key="k")
    request_id = api.headers["request-id"]
    assert "idempotent-replayed" not in api.headers
    again = api.post(CREATE, "metadata[a]=b&name=x", Idempotency_Key="k")
    assert again == first
    assert api.headers["idempotent-replayed"] == "true"
    assert api.headers["original-request"] == request_id != api.headers["request-id"]
    assert len(api.simulator.ledger()) == 1


def test_other_parameters_under_the_same_key_are_refused(api) -> None:
    """Other parameters under the same key are refused."""
    api.post(CREATE, "name=x", Idempotency_Key="k")
    status, error = api.error("POST", CREATE, "name=y", Idempotency_Key="k")
    assert (status, error["type"]) == (400, "idempotency_error")
    assert error["message"] == (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using "
        "a key other than 'k' if you meant to execute a different request."
    )
    assert len(api.simulator.ledger()) == 1


def test_another_endpoint_under_the_same_key_is_refused_in_words_of_its_own(api) -> None:
    """Both endpoints are named, this request's first; also where one object's path differs from another's."""
    api.post(CREATE, "name=x", Idempotency_Key="k")
    for target in ("/v1/customers", f"{CREATE}/prod_x"):
        status, error = api.error("POST", target, "name=x", Idempotency_Key="k")
        assert (status, error["type"]) == (400, "idempotency_error")
        assert error["message"] == (
            f"Keys for idempotent requests can only be used for the same endpoint they were first used for ('{target}' "
            f"vs '{CREATE}'). Try using a key other than 'k' if you meant to execute a different request."
        )
    assert len(api.simulator.ledger()) == 1


def test_a_key_is_forgotten_after_24_hours(api, clock) -> None:
    """A key is forgotten after 24 hours."""
    first = api.post(CREATE, "name=x", Idempotency_Key="k")["id"]
    clock.now += 24 * 3600 - 1
    assert api.post(CREATE, "name=x", Idempotency_Key="k")["id"] == first
    clock.now += 2
    assert api.post(CREATE, "name=x", Idempotency_Key="k")["id"] != first


def test_what_was_refused_before_the_work_is_not_kept(api) -> None:
    """What was refused before the work is not kept."""
    api.error("POST", CREATE, "nme=x", Idempotency_Key="k")
    assert api.post(CREATE, "name=x", Idempotency_Key="k")["name"] == "x"
    api.error("POST", "/v1/prices", "product=prod_x&currency=usd&unit_amount=1", Idempotency_Key="p")
    api.post(CREATE, "id=prod_x&name=x")
    assert api.post("/v1/prices", "product=prod_x&currency=usd&unit_amount=1", Idempotency_Key="p")["active"]


def test_a_decline_is_kept(api) -> None:
    """The same key brings the same decline, and no second intent."""
    params = "amount=100&currency=usd&confirm=true&payment_method=pm_card_chargeDeclined"
    first = api.error("POST", "/v1/payment_intents", params, Idempotency_Key="k")
    assert first == api.error("POST", "/v1/payment_intents", params, Idempotency_Key="k")
    assert first[0] == 402
    assert len(api.ids("/v1/payment_intents")) == 1


def test_reads_take_no_key(api) -> None:
    """A key on a read neither replays nor is used up."""
    api.get(CREATE)
    assert api.ask("GET", CREATE, Idempotency_Key="k")[0] == 200
    api.post(CREATE, "name=x", Idempotency_Key="k")
    assert len(api.ids(CREATE)) == 1


def test_a_key_in_use_by_another_request_is_409_until_that_one_ends(api) -> None:
    """A key in use by another request is 409 until that one ends."""
    headers = {
        "Authorization": "Bearer sk_test_abc",
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": "k",
    }
    under_way = api.simulator.begin("POST", CREATE, headers, b"name=x")
    status, error = api.error("POST", CREATE, "name=x", Idempotency_Key="k")
    assert (status, error["code"]) == (409, "idempotency_key_in_use")
    assert under_way.finish()[0] == 200
    assert api.ask("POST", CREATE, "name=x", Idempotency_Key="k")[0] == 200
    assert api.headers["idempotent-replayed"] == "true"
    given_up = api.simulator.begin("POST", CREATE, {**headers, "Idempotency-Key": "other"}, b"name=y")
    given_up.abandon()
    assert api.post(CREATE, "name=y", Idempotency_Key="other")["name"] == "y"


def test_a_500_after_the_work_is_kept_and_one_before_it_is_not(make) -> None:
    """A 500 after the work is kept and one before it is not."""
    after = make(faults=Faults.parse("500-after:100%"))
    first = after.error("POST", CREATE, "name=x", Idempotency_Key="k")
    assert first == after.error("POST", CREATE, "name=x", Idempotency_Key="k")
    assert first[0] == 500
    assert after.headers["idempotent-replayed"] == "true"
    assert len(after.simulator.ledger()) == 1
    before = make(faults=Faults.parse("500:100%"))
    assert before.error("POST", CREATE, "name=x", Idempotency_Key="k")[0] == 500
    assert before.simulator.ledger() == []


def test_a_key_has_255_characters_at_most(api) -> None:
    """A longer key is refused, and nothing is done. https://docs.stripe.com/api/idempotent_requests"""
    api.post(CREATE, "name=x", Idempotency_Key="k" * 255)
    status, error = api.error("POST", CREATE, "name=x", Idempotency_Key="k" * 256)
    assert (status, "255 characters" in error["message"]) == (400, True)
    assert len(api.simulator.ledger()) == 1
