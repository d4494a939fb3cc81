"""The parameters of an operation that select a page or its size, judged by their names."""

from __future__ import annotations

from host.apis.catalog import Catalog, Operation, Param
from host.apis.list_items import scalar
from host.apis.page_names import (
    OFFSETS,
    PAGED,
    SIZES,
    plain_name,
)

__all__ = ["is_sent", "offset_param", "page_names", "page_parameter", "size_param"]


def page_parameter(name: str) -> bool:
    """Whether a parameter selects a page or a page size, judged by its name."""
    plain = plain_name(name)
    return plain in PAGED or plain in SIZES[:10] or plain in ("p", "start", "token")


def size_param(operation: Operation) -> str:
    """The name of the parameter for the maximum number of items per page, or ""."""
    named = {plain_name(param.name): name for name, param in reversed(operation.params.items()) if is_sent(param)}
    return next((named[size] for size in SIZES if size in named), "")


def is_sent(param: Param) -> bool:
    """Whether a parameter is one of the query or the body."""
    return param.location in ("query", "body")


def page_names(operation: Operation) -> frozenset[str]:
    """The wire names of a list's parameters that select a page rather than filter the items."""
    own = {operation.page_param, size_param(operation)}
    return frozenset(
        param.name for name, param in operation.params.items() if name in own or page_parameter(param.name)
    )


def offset_param(operation: Operation, lookup: Catalog) -> str:
    """The name of the parameter for the number of items to skip, or ""."""
    return next(
        (
            name
            for name, param in operation.params.items()
            if plain_name(param.name) in OFFSETS and scalar(param.schema, lookup, ("integer", "number"))
        ),
        "",
    )
