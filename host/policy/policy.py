"""What a host grants its runs, what is left of its budgets, and what one run gets of both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from host.apis.api import Api
from host.apis.nearest import meant
from host.errors import ConfigError, DeniedError, UsageError
from host.policy.budget import Budget, Quota, SpendingLedger
from host.policy.permissions import Permissions
from host.policy.redaction import Redactor, is_secret, named_like_a_secret
from host.settings import Secret

__all__ = ["HostPolicy", "secret_names"]

T = TypeVar("T")

_PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class Said(Protocol):
    """What a configuration file says of these."""

    @property
    def permissions(self) -> Permissions | None: ...
    @property
    def budget(self) -> Budget | None: ...
    @property
    def daily_budget(self) -> Budget | None: ...


class HostPolicy:
    """The permissions and budgets of a host. Thread-safe.

    ``apis`` is live: those added later are known later. ``env`` holds values scripts may read, beside those
    of ``environ`` that the permissions grant. ``daily`` is a budget of each day and key, kept in ``ledger``.
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
        if self._env:  # what a program passes in it grants
            given = replace(given, env=(*(given.env or ()), *self._env))
        self.permissions = given
        self._apis = apis
        self._redactor = redactor
        self._secrets = Redactor()  # the keys only: scripts may read what is granted of the environment
        self._environ = os.environ if environ is None else environ
        self._sound: Permissions | None = None  # the last one whose patterns were checked
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
        self.environment = self._environment(given)  # what scripts may read of it, by name

    @classmethod
    def of_host(
        cls,
        config: Said,
        permissions: Permissions | Mapping[str, Any] | None,
        budget: Budget | None,
        daily: Budget | None,
        apis: Mapping[str, Api],
        redactor: Redactor,
        env: Mapping[str, str] | None,
        ledger: Callable[[], SpendingLedger],
    ) -> HostPolicy:
        """Of a host's arguments, which win, and of what its configuration file says. ``ledger()`` keeps what was spent
        of a day's budget; asked with the first run, and only where there is one."""
        daily = _checked(daily, Budget, "daily_budget") or config.daily_budget
        permissions = config.permissions if permissions is None else permissions
        found = cls(permissions, budget or config.budget, apis, redactor, env=env, daily=daily)
        if daily is not None and not daily.empty:
            found._open_ledger = ledger
        return found

    def keep_daily(self, ledger: Callable[[], SpendingLedger]) -> None:
        """Count what is spent of a day's budget elsewhere from now on; asked only where there is such a budget."""
        for quota in self._quotas:
            if quota.name == "today":
                self._open_ledger = None
                _close(quota.ledger)
                quota.ledger = ledger()

    def close(self) -> None:
        """Close the record of spending, if there is one."""
        for quota in self._quotas:
            _close(quota.ledger)

    def check_one_process(self) -> None:
        """Refuse what one process alone can keep."""
        if self.has_quotas:
            raise UsageError(
                "a host with a budget runs in one process: what is left of it is counted there",
                hint="Leave processes=… out, or the budget.",
            )

    def check_key(self, api: Api) -> None:
        """Refuse an API whose key is live where only tests are allowed, and mask its key from now on."""
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
        """What one run is granted, the quotas of its calls, and the environment it may read."""
        if self._open_ledger is not None:
            self.keep_daily(self._open_ledger)
        granted, quotas, env = self.permissions, self._quotas, self.environment
        if permissions is not None:
            granted = granted.narrowed(_checked(permissions, Permissions, "permissions"))
            env = self._environment(granted)
        if granted is not self._sound:  # checked once, as long as it stays the same
            self._check_patterns(granted)
            self._sound = granted
        own = _checked(budget, Budget, "budget")
        if own is not None and not own.empty:
            quotas = (Quota(own, "the run"), *quotas)
        return granted, quotas, env

    def _check_patterns(self, granted: Permissions) -> None:
        """A pattern that matches no operation would deny nothing, or grant nothing, in silence."""
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
            yield f"{name}.http"  # requests of http.* with this API's key to paths the catalog does not have
            yield f"{name}.request"  # the same of its own word for any request

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
    """Whose keys are among the arguments of a call: names of opaque secrets, at any depth."""
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
