"""Every exception of httpx has its place in the map."""

from __future__ import annotations

import inspect
import typing

import httpx
import pytest

from host.errors import CallTimeout, InvalidCall, NetworkError
from host.http import httpx_transport as httpx_wire
from host.http import transport
from host.http.message import Request
from host.http.transport_errors import RULES, TransportFault, call_error

HTTPX_ERRORS = [
    kind
    for name in httpx.__all__
    if inspect.isclass(kind := getattr(httpx, name)) and issubclass(kind, (httpx.RequestError, httpx.InvalidURL))
]


def test_every_fault_has_a_rule_and_an_httpx_error_for_hooks():
    """Every fault has a rule and an httpx error for hooks."""
    assert set(RULES) == set(typing.get_args(TransportFault))
    assert set(transport.HTTPX_ERRORS) == set(RULES) - {"oversized"}


@pytest.mark.parametrize("kind", HTTPX_ERRORS)
def test_every_exception_of_httpx_is_a_fault(kind):
    """Every exception of httpx is a fault."""
    fault, _ = httpx_wire.fault_of(kind("text"))
    assert fault in RULES


def test_foreign_exceptions_are_none_of_the_wires():
    """Foreign exceptions are not taken for the transport's."""
    assert httpx_wire.fault_of(LookupError("x")) is None


@pytest.mark.parametrize("fault", list(RULES))
def test_an_error_names_host_operation_key_and_outcome(fault):
    """An error names host, operation, key and outcome."""
    request = Request("POST", "https://h/x", operation="a.b", mutation=True, idempotency_key="k")
    error = call_error(fault, request, "h.example", "detail", 2.5)
    assert type(error) is RULES[fault].error
    assert error.outcome == ("unknown" if RULES[fault].sent else "not_sent")
    assert (error.operation, error.idempotency_key) == ("a.b", "k")
    assert error.message.endswith(": detail")
    assert "h.example" in error.message or isinstance(error, InvalidCall)
    assert call_error(fault, Request("GET", "https://h/x"), "h").outcome is None
    if isinstance(error, (NetworkError, CallTimeout)):
        assert error.phase in ("connect", "response", "limit")
