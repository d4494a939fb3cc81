"""Declarations for which there is no module: actions that only set members, and kinds created beside others."""

from __future__ import annotations

from typing import Any

VERBS: dict[str, dict[str, Any]] = {
    "v2.core.accounts.close": {"closed": True},
}

MAKES = {"charge", "discount", "item", "line_item", "payment_method", "subscription_item"}
