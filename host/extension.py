"""What a program adds to its host: functions, builders of its classes, libraries, other APIs, parts of httpx."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from host import arguments
from host.errors import ConfigError, UsageError
from host.host_arguments import checked_parts
from host.http.sender import HttpxParts
from host.libraries.library import Library
from host.lua.globals import STANDARD
from host.settings import Settings

if TYPE_CHECKING:
    import httpx

    from host.api_registry import Apis
    from host.apis.catalog import Catalog
    from host.apis.definition import Credentials, Document
    from host.apis.overlay import Overlays
    from host.apis.paging_words import Paging
    from host.config_file import ApiEntry
    from host.functions.functions import Effect
    from host.functions.registration import Functions
    from host.host_arguments import NamedApi
    from host.host_engine import HostEngine
    from host.http.sender import Sender
    from host.libraries.library import Libraries, Library
    from host.policy.policy import HostPolicy
    from host.processes.runs import Runs

__all__ = ["Additions"]

F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K")
Create = Callable[[Any], Any]


class Additions:
    """The part of :class:`~host.host.Host` by which scripts get more than it has by itself."""

    simulated: bool
    _added: Apis
    _env_file: str | os.PathLike[str] | None
    _functions: Functions
    _libraries: Libraries
    _rules: HostPolicy
    _runs: Runs
    _sender: Sender
    _engine: HostEngine

    @overload
    def function(self, fn: F, /, *, name: str | None = None, effect: Effect = "write", inline: bool = False) -> F: ...

    @overload
    def function(
        self, fn: None = None, /, *, name: str | None = None, effect: Effect = "write", inline: bool = False
    ) -> Callable[[F], F]: ...

    def function(
        self, fn: F | None = None, /, *, name: str | None = None, effect: Effect = "write", inline: bool = False
    ) -> Any:
        """Register a Python function for scripts: ``@host.function`` or ``@host.function(effect="read")``.

        Async or plain (plain ones run in a pool of threads; with ``inline`` on the run's own, for what takes
        microseconds); a generator becomes a Lua iterator. Type hints become checks of the arguments, a
        parameter annotated with :class:`RunContext` gets one. ``effect`` says what a call does: ``"write"``
        changes something, ``"read"`` looks, ``"pure"`` depends on its arguments alone. See docs/functions.md.
        """
        if name is not None:
            arguments.a_text("name", name, "a name scripts call it by")
        arguments.a_flag("inline", inline)
        scope = sys._getframe(1).f_locals  # classes defined beside the function, for its annotations

        def register(target: F) -> F:
            self._check_local("function()")
            self._functions.add(target, name, effect=effect, inline=inline, scope=scope)
            return target

        return register if fn is None else register(fn)

    def add_library(self, library: Library) -> None:
        """Give scripts a library of your own: Lua in front, async functions behind (docs/libraries.md).

        Raises ``UsageError`` for a name that is taken.
        """
        self._runs.check_open()
        self._check_local("add_library()")
        arguments.an_instance("library", library, Library)
        self._libraries.add(library, {*STANDARD, *self._names(), *self._functions.by_name})

    def functions(self, source: object, *, effect: Effect = "write", prefix: str = "") -> list[str]:
        """Register a module's public functions, or an object's public methods; returns their names."""
        self._check_local("functions()")
        if not isinstance(prefix, str):
            raise arguments.wrong("prefix", prefix, "a string that the names begin with")
        return self._functions.add_all(source, effect=effect, prefix=prefix)

    @overload
    def builder(
        self, kind: type[K], /, *, name: str | None = None, create: Create | None = None, effect: Effect = "write"
    ) -> type[K]: ...

    @overload
    def builder(
        self, kind: None = None, /, *, name: str | None = None, create: Create | None = None, effect: Effect = "write"
    ) -> Callable[[type[K]], type[K]]: ...

    def builder(
        self,
        kind: type[Any] | None = None,
        /,
        *,
        name: str | None = None,
        create: Create | None = None,
        effect: Effect = "write",
    ) -> Any:
        """Make a builder of a dataclass, msgspec or pydantic model: ``new_order():customer("c"):create()``.

        ``create()`` makes an instance and calls ``create(instance)``, or the class's method ``create``.
        """

        if kind is not None:
            arguments.an_instance("kind", kind, type, "a dataclass, msgspec or pydantic model")
        if name is not None:
            arguments.a_text("name", name, "a name: the builder is new_<name>")
        if create is not None and not callable(create):
            raise arguments.wrong("create", create, "a function of the instance")

        def register(target: type[K]) -> type[K]:
            self._check_local("builder()")
            self._functions.add_builder(target, name=name, create=create, effect=effect)
            return target

        return register if kind is None else register(kind)

    def add_api(
        self,
        name: str,
        document: Document,
        *,
        base_url: str | None = None,
        auth: Credentials | None = None,
        overlay: Overlays | None = None,
        paging: Paging | None = None,
    ) -> Catalog:
        """Give scripts another API, from its OpenAPI 3 document: a file, its decoded content, or a catalog.

        Scripts then have ``petstore.pets.list{…}``, ``petstore.new_pet()`` and so on. ``base_url`` is the
        document's server by default, or the setting ``PETSTORE_API_BASE``. ``auth`` is the key (or the setting
        ``PETSTORE_API_KEY``): a string, ``(user, password)``, :class:`OAuth2`, or a mapping of these by the
        document's security schemes. ``overlay`` mends the document: an OpenAPI Overlay (its file or content), or
        several. ``paging`` says how the pages of its lists follow each other, where the document does not:
        ``"token cursor meta.next"``, or a mapping of such words by operation. On a simulated host the API is
        simulated, and needs no server. See docs/apis.md.

        Raises ``CatalogError`` for a document that cannot be used, ``ConfigError``, and ``UsageError`` for a name
        that is taken. What was left out of the document is in the catalog's ``warnings``.
        """
        self._runs.check_open()
        arguments.a_text("name", name, "a name scripts know it by")
        if base_url is not None:
            arguments.a_text("base_url", base_url, "a URL such as https://api.example.com")
        if name in {*STANDARD, *self._names(), *self._functions.by_name}:
            raise UsageError(f"the name {name!r} is taken")
        env_file, redactor = self._env_file, self._runs.services.redactor
        api = self._added.add(
            name,
            document,
            base_url,
            auth,
            overlay=overlay,
            paging=paging,
            env_file=env_file,
            rules=self._rules,
            sender=self._sender,
            redactor=redactor,
        )
        if self._runs.worker_processes is not None:
            self._runs.worker_processes.offer(api)
        return api.catalog

    def _add_apis(self, documents: Mapping[str, NamedApi], entries: Mapping[str, ApiEntry]) -> None:
        """Those given as arguments, which win by name, and those of a configuration file."""
        for name, api in documents.items():
            self.add_api(
                name, api.document, base_url=api.base_url, auth=api.auth, overlay=api.overlay, paging=api.paging
            )
        if not entries:
            return
        variables = Settings.variables(env_file=self._env_file)
        for name, entry in entries.items():
            if name in documents:
                continue
            keys = None if self.simulated else entry.keys(variables)
            try:
                overlay, paging = entry.overlay or None, entry.paging
                self.add_api(name, entry.document, base_url=entry.base_url, auth=keys, overlay=overlay, paging=paging)
            except (UsageError, ConfigError) as error:
                hint = error.hint
                if entry.base_url is not None and keys is None:
                    hint = f'Beside base_url, auth = "{name.upper()}_API_KEY" says that this key may go there.'
                raise ConfigError(f"{entry.place}: {error.message}", hint=hint) from error

    def catalog(self, api: str = "stripe") -> Catalog:
        """What is known of an API. Raises ``UsageError`` for one this host does not have."""
        return self._added.catalog(arguments.a_text("api", api, "an API's name"))

    def use(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        mounts: Mapping[str, Any] | None = None,
        event_hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
        auth: Any = None,
    ) -> None:
        """Send through these parts of httpx from now on, as those :class:`Host` takes: for a ``setup`` function.

        Raises ``UsageError`` for a simulated host, and for one that spreads its runs over worker processes.
        """
        self._check_local("use()")
        if self.simulated:
            raise UsageError("a simulated host sends nothing, so it has no use for a transport")
        if self._added.are_more:
            raise UsageError("use() comes before add_api(), whose tokens are fetched the same way")
        self._engine.worker.pin()
        self._sender.use(self._open_client(checked_parts(transport, mounts, event_hooks, auth)))
        self._engine.worker.add_closer(self._sender.client.aclose)

    def _open_client(self, parts: HttpxParts) -> Any:
        raise NotImplementedError  # the host's

    def _check_local(self, what: str) -> None:
        self._runs.check_open()
        if self._runs.worker_processes is not None:
            raise UsageError(
                f"{what}: this host's scripts run in worker processes, to which nothing crosses by itself",
                hint="Do it in setup='module:function', which is called with each process's host.",
            )

    def _names(self) -> set[str]:
        """The names known to scripts that are not functions."""
        return {*self._added.names(), *self._libraries.globals}
