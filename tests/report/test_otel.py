"""The OpenTelemetry sink: spans by the semantic conventions for HTTP, under the program's own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from host import Host, Script
from host.errors import UsageError
from host.events import CallEnded, CallStarted, RunEnded, RunStarted
from host.report.otel import OpenTelemetrySink
from host.telemetry import checked_traceparent, current_traceparent


class Telemetry:
    """A program's providers, and what they were given."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    def sink(self) -> OpenTelemetrySink:
        """One under the span that is current."""
        return OpenTelemetrySink(tracer_provider=self.tracers, meter_provider=self.meters)

    def spans(self) -> list[ReadableSpan]:
        """All that have ended, by their start."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def points(self, name: str) -> list[Any]:
        """The points of one metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        return [point for metric in found for point in metric.data.data_points]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Providers of this test, closed at its end."""
    made = Telemetry()
    yield made
    made.tracers.shutdown()
    made.meters.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Its attributes as a dict."""
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    """The id of the span above."""
    return None if span.parent is None else span.parent.span_id


def test_a_run_is_under_the_span_that_is_current(telemetry: Telemetry) -> None:
    """Program → run → call → request, each within the one above it, in one trace."""
    with Host(simulate=True) as host, telemetry.tracers.get_tracer("program").start_as_current_span("order") as order:
        script = Script.of('stripe.products.create{name = "x"}\nstripe.products.retrieve("prod_no")', "pay.lua")
        result = host.run(script, sinks=[telemetry.sink()])
    assert result.error is not None
    by_name = {span.name: span for span in telemetry.spans()}
    run, call, request = by_name["run pay.lua"], by_name["stripe.products.create"], by_name["POST"]
    assert [parent(run), parent(call), parent(request)] == [
        order.get_span_context().span_id, run.context.span_id, call.context.span_id,
    ]  # fmt: skip
    for outer, inner in ((run, call), (call, request)):
        assert outer.start_time <= inner.start_time <= inner.end_time
        assert inner.context.trace_id == order.get_span_context().trace_id
    assert (run.status.status_code, call.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert attributes(call)["code.line.number"] == 1
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "api.stripe.com",
        "server.port": 443,
        "url.scheme": "https",
        "url.full": "https://api.stripe.com/v1/products",
    }
    assert request.kind is SpanKind.CLIENT
    missing = by_name["GET"]
    assert attributes(missing)["error.type"] == "404"
    assert missing.status.status_code is StatusCode.ERROR


def test_each_attempt_is_a_request_and_is_counted(telemetry: Telemetry) -> None:
    """The second of two has a resend count, a failed connection its kind; their times are in the histogram."""
    sink = telemetry.sink()
    tries = [
        {"offset": None, "duration": 0.0, "status": None, "error": "rate"},
        {"offset": 0.25, "duration": 0.5, "status": None, "error": "network"},
        {"offset": 1.0, "duration": 0.25, "status": 200, "error": None},
    ]
    sink.emit(RunStarted("r", 100.0, "a.lua"))
    sink.emit(CallStarted("r", 100.0, 1, "x.get"))
    url = "http://api.example:8080/a?token=hushhush"
    sink.emit(CallEnded("r", 102.0, 1, "x.get", 2.0, "GET", url, 200, detail={"tries": tries}))
    sink.emit(CallStarted("r", 103.0, 2, "x.slow"))
    sink.emit(RunEnded("r", 104.0, 4.0, 2, None))
    first, second = (span for span in telemetry.spans() if span.kind is SpanKind.CLIENT)
    assert (first.start_time, first.end_time) == (int(100.25e9), int(100.75e9))
    assert attributes(first)["error.type"] == "network"
    assert attributes(second)["http.request.resend_count"] == 1
    assert attributes(second)["server.port"] == 8080
    assert attributes(second)["url.full"] == "http://api.example:8080/a?token=[redacted]"
    assert {span.name for span in telemetry.spans() if span.end_time == int(104e9)} == {"run a.lua", "x.slow"}
    assert sorted(point.sum for point in telemetry.points("http.client.request.duration")) == [0.25, 0.5]
    assert [(point.value, dict(point.attributes)) for point in telemetry.points("luahost.calls")] == [
        (1, {"luahost.operation": "x.get"})
    ]


