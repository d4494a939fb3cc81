"""Parameters that hold ids of other objects: recognized by their names, and looked up before the operation begins."""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Catalog, Schema
from host.simulator.api_error import missing
from host.simulator.partition import Partition
from host.simulator.store import Store

# Objects that exist without being created here (the account itself, cards of the sandbox …). A parameter tax_id holds
# the number itself, not an object's id.
_UNCHECKED = frozenset({"account", "source", "token", "file", "event", "tax_id"})
_ALIASES = {
    "default_payment_method": "payment_method",
    "default_price": "price",
    "from_invoice": "invoice",
    "related_customer": "customer",
    "related_customer_account": "customer_account",
    "subscription_exposed_id": "subscription",
}
# Prefixes of Stripe's test objects, which are created when first used: https://docs.stripe.com/testing
BUILT_IN = (
    "pm_card_",
    "pm_us",
    "pm_bacs",
    "pm_success",
    "pm_failed",
    "pm_disputed",
    "tok_",
    "btok_",
    "card_",
    "src_",
    "ba_",
)

# Operations whose parameters hold ids of other accounts' objects.
ELSEWHERE = frozenset({"application_fees.list", "payment_methods.create"})


class References:
    """Checks that the objects whose ids parameters hold exist.

    A parameter refers to a kind if it is a string, has the kind's name (``customer``, ``price``,
    ``default_payment_method``), and objects of the kind can be created.
    """

    def __init__(self, catalog: Catalog, store: Store | Partition, kinds: dict[str, str] | None = None) -> None:
        self._catalog = catalog
        self._store = store
        self._kinds = kinds

    def within(self, store: Store | Partition) -> References:
        """The same for another store."""
        return References(self._catalog, store, self._kinds)

    def check(self, values: dict[str, Any], result: Schema | None, *, deleted: bool = False) -> None:
        """Raise :class:`SimulatedError` (400, "No such price: 'price_x'") for the first object that does not exist.

        ``result`` is the schema of the answer; its members show where a name refers to another kind. With ``deleted``,
        as in filters of lists, an object may be deleted: https://docs.stripe.com/api/customers/delete
        """
        for name, value in values.items():
            self._check(name, name, value, result, deleted)

    def _check(self, name: str, path: str, value: Any, result: Schema | None, deleted: bool) -> None:
        if isinstance(value, str):
            kind = self.kind(name)
            if kind and value and not value.startswith(BUILT_IN):
                record = self._store.record(kind, value)
                if (record is None or (record.deleted and not deleted)) and self._meant(kind, name, result):
                    raise missing(noun(kind), value, path, 400)
        elif isinstance(value, dict):
            if name != "metadata":
                for key, item in value.items():
                    self._check(key, f"{path}[{key}]", item, None, deleted)
        elif isinstance(value, list):
            for n, item in enumerate(value):
                self._check(name, f"{path}[{n}]", item, None, deleted)

    def _meant(self, kind: str, name: str, result: Schema | None) -> bool:
        """False for a climate order's ``product``, which is a ``climate.product``."""
        if result is None:
            return True
        field = self._catalog.resolve(result).properties.get(name)
        refs = {choice.ref for choice in self._catalog.resolve(field).any_of if choice.ref} if field else set()
        return not refs or kind in refs

    def kind(self, name: str) -> str:
        """The kind that a parameter of this name refers to, or ""."""
        if self._kinds is None:
            self._kinds = self._read()
        return self._kinds.get(_ALIASES.get(name, name), "")

    def _read(self) -> dict[str, str]:
        creatable = set(self._catalog.builder_names())
        by_last: dict[str, list[str]] = {}
        for kind in self._catalog.schema_names():
            by_last.setdefault(kind.rpartition(".")[2], []).append(kind)
        found: dict[str, str] = {}
        for name, kinds in by_last.items():
            # The kind of exactly this name, or the only creatable one that ends in it.
            named = [name] if name in kinds else kinds
            made = [kind for kind in named if kind.replace(".", "_") in creatable and kind not in _UNCHECKED]
            if len(made) == 1:
                found[name] = made[0]
        if "v2_core_account" in creatable:  # https://docs.stripe.com/connect/use-accounts-as-customers
            found["customer_account"] = "v2.core.account"
        return found


def noun(kind: str) -> str:
    """The name that Stripe's messages use for a kind ("No such payment_intent")."""
    return {"test_helpers.test_clock": "test clock", "payment_method": "PaymentMethod"}.get(
        kind, kind.rpartition(".")[2]
    )
