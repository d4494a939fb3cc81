"""Variables of the environment and of a ``.env`` file: what they are, where they are set, and which of them look like
a setting of the host's but are none.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Set
from io import StringIO
from typing import NamedTuple

from host.errors import ConfigError, SettingsWarning
from host.nearest_name import nearest_name

__all__ = ["EnvFile", "read_env_file", "strays", "warn"]

PREFIXES = ("HOST_", "STRIPE_", "GRAPHQL_")

# Names that begin like ours and are somebody else's: of containers and monitoring, of the Stripe CLI, and what
# applications call their own objects of Stripe.
_FOREIGN_OF_HOST = frozenset((
    "NAME", "HOSTNAME", "IP", "ADDR", "ADDRESS", "PORT", "URL", "UID", "GID", "USER", "GROUP", "HOME", "PWD",
    "DIR", "PATH", "ROOT", "OS", "ARCH", "MACHINE", "PREFIX", "PROC", "SYS", "ETC", "VAR", "RUN", "DEV",
))  # fmt: skip
_FOREIGN_OF_STRIPE = frozenset((
    "ACCOUNT", "CANCEL", "CHECKOUT", "CLI", "CLIENT", "CONNECT", "COUPON", "CUSTOMER", "DEVICE", "PAYMENT",
    "PLAN", "PORTAL", "PRICE", "PRICING", "PRODUCT", "PUBLIC", "PUBLISHABLE", "RETURN", "SUCCESS", "TAX",
    "WEBHOOK",
))  # fmt: skip

# What other tools call a setting of ours. They are read by those tools, so they are reported only while ours is not
# set.
_ELSEWHERE = {
    "STRIPE_API_KEY": "STRIPE_SECRET_KEY",
    "STRIPE_KEY": "STRIPE_SECRET_KEY",
    "GRAPHQL_URL": "GRAPHQL_ENDPOINT",
}


class EnvFile(NamedTuple):
    """``source`` is what messages call the file; ``lines`` says where each of its ``values`` is set, ``earlier`` where
    it was set to something else before.
    """

    source: str
    values: Mapping[str, str]
    lines: Mapping[str, int]
    earlier: Mapping[str, int]


def read_env_file(
    env_file: str | os.PathLike[str] | None, cwd: str | os.PathLike[str] | None, known: Set[str]
) -> EnvFile:
    """The file given, which must exist, or ``.env`` of ``cwd``, if there is one. Values are taken literally.

    Raises ``ConfigError`` for a file that cannot be read, naming the line.
    """
    path = os.path.join(cwd or "", ".env" if env_file is None else env_file)
    source = ".env" if env_file is None else f"--env-file {os.fspath(env_file)}"
    if env_file is None and not os.path.isfile(path):  # also a virtual environment that is called .env
        return EnvFile(source, {}, {}, {})
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except FileNotFoundError:
        raise ConfigError(f"{source}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{source} cannot be read: {reason}") from error
    return _parsed(source, text, known)


def _parsed(source: str, text: str, known: Set[str]) -> EnvFile:
    from dotenv.parser import parse_stream  # slow to load, and most runs have no such file

    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    earlier: dict[str, int] = {}
    bare: dict[str, int] = {}
    for name, value, original, is_wrong in parse_stream(StringIO(text)):
        blank = original.string[: len(original.string) - len(original.string.lstrip())]
        line = original.line + blank.count("\n")
        if is_wrong:  # not repeated: it may hold a key
            raise ConfigError(f"{source}:{line}: this line cannot be read; expected NAME=value")
        if name is not None and value is not None:
            if values.get(name, value) != value:
                earlier[name] = lines[name]
            values[name], lines[name] = value, line
        elif name is not None:
            bare[name] = line
    for name, line in bare.items():
        if name in known and name not in values:
            raise ConfigError(f"{source}:{line}: {name} has no value; expected {name}=value")
    return EnvFile(source, values, lines, earlier)


def strays(
    file: EnvFile, environ: Mapping[str, str], known: Set[str], claimed: Callable[[str], bool] | None
) -> Iterator[str]:
    """A message for each variable that is not a setting but was probably meant as one: misspelt, or with a prefix of
    ours; and for each setting that a file sets to two values.

    ``claimed`` recognises variables that somebody else reads: granted to scripts, or of a further API.
    """
    thirds = [  # one of which a slip of the keyboard leaves as it is
        (name[at : at + len(name) // 3], len(name)) for name in known for at in range(0, len(name) - 2, len(name) // 3)
    ]
    for name, line in file.earlier.items():
        if name in known:
            yield f"{file.source}:{line}: {name} is set again in line {file.lines[name]}, which takes precedence"
    for name in (*file.values, *environ):
        if name in known or (claimed is not None and claimed(name)):
            continue
        form = name.upper().replace("-", "_")
        is_ours = form.startswith(PREFIXES)
        if not is_ours and not any(third in form and abs(len(form) - size) < 2 for third, size in thirds):
            continue
        near = _misspelt(form, known)
        if near is None:
            if not is_ours or _is_foreign(form):
                continue
            near = _ELSEWHERE.get(form)
            if near is not None and (near in file.values or near in environ):
                continue
            near = near or _related(form, known)
        place = f"{file.source}:{file.lines[name]}" if name in file.values else "environment"
        meant = f"; did you mean {near}?" if near else ""
        yield f"{place}: {name} is not a setting, so it has no effect{meant}"


def warn(message: str) -> None:
    """A ``SettingsWarning`` that names the line of whoever called the host."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "host":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, SettingsWarning, stacklevel=level)


def _is_foreign(form: str) -> bool:
    """Whether a name in capitals begins like ours and is known to be somebody else's."""
    prefix, _, rest = form.partition("_")
    if prefix == "HOST":
        return rest in _FOREIGN_OF_HOST
    word = rest.partition("_")[0]
    return prefix == "STRIPE" and not _FOREIGN_OF_STRIPE.isdisjoint((word, word.removesuffix("S")))


def _misspelt(form: str, known: Set[str]) -> str | None:
    """The setting that ``form`` is one slip of the keyboard away from."""
    return nearest_name(form, known, 0.9)


def _related(form: str, known: Set[str]) -> str | None:
    """The setting of the same prefix that is nearest to ``form``, or shares a word with it."""
    prefix, _, rest = form.partition("_")
    rests = {name.partition("_")[2]: name for name in known if name.startswith(f"{prefix}_")}
    words = set(rest.split("_"))
    near = nearest_name(rest, rests) or next((each for each in rests if not words.isdisjoint(each.split("_"))), None)
    return None if near is None else rests[near]