def test_events_of_a_run_whose_start_was_not_heard_make_no_span(telemetry: Telemetry) -> None:
    """A sink that comes late, and one without providers, raise nothing."""
    for sink in (telemetry.sink(), OpenTelemetrySink(trace.set_span_in_context(trace.INVALID_SPAN))):
        sink.emit(CallStarted("r", 1.0, 1, "x"))
        sink.emit(CallEnded("r", 2.0, 1, "x", 1.0, error={"kind": "api"}))
        sink.emit(RunEnded("r", 3.0, 2.0, 1))
    assert telemetry.spans() == []


def traceparent_of(span: Any) -> str:
    """How the header names a span."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_run_of_a_hosts_own_sink_is_under_the_span_it_is_begun_in(telemetry: Telemetry) -> None:
    """One sink for all runs of a program: each is under the span that is current then, if any."""
    tracer = telemetry.tracers.get_tracer("program")
    with Host(simulate=True, sinks=[telemetry.sink()]) as host:
        with tracer.start_as_current_span("first") as first:
            host.run_source("return 1", name="1.lua")
        with tracer.start_as_current_span("second") as second:
            list(host.run_many([Script.of("return 1", "2.lua")]))
        host.run_source("return 1", name="3.lua")
    by_name = {span.name: parent(span) for span in telemetry.spans()}
    assert by_name["run 1.lua"] == first.get_span_context().span_id
    assert by_name["run 2.lua"] == second.get_span_context().span_id
    assert by_name["run 3.lua"] is None


async def test_so_is_one_of_a_coroutine(telemetry: Telemetry) -> None:
    """Two at once, each in its own task's span."""
    tracer = telemetry.tracers.get_tracer("program")
    ids: dict[str, int] = {}

    async def handle(name: str) -> None:
        with tracer.start_as_current_span(name) as span:
            ids[f"run {name}.lua"] = span.get_span_context().span_id
            await host.run_source_async("sleep(0.01)", name=f"{name}.lua")

    async with Host(simulate=True, sinks=[telemetry.sink()]) as host:
        await asyncio.gather(handle("a"), handle("b"))
    found = {span.name: parent(span) for span in telemetry.spans() if span.name.startswith("run ")}
    assert found == ids


@pytest.mark.parametrize(("processes", "durable"), [(1, False), (1, True), (2, False)])
def test_a_traceparent_may_be_given(telemetry: Telemetry, tmp_path: Path, processes: int, durable: bool) -> None:
    """A text, from wherever the run was asked for; in worker processes and durable runs too."""
    with Host(simulate=True, sinks=[telemetry.sink()], processes=processes, journal=str(tmp_path / "j.sqlite")) as host:
        assert host.run_source("new_product():name('x'):create()", traceparent=GIVEN, durable=durable).error is None
    (run,) = (span for span in telemetry.spans() if span.name == "run inline")
    assert run.parent is not None
    assert (f"{run.parent.trace_id:032x}", f"{run.parent.span_id:016x}") == tuple(GIVEN.split("-")[1:3])
    assert {span.context.trace_id for span in telemetry.spans()} == {run.parent.trace_id}


@pytest.mark.parametrize(
    "text",
    ["", "00", GIVEN.upper(), GIVEN[:-1], GIVEN + "-x", "ff" + GIVEN[2:], GIVEN.replace("b7ad6b7169203331", "0" * 16),
     GIVEN + "\r\nx: y", 7, "00-" + "0" * 32 + GIVEN[35:]],
)  # fmt: skip
def test_a_wrong_traceparent_is_refused(text: Any) -> None:
    """Before anything runs, with what is expected."""
    with Host(simulate=True) as host, pytest.raises(UsageError, match=r"^traceparent: .*expected|^traceparent: a"):
        host.run_source("return 1", traceparent=text)
    if isinstance(text, str):
        assert checked_traceparent("x", GIVEN) == GIVEN


class Server:
    """An API that notes the headers of what it is asked."""

    def __init__(self, *statuses: int) -> None:
        self.seen: list[httpx.Headers] = []
        self._statuses = list(statuses)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.headers)
        return httpx.Response(self._statuses.pop(0) if self._statuses else 200, json={"id": "prod_1"})

    def host(self, **options: Any) -> Host:
        return Host(stripe_secret_key="sk_test_51H", transport=httpx.MockTransport(self), **options)


