"""The keys of Stripe: what they look like, and what they say of themselves."""

from __future__ import annotations

import re
from typing import Literal, cast

from host.secret import Secret
from host.setting_values import PRINTABLE

__all__ = ["DEMO_KEY", "key_mode", "looks_like_stripe_key", "read_key"]

DEMO_KEY = "sk_test_demo_key"
"""The placeholder of tutorials and of ``.env.example``: counts as no key."""
_QUOTES = "\"'`“”„‘’«»"

_KEY_MODE = re.compile(r"[a-z]{2,5}_(?:org_)?(live|test)_")
_STRIPE_KEY = re.compile(r"(?:sk|rk)_(?:org_)?(?:live|test)_\w+", re.ASCII)
_OTHER_KEYS = {
    "pk_": "is a publishable key (pk_…)",
    "whsec_": "is the secret of a webhook (whsec_…)",
    "ek_": "is an ephemeral key (ek_…)",
}


def looks_like_stripe_key(text: str) -> bool:
    """Whether it has the form of a secret or restricted key, and is not a placeholder (``sk_test_xxx``)."""
    is_placeholder = text.lower().endswith(("_xxx", "xxxx", "your_key", "key_here"))
    return _STRIPE_KEY.fullmatch(text) is not None and not is_placeholder


def key_mode(key: Secret | None) -> Literal["live", "test"] | None:
    """``"live"`` or ``"test"`` by the key's prefix (``sk_live_``, ``rk_test_`` …), else ``None``."""
    match = _KEY_MODE.match(key.reveal()) if key is not None else None
    return cast(Literal["live", "test"], match.group(1)) if match else None


def read_key(value: object) -> Secret | None:
    """A key, or ``None`` without one and for the demo key. Raises ``ValueError`` for what is no key."""
    if value is None:
        return None
    if not isinstance(value, str | Secret):
        raise ValueError(f"is {type(value).__name__}; expected a string")
    text = (value.reveal() if isinstance(value, Secret) else value).strip()
    if text in ("", DEMO_KEY):
        return None
    expected = "expected a secret key (sk_…) or restricted key (rk_…)"
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        raise ValueError(f"is in quotes, which would be sent with it; {expected}")
    if text.endswith(("…", "...", "***")):
        raise ValueError(f"is cut off, or a placeholder; {expected}")
    if not PRINTABLE.fullmatch(text):
        raise ValueError("holds a space, line break or non-ASCII character; expected a key such as sk_test_…")
    for prefix, what in _OTHER_KEYS.items():
        if text.startswith(prefix):
            raise ValueError(f"{what}; {expected}")
    return Secret(text)
