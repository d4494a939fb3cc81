"""The permissions and budgets of a host, and those of one of its runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from host.apis.api import Api
from host.apis.nearest import meant
from host.errors import ConfigError, DeniedError, UsageError
from host.policy.budget import Budget
from host.policy.ledger import SpendingLedger
from host.policy.permissions import Permissions
from host.policy.quota import Quota
from host.policy.redaction import Redactor, is_secret, named_like_a_secret
from host.secret import Secret

__all__ = ["HostPolicy", "secret_names"]

T = TypeVar("T")

_PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class ConfiguredPolicy(Protocol):
    """The permissions and budgets in a configuration file."""

    @property
    def permissions(self) -> Permissions | None: ...
    @property
    def budget(self) -> Budget | None: ...
    @property
    def daily_budget(self) -> Budget | None: ...


class HostPolicy:
    """The permissions and budgets of a host. Thread-safe.

    ``apis`` is read again as APIs are added to it. ``env`` holds variables scripts may read, in addition to those of
    ``environ`` that the permissions grant. ``daily`` is a budget for each day and key, counted in ``ledger``.
    """

    def __init__(
        self,
        permissions: Permissions | Mapping[str, Any] | None,
        budget: Budget | None,
        apis: Mapping[str, Api],
        redactor: Redactor,
        *,
        env: Mapping[str, str] | None = None,
        daily: Budget | None = None,
        ledger: SpendingLedger | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(permissions, Mapping):  # from another process, or a file
            permissions = Permissions(**permissions)
        given = _checked(permissions, Permissions, "permissions") or Permissions()
        self.budget = _checked(budget, Budget, "budget") or Budget()
        self._env = dict(env or {})
        if self._env:  # the program grants what it passes
            given = replace(given, env=(*(given.env or ()), *self._env))
        self.permissions = given
        self._apis = apis
        self._redactor = redactor
        self._secrets = Redactor()  # the API keys only, since scripts may read granted variables
        self._environ = os.environ if environ is None else environ
        self._sound: Permissions | None = None  # the last permissions whose patterns were checked
        quotas = [] if self.budget.empty else [Quota(self.budget, "the host")]
        if daily is not None and not daily.empty:
            quotas.append(Quota(daily, "today", ledger))
        self._quotas = tuple(quotas)
        self._open_ledger: Callable[[], SpendingLedger] | None = None
        self.has_quotas = bool(quotas)
        for api in apis.values():
            self.check_key(api)
        for url in (*(given.sql or ()), *(self._environ.get(name) for name in _PROXIES)):
            redactor.add_url(url)
        self.environment = self._environment(given)  # the variables that scripts may read

    @classmethod
    def of_host(
        cls,
        config: ConfiguredPolicy,
        permissions: Permissions | Mapping[str, Any] | None,
        budget: Budget | None,
        daily: Budget | None,
        apis: Mapping[str, Api],
        redactor: Redactor,
        env: Mapping[str, str] | None,
        ledger: Callable[[], SpendingLedger],
    ) -> HostPolicy:
        """The policy from a host's arguments, which take precedence, and its configuration file.

        ``ledger()`` makes the ledger of the daily budget. It is called with the first run, if there is one.
        """
        daily = _checked(daily, Budget, "daily_budget") or config.daily_budget
        permissions = config.permissions if permissions is None else permissions
        found = cls(permissions, budget or config.budget, apis, redactor, env=env, daily=daily)
        if daily is not None and not daily.empty:
            found._open_ledger = ledger
        return found

    def keep_daily(self, ledger: Callable[[], SpendingLedger]) -> None:
        """Count the daily budget in the ledger that ``ledger()`` makes. Does nothing without a daily budget."""
        for quota in self._quotas:
            if quota.name == "today":
                self._open_ledger = None
                _close(quota.ledger)
                quota.ledger = ledger()

    def close(self) -> None:
        """Close the ledgers that need it."""
        for quota in self._quotas:
            _close(quota.ledger)

    def check_one_process(self) -> None:
        """Raise ``UsageError`` if there is a budget, which only one process can count."""
        if self.has_quotas:
            raise UsageError(
                "a host with a budget runs in one process, which counts what is left of it",
                hint="Omit processes=…, or the budget.",
            )

    def check_key(self, api: Api) -> None:
        """Redact the key of an API from now on. Raises ``ConfigError`` for a live key if only test keys are allowed."""
        for secret in api.secrets():
            self._redactor.add(secret)
            self._secrets.add(secret)
        if api.is_live and self.permissions.is_test_only:
            raise ConfigError(
                f"the key of {api.name} is {api.secrets()[0]}, and the permissions are test_mode_only",
                hint="Use a test key (sk_test_…), or leave --test-mode-only out.",
            )

    def grants_some(self, api: str) -> bool:
        """Whether any operation of an API may be called at all."""
        for label in self._labels(api):
            try:
                self.permissions.check_operation(label, mutation=False)
            except DeniedError:
                continue
            return True
        return False

    def of_run(
        self, permissions: Permissions | None, budget: Budget | None
    ) -> tuple[Permissions, tuple[Quota, ...], Mapping[str, str]]:
        """The permissions of one run, the quotas of its calls, and the environment variables it may read."""
        if self._open_ledger is not None:
            self.keep_daily(self._open_ledger)
        granted, quotas, env = self.permissions, self._quotas, self.environment
        if permissions is not None:
            granted = granted.narrowed(_checked(permissions, Permissions, "permissions"))
            env = self._environment(granted)
        if granted is not self._sound:  # the same permissions need not be checked again
            self._check_patterns(granted)
            self._sound = granted
        own = _checked(budget, Budget, "budget")
        if own is not None and not own.empty:
            quotas = (Quota(own, "the run"), *quotas)
        return granted, quotas, env

    def _check_patterns(self, granted: Permissions) -> None:
        """Raise ``UsageError`` for a pattern that matches no operation, which would silently grant or deny nothing."""
        found = granted.unmatched(self._labels)
        if found is None:
            return
        name, pattern = found
        hint = meant(pattern, sorted(self._labels())) if "*" not in pattern else ""
        raise UsageError(
            f"permissions: {name} has {pattern!r}, which matches no operation{hint}",
            hint="Operations are named like stripe.products.create; patterns like stripe.products.*",
        )

    def _labels(self, of: str | None = None) -> Iterable[str]:
        for name, api in list(self._apis.items()):
            if of is not None and name != of:
                continue
            yield from (f"{name}.{id}" for id in api.catalog.operation_ids())
            yield f"{name}.http"  # requests of the library http with this API's key
            yield f"{name}.request"  # requests of the API's function request

    def _environment(self, granted: Permissions) -> Mapping[str, str]:
        if not self._env and not self.permissions.env:
            return _NOTHING
        found = {}
        for name, value in (*self._environ.items(), *self._env.items()):
            if granted.grants_env(name):
                if named_like_a_secret(name):
                    self._redactor.add(Secret(value))
                found[name] = self._secrets(value)
        return found


def secret_names(value: Any) -> set[str]:
    """The names of the opaque secrets in the arguments of a call, at any depth."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)
        elif is_secret(each):
            found.update(each.parts[1::2])
    return found


_NOTHING: Mapping[str, str] = MappingProxyType({})


def _checked(value: T | None, kind: type[T], name: str) -> T | None:
    if value is not None and not isinstance(value, kind):
        raise UsageError(f"{name} is {value!r}; expected a {kind.__name__}")
    return value


def _close(ledger: SpendingLedger) -> None:
    close = getattr(ledger, "close", None)
    if close is not None:
        close()
