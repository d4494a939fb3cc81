"""Redacts known secrets in everything that is shown, stored, or passed to a script."""

from __future__ import annotations

import re
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from host.secret import Secret

__all__ = ["SHORTEST", "Redactor", "is_secret", "named_like_a_secret"]

SHORTEST = 6  # characters; a shorter secret would match innocent text
SHORTEST_CODED = 8  # the same for encoded forms, of which sometimes only a part can be searched for

_KEYWORDS = r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH|PRIVATE|DSN"  # compiled when first needed


def named_like_a_secret(name: str) -> bool:
    """Whether an environment variable's name says that its value is a secret."""
    return re.search(_KEYWORDS, name, re.IGNORECASE) is not None


def is_secret(value: Any) -> bool:
    """Whether a value from a script is an opaque secret (:class:`host.lua.values.SecretText`)."""
    return isinstance(getattr(value, "parts", None), tuple)


class Redactor:
    """Replaces every known secret in a string by its mask. Thread-safe; secrets may be added at any time.

    A secret is found as it is, URL-encoded, in JSON, and in base64 at any offset (``Authorization: Basic …``). A string
    without a secret costs one search for each form and is returned unchanged.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._lock = threading.Lock()
        self._masks: dict[str, str] = {}
        # The forms that contain no other form. Searching for these finds the others too.
        self._probes: tuple[str, ...] = ()
        self._byte_probes: tuple[str, ...] = ()  # their UTF-8 bytes decoded as Latin-1
        self._shortest = 1 << 62
        self._find: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Redact this secret too from now on. One of fewer than 6 characters is not redacted."""
        if len(secret.reveal()) < SHORTEST:
            return
        mask = str(secret)
        with self._lock:
            masks = self._masks
            masks.update({form: mask for form in _forms(secret.reveal()) if form not in masks})
            forms = tuple(sorted(masks, key=len, reverse=True))
            self._find = re.compile("|".join(map(re.escape, forms)))
            probes: list[str] = []
            for form in reversed(forms):
                if not any(probe in form for probe in probes):
                    probes.append(form)
            raw = (probe.encode("utf-8", "surrogateescape") for probe in probes)
            self._byte_probes = tuple(each.decode("latin-1") for each in raw)
            self._shortest = len(forms[-1])
            self._probes = tuple(probes)

    def add_url(self, url: str | None) -> None:
        """Redact the password in a URL, if it has one."""
        if not url or "@" not in url:
            return
        try:
            password = urlsplit(url).password
        except ValueError:
            return
        if password:
            self.add(Secret(password))
            self.add(Secret(unquote(password)))

    def __call__(self, text: str) -> str:
        """The text with its secrets redacted."""
        if len(text) >= self._shortest:
            for probe in self._probes:
                if probe in text:
                    return self._replaced(text)
        return text

    def hidden(self, value: Any, word: str) -> Any:
        """A plain value with ``word`` in place of every secret; a mask would show its last characters."""
        kind = type(value)
        if kind is str:
            return self._find.sub(lambda _: word, value) if self._find is not None else value
        if kind is dict:
            return {self.hidden(name, word): self.hidden(each, word) for name, each in value.items()}
        return [self.hidden(each, word) for each in value] if kind is list else value

    def _replaced(self, text: str) -> str:
        masks = self._masks
        assert self._find is not None
        return self._find.sub(lambda found: masks[found.group()], text)

    def body(self, data: bytes) -> bytes:
        """The bytes of an answer with its secrets redacted, so that a secret an API echoes does not reach a script."""
        if len(data) >= self._shortest:
            latin = data.decode("latin-1")  # a copy, but str is searched much faster than bytes
            for probe in self._byte_probes:
                if probe in latin:
                    text = data.decode("utf-8", "surrogateescape")
                    return self._replaced(text).encode("utf-8", "surrogateescape")
        return data

    def value(self, value: Any) -> Any:
        """A plain value with the secrets in all its texts redacted, and opaque secrets as their placeholder text."""
        kind = type(value)
        if kind is str:
            return self(value)
        if kind is dict:
            return {self(k) if type(k) is str else k: self.value(v) for k, v in value.items()}
        if kind is list:
            return [self.value(each) for each in value]
        if kind is tuple:
            return tuple(self.value(each) for each in value)
        if kind is bytes:
            return self.body(value)
        return str(value) if is_secret(value) else value


def _forms(secret: str) -> set[str]:
    """The texts in which a secret may appear."""
    raw = secret.encode("utf-8", "surrogateescape")
    found = {secret, secret.replace("\\", "\\\\").replace('"', '\\"')}
    if secret.isprintable():
        found |= {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    coded: set[str] = set()
    for whole in (raw, raw + b":", b":" + raw):  # alone, as a user name, as a password without a user name
        coded |= {b64encode(whole).decode(), urlsafe_b64encode(whole).decode()}
    for shift in range(3):  # within other text: the characters that depend on the secret alone
        text = b64encode(b"\0" * shift + raw).decode()
        coded.add(text[(0, 2, 3)[shift] : (len(raw) + shift) * 8 // 6])
    return found | {form for form in coded if len(form) >= SHORTEST_CODED}
