"""The objects behind a balance transaction, which the columns of reports show."""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext

__all__ = ["ReportSource"]


class ReportSource:
    """The objects behind a balance transaction. Each is looked up when it is read; ``{}`` stands for a missing one."""

    def __init__(self, call: RequestContext, entry: Object) -> None:
        self._call = call
        self.entry = entry
        self.id = str(entry["source"] or "")

    def find(self, kind: str, id: Any) -> Object:
        """An object by kind and id, or ``{}``."""
        return (self._call.backend.store.get(kind, str(id)) if id else None) or {}

    @property
    def refund(self) -> Object:
        """The refund, if it is one."""
        return self.find("refund", self.id)

    @property
    def dispute(self) -> Object:
        """The dispute, if it is one."""
        return self.find("dispute", self.id)

    @property
    def payout(self) -> Object:
        """The payout, if it is one."""
        return self.find("payout", self.id)

    @property
    def charge(self) -> Object:
        """The charge itself, or the one that is refunded or disputed."""
        return self.find("charge", self.refund.get("charge") or self.dispute.get("charge") or self.id)

    @property
    def intent(self) -> Object:
        """The payment intent of the charge."""
        return self.find("payment_intent", self.charge.get("payment_intent"))

    @property
    def customer(self) -> Object:
        """The customer of the charge."""
        return self.find("customer", self.charge.get("customer"))

    @property
    def invoice(self) -> Object:
        """The invoice that the charge paid."""
        intent = self.charge.get("payment_intent")
        for payment in self._call.backend.store.each("invoice_payment") if intent else ():
            if (payment.get("payment") or {}).get("payment_intent") == intent:
                return self.find("invoice", payment["invoice"])
        return {}

    @property
    def subscription(self) -> Any:
        """The id of the invoice's subscription."""
        return ((self.invoice.get("parent") or {}).get("subscription_details") or {}).get("subscription")

    @property
    def card(self) -> Object:
        """The card of the charge."""
        return (self.charge.get("payment_method_details") or {}).get("card") or {}

    @property
    def facing(self) -> Object:
        """The object whose amount the customer saw: a refund, a dispute or a charge."""
        return self.refund or self.dispute or self.charge

    def metadata(self, whose: str, key: str) -> Any:
        """An entry of the payment's, the refund's or the transfer's metadata."""
        if whose == "payment":
            found = self.intent.get("metadata") or self.charge.get("metadata")
        else:
            found = (self.refund if whose == "refund" else self.find("transfer", self.id)).get("metadata")
        return (found or {}).get(key)
