"""What operations do with parameters that do not come back as given, where no module of their own declares it."""

from __future__ import annotations

from typing import Any

_CONFIRM = {"payment_method_data", "return_url", "off_session", "error_on_requires_action"}
_SET_UP = {"payment_method_data", "return_url"}

EFFECTS: dict[str, set[str]] = {
    "charges.capture": {"amount"},
    "charges.create": {"source", "capture"},
    "customers.create": {"payment_method", "source"},
    "customers.update": {"source"},
    "payment_intents.cancel": set(),
    "payment_intents.capture": {"amount_to_capture"},
    "payment_intents.confirm": _CONFIRM,
    "payment_intents.create": {"confirm", *_CONFIRM},
    "payment_intents.update": {"payment_method_data"},
    "payment_methods.create": {"card.number", "card.token", "card.cvc", "payment_method"},
    "setup_intents.confirm": _SET_UP,
    "setup_intents.create": {"confirm", *_SET_UP},
}

VERBS: dict[str, dict[str, Any]] = {
    "setup_intents.cancel": {"status": "canceled"},
    "topups.cancel": {"status": "canceled"},
    "v2.core.accounts.close": {"closed": True},
}

MAKES = {"charge", "discount", "item", "line_item", "payment_method", "subscription_item"}