@pytest.mark.parametrize("of_host", [True, False])
def test_requests_carry_the_trace_of_their_call(telemetry: Telemetry, of_host: bool) -> None:
    """Each call's own, all attempts the same; whether the sink is the host's or the run's."""
    server, sink = Server(503, 200, 200), telemetry.sink()
    code = 'stripe.products.create{name = "x"}\nstripe.products.retrieve("prod_1")'
    with server.host(sinks=[sink] if of_host else []) as host:
        assert host.run_source(code, sinks=[] if of_host else [sink]).error is None
    calls = {span.name: traceparent_of(span) for span in telemetry.spans() if span.kind is SpanKind.INTERNAL}
    create, retrieve = calls["stripe.products.create"], calls["stripe.products.retrieve"]
    assert [headers["traceparent"] for headers in server.seen] == [create, create, retrieve]
    assert not any("baggage" in headers for headers in server.seen)


@contextmanager
def serving(paths: Mapping[str, int]) -> Iterator[tuple[str, list[Message]]]:
    """A server with a status for each path, those of 302 leading to /end; its URL, and the headers it was sent."""
    seen: list[Message] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers)
            self.send_response(paths.get(self.path, 200))
            self.send_header("Location", "/end")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def test_http_and_raw_requests_carry_it_too_and_what_a_script_sends_stands(telemetry: Telemetry) -> None:
    """What goes where the script says; not where a redirect leads, and a header of its own is not doubled."""
    with serving({"/": 200, "/away": 302}) as (url, seen):
        code = f"""
          http.get("{url}/")
          http.get("{url}/away")
          http.get("{url}/", {{headers = {{Traceparent = "mine"}}}})"""
        grant = {"net": [url.removeprefix("http://")]}
        with Host(apis={}, sinks=[telemetry.sink()], permissions=grant) as host:
            result = host.run_source(code)
        assert result.error is None
    calls = [traceparent_of(span) for span in telemetry.spans() if span.name == "http.get"]
    assert [headers.get_all("traceparent") for headers in seen] == [[calls[0]], [calls[1]], None, ["mine"]]


def test_nothing_is_sent_where_that_is_not_wanted(telemetry: Telemetry) -> None:
    """HOST_SEND_TRACEPARENT=false, and runs that nobody traces: requests are what they were."""
    code = 'stripe.products.create{name = "x"}'
    server = Server()
    with server.host(send_traceparent=False, sinks=[telemetry.sink()]) as host:
        host.run_source(code, sinks=[telemetry.sink()])
    with server.host() as host:
        host.run_source(code)
        host.run_source(code, traceparent=GIVEN)
    assert [headers.get("traceparent") for headers in server.seen] == [None] * 3


def test_a_program_hands_its_trace_on(telemetry: Telemetry) -> None:
    """The current span as a text; none outside, and none where OpenTelemetry is not loaded."""
    assert current_traceparent() is None
    with telemetry.tracers.get_tracer("program").start_as_current_span("order") as order:
        assert current_traceparent() == traceparent_of(order)
    code = (
        "import sys, host; from host.telemetry import current_traceparent; "
        "print(current_traceparent(), any('opentelemetry' in name for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "None False\n"


PROGRAM = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
if sys.argv.pop(1) == "sdk":
    provider = TracerProvider()
    format = lambda span: f"{span.name} {span.parent.span_id if span.parent else 0:016x}\\n"
    provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(formatter=format)))
    trace.set_tracer_provider(provider)
from host.cli import process
process()
"""


@pytest.mark.parametrize(
    ("sdk", "traceparent", "status", "said"),
    [
        ("sdk", GIVEN, 0, "run -e b7ad6b7169203331\n"),
        ("sdk", None, 0, "run -e 0000000000000000\n"),
        ("none", None, 3, "--otel: no OpenTelemetry SDK is set up"),
        ("none", GIVEN, 0, ""),
        ("sdk", "00-nonsense", 2, "TRACEPARENT: expected a traceparent such as"),
    ],
)
def test_the_command_line_is_under_the_span_of_its_environment(
    sdk: str, traceparent: str | None, status: int, said: str
) -> None:
    """--otel exports before the process ends, and says where it would not."""
    environment = {name: value for name, value in os.environ.items() if name != "TRACEPARENT"}
    environment |= {"TRACEPARENT": traceparent} if traceparent else {}
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        sdk,
        "run",
        "--simulate",
        "--otel",
        "-e",
        "new_product():name('x'):create()",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
