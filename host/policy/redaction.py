"""Keeps known secrets out of anything that is shown, stored, or given to a script."""

from __future__ import annotations

import re
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from host.settings import Secret

__all__ = ["SHORTEST", "Redactor", "is_secret", "named_like_a_secret"]

SHORTEST = 6  # a shorter secret would mask innocent text
SHORTEST_CODED = 8  # the same for a secret in another form, of which only a part may be looked for

_KEYWORDS = r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH|PRIVATE|DSN"  # compiled when first asked for


def named_like_a_secret(name: str) -> bool:
    """Whether an environment variable's name says that its value is a secret."""
    return re.search(_KEYWORDS, name, re.IGNORECASE) is not None


def is_secret(value: Any) -> bool:
    """Whether a value from a script is an opaque secret (:class:`host.lua.values.SecretText`)."""
    return isinstance(getattr(value, "parts", None), tuple)


class Redactor:
    """Replaces every known secret in a text by its mask, in each form it may take: as it is, URL-encoded, in
    JSON, in base64 at any place (``Authorization: Basic …``). Thread-safe; secrets may be added at any time.

    A text without a secret costs one search for each form and is returned unchanged.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._lock = threading.Lock()
        self._masks: dict[str, str] = {}
        # What is looked for: forms that hold no other form. The others are found with these.
        self._probes: tuple[str, ...] = ()
        self._byte_probes: tuple[str, ...] = ()  # as their UTF-8 reads in Latin-1
        self._shortest = 1 << 62
        self._find: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Mask this one too from now on. One of under 6 characters is not masked."""
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
        """Mask the password in a URL, if it has one."""
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
        """The text with its secrets masked."""
        if len(text) >= self._shortest:
            for probe in self._probes:
                if probe in text:
                    return self._replaced(text)
        return text

    def hidden(self, value: Any, word: str) -> Any:
        """A plain value with ``word`` in the place of every secret: the same for all, unlike a mask, which shows a
        secret's last letters."""
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
        """The bytes of an answer with its secrets masked: what an API echoes does not reach a script."""
        if len(data) >= self._shortest:
            latin = data.decode("latin-1")  # a copy, and searched several times as fast as bytes are
            for probe in self._byte_probes:
                if probe in latin:
                    text = data.decode("utf-8", "surrogateescape")
                    return self._replaced(text).encode("utf-8", "surrogateescape")
        return data

    def value(self, value: Any) -> Any:
        """A plain value with the secrets in all its texts masked, and opaque ones as the text that stands for
        them."""
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
    """The texts by which a secret may appear."""
    raw = secret.encode("utf-8", "surrogateescape")
    found = {secret, secret.replace("\\", "\\\\").replace('"', '\\"')}
    if secret.isprintable():
        found |= {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    coded: set[str] = set()
    for whole in (raw, raw + b":", b":" + raw):  # alone, as a user, as a password without one
        coded |= {b64encode(whole).decode(), urlsafe_b64encode(whole).decode()}
    for shift in range(3):  # inside other text: the characters that come of this text alone
        text = b64encode(b"\0" * shift + raw).decode()
        coded.add(text[(0, 2, 3)[shift] : (len(raw) + shift) * 8 // 6])
    return found | {form for form in coded if len(form) >= SHORTEST_CODED}
