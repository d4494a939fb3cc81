"""Every exception of the two libraries has its place in the map."""

from __future__ import annotations

import inspect
import typing

import httpx
import pytest
from pyreqwest import exceptions as reqwest_errors

from host.errors import CallTimeout, InvalidCall, NetworkError
from host.http import httpx_wire, reqwest, transport
from host.http.faults import RULES, Fault, call_error
from host.http.message import Request

HTTPX_ERRORS = [
    kind
    for name in httpx.__all__
    if inspect.isclass(kind := getattr(httpx, name))
    and issubclass(kind, (httpx.RequestError, httpx.InvalidURL))
]
REQWEST_ERRORS = [
    kind
    for _, kind in inspect.getmembers(reqwest_errors, inspect.isclass)
    if issubclass(kind, reqwest_errors.PyreqwestError)
]


def test_every_fault_has_a_rule_and_an_httpx_error_for_hooks():
    assert set(RULES) == set(typing.get_args(Fault))
    assert set(transport.HTTPX_ERRORS) == set(RULES) - {"oversized"}


@pytest.mark.parametrize("kind", HTTPX_ERRORS)
def test_every_exception_of_httpx_is_a_fault(kind):
    fault, _ = httpx_wire.fault_of(kind("text"))
    assert fault in RULES


@pytest.mark.parametrize("kind", REQWEST_ERRORS)
def test_every_exception_of_pyreqwest_is_a_fault(kind):
    details = {"causes": [{"message": "outer"}, {"message": "inner"}], "status": 500, "doc": "", "pos": 0}
    error = kind("text", details) if issubclass(kind, reqwest_errors.DetailedPyreqwestError) else kind("text")
    fault, _ = reqwest.fault_of(error)
    assert fault in RULES


def test_foreign_exceptions_are_none_of_the_wires():
    assert httpx_wire.fault_of(LookupError("x")) is None
    assert reqwest.fault_of(LookupError("x")) is None


@pytest.mark.parametrize(
    ("causes", "fault"),
    [
        (["client error (Connect)", "tcp connect error", "Connection refused"], "connect"),
        (["client error (Connect)", "dns error", "no such name"], "dns"),
        (["client error (Connect)", "invalid peer certificate: Expired"], "tls"),
        (["client error (Connect)", "received fatal alert: HandshakeFailure"], "tls"),
        (["client error (Connect)", "tunnel error: unsuccessful"], "proxy"),
        (["client error (SendRequest)", "connection error"], "reset"),
    ],
)
def test_pyreqwest_says_by_its_causes_whether_anything_was_sent(causes, fault):
    error = reqwest_errors.ConnectError("x", {"causes": [{"message": cause} for cause in ["url", *causes]]})
    assert reqwest.fault_of(error)[0] == fault
    assert RULES[fault].sent == (fault == "reset")


def test_a_late_connect_and_a_late_answer_are_told_apart_though_pyreqwest_names_them_alike():
    def late(*causes: str) -> str:
        details = {"causes": [{"message": cause} for cause in causes]}
        return reqwest.fault_of(reqwest_errors.ConnectTimeoutError("connection timeout", details))[0]

    assert late("url", "client error (Connect)", "operation timed out") == "connect_timeout"
    assert late("url", "operation timed out") == "response_timeout"


@pytest.mark.parametrize("fault", list(RULES))
def test_an_error_tells_host_operation_key_and_outcome(fault):
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
