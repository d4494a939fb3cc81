"""Bodies of all operations, with the least and with all parameters, as the official Node and Go clients read them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host.apis.catalog import Catalog
from tests.simulator.client_install import go_module, go_program, node_client
from tests.simulator.test_bodies import everything
from tests.simulator.test_rule import walk

HERE = Path(__file__).parent
GO_VERSION = "2026-03-25.dahlia"  # that the Go client is of
# Kinds whose structures in Go have other names than theirs.
GO_NAMES = {"item": "LineItem", "line_item": "InvoiceLineItem", "source_transaction": "SourceTransaction"}
# What the Go client, which is older than the catalog, has no structure of; "" are answers without a kind.
NEWER = frozenset(
    """
    apps.install billing.feedback_option product_catalog.trial_offer tax.location three_d_secure.authentication
    v2.commerce.product_catalog_import v2.core.event v2.core.vault.gb_bank_account v2.core.vault.us_bank_account
    v2.money_management.financial_address v2.money_management.financial_address_credit_simulation
    v2.money_management.inbound_transfer v2.money_management.outbound_payment v2.money_management.outbound_setup_intent
    v2.money_management.payout_intent v2.money_management.payout_methods_bank_account_spec
    v2.money_management.recipient_verification
    """.split()  # noqa: SIM905 - a table of words
) | {""}


def bodies(catalog: Catalog, **headers: str) -> Iterator[dict[str, Any]]:
    """Each answer of a strict and of a lenient simulator that is no error."""
    for lenient in (False, True):
        asked = walk(catalog, lenient=lenient)
        for id in catalog.operation_ids():
            op = catalog.operation(id)
            assert op is not None
            for params in (asked.least(op), everything(asked, id)):
                status, answer = asked.ask(id, params, **headers)
                if status == 200 and not isinstance(answer, bytes):  # a file
                    yield {"id": id, "v2": op.path.startswith("/v2/"), "body": answer}


def told(command: list[str], **environment: str) -> dict[str, Any]:
    """What a program says of the bodies that it read."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment or None)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bodies.json"


def test_the_node_client_reads_every_body(stripe: Catalog, file: Path) -> None:
    """Whatever succeeds becomes an object of the client with the same members."""
    node, modules = node_client()
    file.write_text(json.dumps(list(bodies(stripe))), encoding="utf-8")
    found = told([node, str(HERE / "node_bodies.js"), str(file)], NODE_PATH=str(modules))
    assert found["faults"] == {}
    assert found["read"] > 1000


def kinds_of(catalog: Catalog) -> str:
    """A Go table of the client's structures by kind of object."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in go_module().glob("*.go"))
    structs = {name.lower(): name for name in re.findall(r"^type (\w+) struct", text, re.MULTILINE)}
    kinds = {walked.kind for walked in map(walk(catalog).plan, catalog.operation_ids())}
    names = {kind: structs.get(GO_NAMES.get(kind, re.sub(r"[._]", "", kind)).lower()) for kind in kinds}
    rows = "\n".join(f'\t"{k}": func() any {{ return new(stripe.{n}) }},' for k, n in sorted(names.items()) if n)
    module = f'"github.com/stripe/stripe-go/{go_module().name.partition("@")[0]}"'
    return f"package main\n\nimport stripe {module}\n\nvar kinds = map[string]func() any{{\n{rows}\n}}\n"


def test_the_go_client_reads_every_body(stripe: Catalog, file: Path) -> None:
    """Its structures have types, and it is older: what it asks for is answered in its own version."""
    program = go_program(HERE / "go_bodies.go", {"kinds.go": kinds_of(stripe)})
    file.write_text(json.dumps(list(bodies(stripe, Stripe_Version=GO_VERSION))), encoding="utf-8")
    found = told([str(program), str(file)])
    assert found["faults"] == {}
    assert found["unknown"].keys() <= NEWER
    assert found["read"] > 800
