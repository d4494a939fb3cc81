"""What operations do with parameters that do not come back as given, where no module of their own declares it."""

from __future__ import annotations

from typing import Any

EFFECTS: dict[str, set[str]] = {}

VERBS: dict[str, dict[str, Any]] = {
    "v2.core.accounts.close": {"closed": True},
}

MAKES = {"charge", "discount", "item", "line_item", "payment_method", "subscription_item"}
