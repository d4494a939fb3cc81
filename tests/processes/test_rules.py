"""What a run may do is the same in a worker process as in its parent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from host import Budget, Host, Permissions, RunResult, UsageError

KEY = "sk_test_worker_rules_0123456789"
TOKEN = "tok_granted_to_scripts_998877"
GRANTED = Permissions(deny_ops=("stripe.customers.*",), env=("RULES_TOKEN",))


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    """One whose scripts run in its own process, one whose scripts run in two others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RULES_TOKEN", TOKEN)
        patch.setenv("RULES_OTHER", "not granted")
        options: dict[str, Any] = {"simulate": True, "stripe_secret_key": KEY, "permissions": GRANTED}
        with Host(**options) as own, Host(**options, processes=2) as spread:
            yield own, spread


def told(result: RunResult) -> tuple[Any, ...]:
    error = result.error
    if error is None:
        return result.value, result.output, result.calls
    return error.kind, error.message, error.hint, error.line, result.output


@pytest.mark.parametrize(
    ("code", "permissions", "shows"),
    [
        ("stripe.customers.list{}", None, "denied by deny_ops"),
        ("stripe.customers.list{}", Permissions(allow_ops=("stripe.*",)), "denied by deny_ops"),
        ("stripe.products.list{}", Permissions(allow_ops=("stripe.prices.*",)), "is not granted"),
        ("new_product():name('x'):create()", Permissions(read_only=True), "read_only"),
        ("http.get('http://127.0.0.1:1/')", None, "connecting to 127.0.0.1:1 is not granted"),
        ("fs.read('/etc/hostname')", None, "reading /etc/hostname is not granted"),
        ("fs.read('/etc/hostname')", Permissions(read=("/etc",)), "reading /etc/hostname is not granted"),
        ("sql.query('select 1')", None, "denied"),
        ("return tostring(env.RULES_OTHER) .. tostring(os.getenv('STRIPE_SECRET_KEY'))", None, "nilnil"),
        (f"error('{KEY}')", None, "sk_test_…6789"),
        (f"print('{KEY}')", None, "sk_test_…6789"),
        (f"return {{ '{KEY}', env.RULES_TOKEN, STRIPE_API_KEY }}", None, "sk_test_…6789"),
        (f"stripe.products.retrieve('{KEY}')", None, "…6789"),
    ],
)
def test_a_worker_decides_as_its_parent_would(
    hosts: tuple[Host, Host], code: str, permissions: Permissions | None, shows: str
) -> None:
    """The same script is refused with the same words, reads the same, and shows no key, in both."""
    own, spread = (told(host.run_source(code, permissions=permissions)) for host in hosts)
    assert own == spread
    assert shows in str(spread)
    assert KEY not in str(spread)
    assert TOKEN not in str(spread)


def test_what_is_counted_in_one_process_is_refused(hosts: tuple[Host, Host]) -> None:
    """A budget is neither ignored nor counted twice: who asks for it with worker processes is told no."""
    budget = Budget(max_calls=5)
    with pytest.raises(UsageError, match="one process"):
        Host(simulate=True, processes=2, budget=budget)
    with pytest.raises(UsageError, match="worker processes"):
        hosts[1].run_source("return 1", budget=budget)
    with pytest.raises(UsageError, match="worker processes"):
        list(hosts[1].run_many([{"code": "return 1", "budget": budget}]))
    assert hosts[1].run_source("return 1", budget=replace(budget, max_calls=None)).value == 1
