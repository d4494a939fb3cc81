"""A plan that is applied: each change once, nothing that was not planned, also over a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from host import Host, UsageError
from host.plan.plan import Plan
from tests.durable.lab import Lab

SCRIPT = """local product = new_product():name("Gold"):create()
local price = stripe.prices.create{product = product, unit_amount = 500, currency = "eur"}
local c = stripe.customers.create{name = "A", metadata = {price = "for " .. price.id, at = os.time()}}
stripe.customers.update(c.id, {description = price.id})
parallel(function() stripe.coupons.create{percent_off = 5, duration = "once", name = math.random(1, 1e9)} end,
  function() stripe.products.create{name = c.id} end)
return c.id
"""


def test_a_plan_is_applied_with_real_values_in_the_place_of_made_up_ones(lab: Lab) -> None:
    """Each change is made once; applied again it gives its result and does nothing."""
    with lab.host() as host:
        plan = host.plan(SCRIPT)
        assert plan.error is None
        assert lab.made() == 0
        result = host.apply(plan)
        assert result.error is None
        assert result.run_id == plan.id
        made = lab.made()
        assert host.apply(plan).value == result.value
    assert (made, len(plan.changes)) == (5, 6)  # one changes what another made
    assert lab.made() == made


def test_each_change_is_made_once_wherever_the_run_breaks_off(lab: Lab) -> None:
    """The same call goes on with it, at every length of the log."""
    with lab.host() as host:
        plan = host.plan(SCRIPT)
        assert host.apply(plan).error is None
    made, length = lab.made(), len(lab.log())
    assert made == 5
    for after in range(length):
        lab.break_off(after, plan.id)
        with lab.host() as host:
            result = host.apply(plan)
        assert result.error is None, after
        assert lab.made() == made, after


CHANGED = (
    ('"A"', '"B"', "name was planned 'A' and is 'B'"),
    ("name =", "email =", "name was planned 'A' and is missing"),
    ('"A"', '"A", metadata = {x = 1}', "metadata is"),
    ("customers.create", "products.create", "stripe.products.create in place of stripe.customers.create"),
)


@pytest.mark.parametrize(("old", "new", "said"), CHANGED)
def test_a_change_that_is_not_the_next_one_stops_the_run(lab: Lab, old: str, new: str, said: str) -> None:
    """How it differs is said, with its place; nothing of it was sent."""
    code = 'if args[1] then end\nlocal c = stripe.customers.create{name = "A"}'
    with lab.host() as host:
        plan = host.plan(code)
        other = Plan(**{**_fields(plan), "source": code.replace(old, new, 1).encode()})
        result = host.apply(other)
    assert result.error is not None
    assert result.error.kind == "unplanned"
    assert said in result.error.message
    assert result.error.line == 2
    assert lab.made() == 0


def _fields(plan: Plan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in plan.__struct_fields__}


def test_a_branch_on_what_was_made_up_stops_at_the_first_change_behind_it(lab: Lab) -> None:
    """A plan cannot know it; the applied run does what is planned and then stops."""
    code = """local c = stripe.customers.create{name = "A"}
    if c.id:find("planned") then stripe.customers.update(c.id, {name = "B"}) end
    stripe.products.create{name = "P"}"""
    with lab.host() as host:
        result = host.apply(host.plan(code))
    assert result.error is not None
    assert "stripe.products.create in place of stripe.customers.update" in result.error.message
    assert lab.made() == 1


def test_what_was_planned_and_not_made_is_said_at_the_end(lab: Lab) -> None:
    """A script that ends early has not done what was agreed."""
    code = """local c = stripe.customers.create{name = "A"}
    if c.id:find("planned") then stripe.customers.update(c.id, {name = "B"}) end"""
    with lab.host() as host:
        result = host.apply(host.plan(code))
    assert result.error is not None
    assert "without making these planned changes: stripe.customers.update at inline:2" in result.error.message


def test_a_file_of_a_plan_gives_the_same_plan(lab: Lab, tmp_path: Path) -> None:
    """Only its owner may read it; one that was changed, or is not a plan, is refused."""
    file = tmp_path / "a.plan"
    with lab.host() as host:
        plan = host.plan(SCRIPT, args=["1"], globals={"row": {"n": 1}})
        plan.save(file)
        assert Plan.load(file) == plan
        assert file.stat().st_mode & 0o077 == 0
        file.write_text(file.read_text().replace("Gold", "Lead"))
        with pytest.raises(UsageError, match="was changed"):
            host.apply(file)
        file.write_text("{}")
        with pytest.raises(UsageError, match="is not a plan"):
            host.apply(str(file))
        plan.save(file)
        whole = file.read_bytes()
        deep = b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        others = [whole.replace(b'"format": 1', each) for each in (b'"format": 0', b'"format": 3', b'"format": true')]
        for text in [deep, *others, *(whole[:end] for end in range(0, len(whole) - 2, 37))]:
            file.write_bytes(text)
            with pytest.raises(UsageError, match="is not a plan"):
                host.apply(file)
        with pytest.raises(UsageError, match="cannot be read"):
            host.apply(tmp_path / "none.plan")
    assert lab.made() == 0


def test_a_plan_of_another_mode_key_or_script_is_refused(lab: Lab, tmp_path: Path) -> None:
    """Before anything is sent; the message says which of them it is."""
    script = tmp_path / "a.lua"
    script.write_text('stripe.products.create{name = "a"}')
    with lab.host() as host:
        plan = host.plan(script)
        script.write_text('stripe.products.create{name = "b"}')
        with pytest.raises(UsageError, match="has changed since the plan"):
            host.apply(plan)
        script.unlink()
        with pytest.raises(UsageError, match="no longer exists"):
            host.apply(plan)
    with Host(stripe_secret_key="sk_test_a", journal=lab.path) as host:
        with pytest.raises(UsageError, match="the plan is for the simulator"):
            host.apply(plan)
        real = host.plan('stripe.products.create{name = "a"}')
    with Host(stripe_secret_key="sk_test_b", journal=lab.path) as host, pytest.raises(UsageError, match="another key"):
        host.apply(real)
    assert lab.made() == 0


def test_the_same_plan_made_again_is_another_one(lab: Lab) -> None:
    """What is to be done each month is done each month."""
    with lab.host() as host:
        for count in (1, 2):
            assert host.apply(host.plan('stripe.products.create{name = "a"}')).error is None
            assert lab.made() == count


NEW: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "tag": {"type": "string"}},
}
PET = {
    "type": "object",
    "required": ["id", "name", "code"],
    "properties": {"id": {"type": "integer", "format": "int32"}, **NEW["properties"], "code": {"type": "string"}},
}
ID = {"name": "petId", "in": "path", "required": True, "schema": {"type": "integer", "format": "int32"}}


def of(schema: dict[str, Any]) -> dict[str, Any]:
    """A body of that schema."""
    return {"description": "", "content": {"application/json": {"schema": schema}}}


PETS = {
    "openapi": "3.0.0",
    "info": {"title": "pets", "version": "1"},
    "servers": [{"url": "https://pets.example"}],
    "paths": {
        "/pets": {"post": {"operationId": "createPet", "requestBody": of(NEW), "responses": {"201": of(PET)}}},
        "/pets/{petId}": {"get": {"operationId": "getPet", "parameters": [ID], "responses": {"200": of(PET)}}},
    },
}


def test_ids_that_are_numbers_are_exchanged_too(tmp_path: Path) -> None:
    """Also in the middle of a text, as other values that only the API can give."""
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content.decode())
        return httpx.Response(201, json={"id": 70 + len(sent), "name": "Rex", "code": f"K{len(sent)}"})

    code = """local p = pets.createPet{name = "Rex"}
    local q = pets.createPet{name = "like " .. p.id, tag = p.code}
    assert(pets.getPet(q.id).name)"""
    transport = httpx.MockTransport(answer)
    with Host(apis={"pets": {"document": PETS}}, transport=transport, journal=str(tmp_path / "j.sqlite")) as host:
        plan = host.plan(code)
        assert (plan.error, sent) == (None, [])
        assert host.apply(plan).error is None
    assert sent[1] == '{"name":"like 71","tag":"K1"}'
