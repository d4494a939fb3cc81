"""Names that a call sends although they are not in the catalog.

They come from the request option ``extra``, from ``<api>.request``, and from calls for an API version other than the
catalog's. They are recorded so that budgets and the log can name them.
"""

from __future__ import annotations

import re
from typing import Any

from host.apis.facts import Facts
from host.apis.validation_error import ValidationError, shown

__all__ = ["Beyond", "check_names", "names_in", "other_version"]

# Brackets nest names on the wire (``recurring[interval]``), but some servers also read ``[amount]`` and `` amount`` as
# ``amount``. So a name must begin with its first step, and its brackets must be closed.
METHOD_PARAMETER = "_method"  # a form parameter that overrides the HTTP method in Rack-based servers
_STEP = r"[A-Za-z0-9_@$:./\-]"
_INNER = r"[^\[\]\x00-\x1f\x7f]{1,200}(\[[^\[\]\x00-\x1f\x7f]{0,200}\]){0,20}\Z"  # names of nested members
_NAME = rf"{_STEP}{{1,200}}(\[{_STEP}{{0,200}}\]){{0,20}}\Z"


class Beyond:
    """Collects the names of one call that are not in its catalog, while the call is checked.

    ``lenient``: unknown parameters and members are accepted, and missing ones are left for the API to report.
    """

    __slots__ = ("lenient", "names")

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self.names: list[str] = []

    def note(self, name: str, value: Any) -> None:
        """Record ``name`` and the names inside ``value``. Raises ``ValidationError`` as :func:`check_names` does."""
        check_names(name, value)
        for each in (name, *names_in(value)):
            self.names += filter(None, re.split(r"[\[\]]+", each))


def check_names(name: str, value: Any) -> None:
    """Raise ``ValidationError`` if a server could misread the parameter ``name`` or a name inside its ``value``."""
    if name == METHOD_PARAMETER:
        text = f"{name} could make some servers treat the request as another one; call that operation instead"
        raise ValidationError("", text=text)
    _check(name, _NAME)
    for each in names_in(value):
        _check(each, _INNER)


def _check(name: str, form: str) -> None:
    if not re.match(form, name):
        text = f"{shown(name)} is not a parameter's name; expected one such as price or recurring[interval]"
        raise ValidationError("", text=text)


def names_in(value: Any) -> list[str]:
    """The names of all members of ``value`` at any depth. The checkers limit the depth."""
    if isinstance(value, dict):
        return [name for key, each in value.items() for name in (str(key), *names_in(each))]
    return [name for each in value for name in names_in(each)] if isinstance(value, list) else []


def other_version(facts: Facts, asked: str | None) -> bool:
    """Whether a request for API version ``asked`` (None: the host's setting) uses another than the catalog's."""
    version = asked or facts.asked_version
    return bool(version and facts.version_header and version != facts.version)
