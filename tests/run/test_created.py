"""What a script gets of the answer to a create: the id at once, the rest when it looks."""

from __future__ import annotations

import httpx
import pytest

from host import Host, RunResult

KEY = "sk_test_created_0123456789"


def run(code: str, content: bytes, status: int = 200) -> RunResult:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=content, headers={"content-type": "application/json"})

    with Host(stripe_secret_key=KEY, transport=httpx.MockTransport(answer)) as host:
        return host.run_source(f"local product = new_product():name('x')\n{code}")


def test_the_rest_is_there_when_it_is_looked_at() -> None:
    """Other alphabets, whole numbers no float can hold, lists: as ever."""
    content = '{"id": "prod_1", "name": "Käse", "n": 12345678901234567890, "l": [], "metadata": {"a": "b"}}'
    code = """product:create() local d = product.data
      return {product.id, d.name, d.n, #d.l, d.metadata.a, d == product.data}"""
    assert run(code, content.encode()).value == ["prod_1", "Käse", "12345678901234567890", 0, "b", True]


def test_a_key_that_is_echoed_is_masked_in_the_id_too() -> None:
    """An API that gives back what it was sent, as the id or elsewhere."""
    code = "return {product:create():reverse(), product.data.name:reverse()}"  # what a run returns is masked anyway
    for id, name in ((KEY, "x"), ("prod_1", KEY)):
        result = run(code, f'{{"id": "{id}", "name": "{name}"}}'.encode())
        assert result.error is None
        assert KEY[::-1] not in str(result.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"id": "prod_1", "name": "\xe9"}', "a body that is not UTF-8"),
        (b'{"id": "prod_1"', "a body that is not JSON"),
        (b'{"id": "prod_1"} and more', "a body that is not JSON"),
        (b'["prod_1"]', "a JSON list where an object was expected"),
        (b'{"id": null}', "an object without id"),
        (b'{"id": ""}', "an object without id"),
        (b"", "an empty body"),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_the_create(content: bytes, message: str) -> None:
    """At the line that creates, with nothing known of what was done."""
    code = """local ok, err = pcall(function() product:create() end)
      return {ok, err.kind, err.line, err.outcome, err.message}"""
    result = run(code, content)
    assert result.value[:4] == [False, "unexpected", 2, "unknown"]
    assert message in result.value[4]
