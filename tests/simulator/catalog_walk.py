"""Requests for every operation of the catalog, made of its schemas: the least an operation takes, and all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from host.apis.catalog import Catalog, Operation, Schema
from host.simulator.routes import RoutePlan
from host.simulator.simulator import Simulator

NOW = 1_800_000_000
DEPTH = 5
# By the name of a parameter, where its type does not say enough.
BY_NAME: dict[str, Any] = {
    "amount": 1000,
    "amount_off": 500,
    "backdate_start_date": NOW - 86_400,
    "billing_cycle_anchor": NOW + 86_400,
    "cancel_url": "https://example.com/cancel",
    "country": "US",
    "currency": "usd",
    "customer_email": "a@example.com",
    "date": "2030-01-31T12:00:00.000Z",
    "default_currency": "usd",
    "display_name": "Shop",
    "domain_name": "example.com",
    "email": "a@example.com",
    "exp_month": 12,
    "exp_year": 2034,
    "interval": "month",
    "interval_count": 1,
    "invoice_prefix": "SHOP1",
    "iterations": 1,
    "level": 1,
    "line1": "1 Main St",
    "number": "4242424242424242",
    "payment_method": "pm_card_visa",
    "percent_off": 10,
    "percentage": 10,
    "phone": "+15555550123",
    "postal_code": "94105",
    "quantity": 2,
    "refresh_url": "https://example.com/refresh",
    "return_url": "https://example.com/return",
    "source": "tok_visa",
    "state": "CA",
    "success_url": "https://example.com/done",
    "tax_code": "txcd_10000000",
    "timestamp": "2030-01-31T12:00:00.000Z",
    "unit_amount": 2000,
    "unit_amount_decimal": "2000",
    "url": "https://example.com",
    "value": "1",
}
# What an operation needs beyond what its schema requires; ``@kind`` is the id of such an object.
NEEDS: dict[str, dict[str, Any]] = {
    "billing.alerts.create": {"usage_threshold": {"gte": 100, "recurrence": "one_time", "meter": "@billing.meter"}},
    "checkout.sessions.create": {
        "mode": "payment",
        "success_url": "https://example.com/done",
        "line_items": [{"price": "@price:once", "quantity": 1}],
    },
    "charges.create": {"amount": 1000, "currency": "usd", "source": "tok_visa"},
    "coupons.create": {"percent_off": 10},
    "credit_notes.create": {"invoice": "@invoice:paid", "amount": 100},
    "customers.payment_sources.create": {"source": "tok_visa"},
    "identity.verification_sessions.create": {"type": "document"},
    "invoice_items.create": {"customer": "@customer", "amount": 1000, "currency": "usd"},
    "invoices.create": {"customer": "@customer"},
    "issuing.cardholders.create": {"type": "individual"},
    "issuing.cards.create": {
        "cardholder": "@issuing.cardholder",
        "currency": "usd",
        "status": "active",
        "type": "virtual",
    },
    "issuing.disputes.create": {
        "transaction": "@issuing.transaction",
        "evidence": {"reason": "other", "other": {"explanation": "text"}},
    },
    "payment_links.create": {"line_items": [{"price": "@price:once", "quantity": 1}]},
    "payment_methods.create": {"type": "card", "card": {"token": "tok_visa"}},
    "plans.create": {"amount": 1000, "product": "@product"},
    "prices.create": {"unit_amount": 2000, "product": "@product"},
    "promotion_codes.create": {"promotion": {"type": "coupon", "coupon": "@coupon"}},
    "quotes.create": {"customer": "@customer", "line_items": [{"price": "@price", "quantity": 1}]},
    "refunds.create": {"charge": "@charge"},
    "shipping_rates.create": {"type": "fixed_amount", "fixed_amount": {"amount": 500, "currency": "usd"}},
    "reporting.report_runs.create": {
        "report_type": "balance.summary.1",
        "parameters": {"interval_start": NOW - 60, "interval_end": NOW},
    },
    "subscription_items.create": {"price": "@price:other", "subscription": "@subscription"},
    "subscriptions.create": {"customer": "@customer:paying", "items": [{"price": "@price"}]},
    "subscription_schedules.create": {
        "customer": "@customer:paying",
        "start_date": "now",
        "phases": [{"items": [{"price": "@price"}]}],
    },
    "tax.calculations.create": {
        "line_items": [{"amount": 1000, "reference": "L1"}],
        "customer_details": {"address": {"country": "US"}, "address_source": "billing"},
    },
    "tax.transactions.create_from_calculation": {"calculation": "@tax.calculation"},
    "test_helpers.issuing.authorizations.create": {"amount": 100, "card": "@issuing.card"},
    "test_helpers.issuing.transactions.create_force_capture": {"amount": 100, "card": "@issuing.card"},
    "test_helpers.issuing.transactions.create_unlinked_refund": {"amount": 100, "card": "@issuing.card"},
    "tokens.create": {"card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}},
    "topups.create": {"amount": 1000, "currency": "usd"},
    "transfers.create": {"amount": 10, "currency": "usd", "destination": "@account"},
    "payment_intents.create": {"amount": 1000, "currency": "usd"},
}
_RECURRING = {"currency": "usd", "unit_amount": 2000, "product": "@product", "recurring": {"interval": "month"}}


class Walk:
    """Asks a simulator for things; makes the objects that a request names, once each."""

    def __init__(self, api: Any, catalog: Catalog) -> None:
        self.api = api
        self.catalog = catalog
        self.simulator: Simulator = api.simulator
        self._made: dict[str, str | None] = {}
        self._creates: dict[str, str] = {}
        for id in catalog.operation_ids():
            plan = self.plan(id)
            if plan.action == "create":
                self._creates.setdefault(plan.kind, id)

    def plan(self, id: str) -> RoutePlan:
        """What the operation means."""
        operation = self.catalog.operation(id)
        assert operation is not None
        found = self.simulator.backend.routes.find(operation.method, operation.path.replace("{", "x").replace("}", "x"))
        assert found is not None
        return found[0]

    def operations(self, *actions: str) -> list[Operation]:
        """Those that do one of ``actions``."""
        found = (self.catalog.operation(id) for id in self.catalog.operation_ids())
        return [op for op in found if op is not None and self.plan(op.id).action in actions]

    def object(self, kind: str) -> str | None:
        """The id of an object of ``kind`` (``price:other``: another one), or ``None`` if none can be made."""
        if kind not in self._made:
            self._made[kind] = None  # of one that needs itself
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def another(self, kind: str) -> str | None:
        """The id of one object more of ``kind``."""
        return self._make(kind)

    def _make(self, kind: str) -> str | None:
        name, _, variant = kind.partition(":")
        post = self.api.ask
        if name == "price":
            fields = {**_RECURRING, "unit_amount": {"": 2000, "once": 700, "other": 900}[variant]}
            if variant == "once":
                fields.pop("recurring")
            _, made = post("POST", "/v1/prices", _form(self.named(fields)))
        elif kind == "customer:paying":
            _, made = post("POST", "/v1/customers", "payment_method=pm_card_visa")
            _, methods = self.api.ask("GET", f"/v1/customers/{made['id']}/payment_methods")
            default = methods["data"][0]["id"]
            post("POST", f"/v1/customers/{made['id']}", f"invoice_settings[default_payment_method]={default}")
        elif name == "invoice":
            customer = self.object("customer:paying")
            post("POST", "/v1/invoiceitems", f"customer={customer}&amount=1000&currency=usd")
            fields = f"customer={customer}&pending_invoice_items_behavior=include"
            _, made = post("POST", "/v1/invoices", fields)
            if variant == "paid":
                post("POST", f"/v1/invoices/{made['id']}/pay")
        elif kind in self._creates:
            status, made = self.ask(self._creates[kind])
            if status != 200:
                return None
        else:
            return None
        return made.get("id") if isinstance(made, dict) else None

    def named(self, value: Any) -> Any:
        """``value`` with the names of kinds in it replaced by ids."""
        if isinstance(value, dict):
            return {name: self.named(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.named(item) for item in value]
        if isinstance(value, str) and value.startswith("@"):
            return self.object(value[1:])
        return value

    def path(self, op: Operation) -> str:
        """The operation's path with the ids of objects in it."""
        plan, path = self.plan(op.id), op.path
        owners = {parent.param: parent.kind for parent in plan.parents}
        for name in op.path_params:
            known = owners.get(name) or self.simulator.backend.references.kind(name) or name
            kind = plan.kind if name == plan.target else known
            path = path.replace("{" + name + "}", quote(self.object(kind) or "x_1", safe=""))
        return path

    def least(self, op: Operation) -> dict[str, Any]:
        """The parameters the operation must have."""
        required = {n: self.example(p.schema, n) for n, p in op.params.items() if p.required and p.location != "path"}
        return {**required, **self.named(NEEDS.get(op.id, {}))}

    def ask(self, id: str, params: dict[str, Any] | None = None, **headers: str) -> tuple[int, Any]:
        """(status, answer) of the operation with ``params``, or with the least it takes; of a file (204, None)."""
        status, answer = self._ask(id, params, **headers)
        return (204, None) if isinstance(answer, bytes) else (status, answer)

    def _ask(self, id: str, params: dict[str, Any] | None, **headers: str) -> tuple[int, Any]:
        op = self.catalog.operation(id)
        assert op is not None
        given = self.least(op) if params is None else params
        path = self.path(op)
        if id == "v2.billing.meter_event_stream.create":  # which knows no keys
            _, session = self.api.ask("POST", "/v2/billing/meter_event_session", {})
            headers["Authorization"] = f"Bearer {session['authentication_token']}"
        if op.method in ("GET", "DELETE"):
            return self.api.ask(op.method, path + ("?" + _form(given) if given else ""), "", **headers)
        return self.api.ask(op.method, path, given if op.body == "json" else _form(given), **headers)

    def example(self, schema: Schema, name: str, depth: int = 0, *, full: bool = False) -> Any:
        """A value of ``schema``; with ``full`` of all its members, else of those it must have."""
        shape = self.catalog.resolve(schema)
        if shape.any_of:
            choices = [self.catalog.resolve(each) for each in shape.any_of]
            best = next((each for each in choices if each.properties), choices[0]) if full else choices[0]
            return self.example(best, name, depth, full=full)
        if shape.enum:
            return next(word for word in shape.enum if word != "")
        if shape.properties:
            wanted = shape.properties if full and depth < DEPTH else shape.required or tuple(shape.properties)[:1]
            return {n: self.example(shape.properties[n], n, depth + 1, full=full) for n in wanted}
        if shape.type == "array":
            return [self.example(shape.items or Schema(type="string"), name, depth + 1, full=full)]
        if shape.type == "object":
            inner = shape.additional
            return {"k": self.example(inner, "k", depth + 1, full=full) if inner else "v"}
        return self._scalar(shape, name)

    def _scalar(self, shape: Schema, name: str) -> Any:
        if name in BY_NAME and (isinstance(BY_NAME[name], str) == (shape.type == "string")):
            return BY_NAME[name]
        if shape.type == "boolean":
            return True
        if shape.type in ("integer", "number"):
            return NOW + 2_592_000 if shape.format == "unix-time" or name.endswith(("_at", "_date", "_time")) else 3
        kind = self.simulator.backend.references.kind(name)
        if kind and (made := self.object(kind)):
            return made
        if shape.format == "decimal" or name.endswith("_decimal"):
            return "12"
        if name.endswith("url"):
            return "https://example.com"
        return "usd" if name.endswith("currency") else "text"


def _form(values: Any) -> str:
    return urlencode(list(flat(values)))


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """``{"a": {"b": 1}}`` → ``("a[b]", 1)``."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            yield from flat(item, f"{prefix}[{key}]" if prefix else str(key))
    elif value is not None:
        yield prefix, str(value).lower() if isinstance(value, bool) else value
