"""Kinds of objects that are created beside others, by no module in particular."""

from __future__ import annotations

MAKES = {"charge", "discount", "item", "line_item", "payment_method", "subscription_item"}
