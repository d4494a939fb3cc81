"""Reads an HTTP request into the checked request of an operation: key, route, version, parameters, account."""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Catalog
from host.simulator.added_apis.parameters import AddedChecker
from host.simulator.added_apis.routes import AddedRoutes
from host.simulator.api_error import SimulatedError, invalid
from host.simulator.checks import Checker
from host.simulator.context import Backend, RequestContext
from host.simulator.keys import Keys
from host.simulator.parsing import Tree, form_tree, json_tree, multipart_tree
from host.simulator.routes import RoutePlan, Routes
from host.simulator.stripe import account_access, formats
from host.simulator.versions import Versions, with_older_names

# https://docs.stripe.com/api-v2-overview#sdks-and-api-versioning
_NO_VERSION = (
    "Requests to the API v2 namespace must have a Stripe-Version header, with the version of the API to use. Stripe's "
    "clients send one themselves. See https://docs.stripe.com/api-v2-overview."
)


class RequestReader:
    """Reads the requests of one API. It changes no object."""

    def __init__(
        self, catalog: Catalog, routes: Routes | AddedRoutes, keys: Keys, versions: Versions, *, stripe: bool
    ) -> None:
        self._catalog = catalog
        self._routes = routes
        self._keys = keys
        self._versions = versions
        self._stripe = stripe
        self._checker = Checker(catalog, reader=formats.reader if stripe else None)
        self._added = AddedChecker(catalog)

    def read(
        self, backend: Backend, method: str, place: tuple[str, str], headers: dict[str, str], body: bytes, now: int
    ) -> tuple[RequestContext, Tree]:
        """The checked request, and all its parameters as sent, which its idempotency key is compared by.

        ``place`` is (path, query); names of ``headers`` are in lower case. Raises :class:`SimulatedError` for a wrong
        request.
        """
        path, query = place
        asked = form_tree(query) if query else {}
        streams = backend.stripe and path == account_access.STREAM
        if streams:
            backend = account_access.backend_of_session(backend, headers.get("authorization", ""), now)
        else:
            self._keys.check(headers, asked)
        for name in self._keys.query_names:
            asked.pop(name, None)
        posted: Tree | None = None
        if new := self._versions.address(method, path, headers.get("stripe-version", "")):
            method, path, posted, asked = "POST", new, asked, {}
        found = self._routes.find("GET" if method == "HEAD" else method, path)
        if found is None:
            more = " Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
            raise SimulatedError(404, f"Unrecognized request URL ({method}: {path}).{more if self._stripe else ''}")
        plan, path_args = found
        if backend.stripe and path.startswith("/v2/") and not headers.get("stripe-version"):
            raise invalid(_NO_VERSION)
        if not backend.stripe:
            return self._read_added(backend, plan, path, query, path_args, headers, body, now)
        token = asked.pop("page", None) if plan.action == "list" and path.startswith("/v2/") else None
        sent, typed = self._body(plan, headers.get("content-type", ""), body) if posted is None else (posted, False)
        day, used, removed = self._day(backend, plan, headers, asked, sent)
        try:
            params = self._parameters(plan, asked, sent, typed)
        except SimulatedError as refusal:
            with_older_names(refusal, used)
            raise
        if token is not None:
            params["page"] = token
        # https://docs.stripe.com/context: the account itself is the last of the path
        account = headers.get("stripe-account") or headers.get("stripe-context", "").rpartition("/")[2]
        if account and not streams:
            backend = account_access.backend_of(backend, account, headers.get("authorization", ""))
        call = RequestContext(backend, plan, path, query, path_args, params, now, day, removed_params=removed)
        call.any_version = not headers.get("stripe-version")
        call.older_names = used
        return call, {"query": asked, "body": {**sent, **removed} if removed else sent}

    def _day(
        self, backend: Backend, plan: RoutePlan, headers: dict[str, str], asked: Tree, sent: Any
    ) -> tuple[str, dict[str, str], Tree]:
        """The date of the version to answer in ("" for the newest), then what :meth:`Versions.request` returns.

        Parameters of older versions are made into those of the newest, in place.
        """
        version = headers.get("stripe-version")
        used: dict[str, str] = {}
        removed: Tree = {}
        if version == self._catalog.version:
            return "", used, removed
        day = self._versions.day(version) if version else ""
        for tree in (asked, sent):
            if isinstance(tree, dict) and tree:  # a client that sends no version may use the names of any
                names, values = self._versions.request(plan.operation.id, day, tree, backend)
                used |= names
                removed |= values
        return day, used, removed

    def _read_added(
        self,
        backend: Backend,
        plan: RoutePlan,
        path: str,
        query: str,
        path_args: dict[str, str],
        headers: dict[str, str],
        body: bytes,
        now: int,
    ) -> tuple[RequestContext, Tree]:
        own = "&".join(pair for pair in query.split("&") if pair.partition("=")[0] not in self._keys.query_names)
        params, sent = self._added.request(plan.operation, own, headers.get("content-type", ""), body)
        return RequestContext(backend, plan, path, own, path_args, params, now), sent

    def _body(self, plan: RoutePlan, content_type: str, body: bytes) -> tuple[Any, bool]:
        if not body:
            return {}, False
        kind = content_type.partition(";")[0].strip().lower()
        if kind.endswith("json"):
            return json_tree(body), True
        if kind == "multipart/form-data":
            return multipart_tree(content_type, body), False
        if kind == "application/x-www-form-urlencoded" or (not kind and plan.operation.body == "form"):
            return form_tree(body.decode("utf-8", "replace")), False
        if plan.operation.whole_body:
            return body.decode("utf-8", "replace"), True
        raise SimulatedError(400, f"Invalid request body: the content type {kind or 'none'} is not understood")

    def _parameters(self, plan: RoutePlan, asked: Tree, sent: Any, typed: bool) -> dict[str, Any]:
        operation, checker = plan.operation, self._checker
        if not isinstance(sent, dict) or operation.whole_body:
            inner = operation.params.get("body")
            if inner is None:
                raise SimulatedError(400, "Invalid request body: an object is expected")
            value = checker.value(inner.schema, sent, "body", typed)
            found = value if isinstance(value, dict) else {"body": value}
            return {**checker.parameters(operation, asked, "query", typed=False), **found}
        if operation.method in ("GET", "HEAD") or (operation.method == "DELETE" and not operation.body):
            # Some clients send the parameters of a DELETE in its body.
            return checker.parameters(operation, {**asked, **sent}, "query", typed=typed)
        if self._stripe and operation.body is None and not asked:
            return checker.parameters(operation, sent, "query", typed=typed)
        found = checker.parameters(operation, sent, "body", typed=typed)
        return {**checker.parameters(operation, asked, "query", typed=False), **found}
