"""Imports within functions: each with its reason, so that none is there out of habit.

They keep what most programs do not need from being loaded: a library of an extra, a slow one, what one command or one
kind of host uses. Anything else is imported at the top of its file.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What is imported late → why. One reason is for all files that do.
LOCAL_IMPORTS = {
    # Libraries that are there only with an extra, or for one use of many.
    "aiosqlite": "sql.* with SQLite",
    "brotli": "an answer in that coding, where the library is installed",
    "certifi": "TLS, with the first https request",
    "dotenv.parser": "a .env file, which many folders do not have",
    "platformdirs": "what is kept on disk; most runs keep nothing",
    "psycopg": "sql.* with PostgreSQL: an extra",
    "psycopg.types.json": "sql.* with PostgreSQL: an extra",
    "pytest": "fixtures; programs without tests do not have it",
    "uvicorn": "a server; most commands are none",
    "uvicorn.protocols.http.h11_impl": "a server; most commands are none",
    "uvloop": "not on every platform",
    "yaml": "an OpenAPI document in YAML",
    "zstandard": "an answer in that coding, where the library is installed",
    # Slow parts of Python that few runs come to.
    "decimal": "one message",
    "difflib": "messages that say what was meant",
    "email.utils": "an answer whose Retry-After is a date",
    "fractions": "--max-failures with a share",
    "hashlib": "a key with secrets, a file to upload; loads OpenSSL",
    "hmac": "a simulator with a key",
    "importlib.metadata": "--version",
    "json": "an answer that is not what it says it is, an error as text",
    "pickle": "an error that crosses to another process by pickling",
    "random": "a second try",
    "resource": "not on every platform",
    "sqlite3": "1.5 MB, for what is kept on disk",
    "tomllib": "a host.toml, which many folders do not have",
    "traceback": "--debug",
    # The command line: what one command or option needs.
    "click": "whoever imports main's name does not pay for it",
    "host.cli.batch_jobs": "many runs by one command",
    "host.cli.batch_run": "many runs by one command",
    "host.calls.pages": "lists",
    "host.calls.downloads": "calls whose answer goes to a file",
    "host.cli.commands": "whoever imports main's name does not pay for it",
    "host.dashboard.access": "dashboard: an extra",
    "host.dashboard.actions": "dashboard: an extra",
    "host.dashboard.app": "dashboard: an extra",
    "host.testing.delivered_events": "tests that deliver events; loads what makes them",
    "host.durable.run_list": "commands about runs",
    "host.dashboard.fleet_tables": "dashboard: an extra",
    "host.cli.interrupt": "whoever imports main's name does not pay for it",
    "host.cli.plan": "run --dry-run",
    "host.cli.plan_options": "run --dry-run",
    "host.report.process_telemetry": "--otel: an extra",
    "host.cli.run_page": "runs show --html",
    "host.cli.testing_watch": "test --watch",
    "host.cli.resume": "resume imports the file that asks which options it has",
    "host.apis.cache": "APIs beside Stripe",
    "host.apis.error_body": "an answer that is an error",
    "host.apis.reference": "the listing of apis",
    "host.apis.stubs": "apis --stubs",
    "host.durable.audit_trail": "runs show",
    "host.durable.binding": "durable runs",
    "host.durable.chosen_journal": "commands about runs",
    "host.durable.database": "durable runs",
    "host.durable.database_url": "durable runs",
    "host.durable.undoing": "runs undo",
    "host.errors": "whoever imports main's name does not pay for it",
    "host.libraries.builtin": "apis --stubs",
    "host.host": "--help, and what is refused before anything runs",
    "host.report.errors": "a command that fails",
    "host.report.health": "--stats",
    "host.report.event_lines": "listen at a terminal",
    "host.report.live_lines": "a terminal",
    "host.report.live_streams": "a terminal",
    "host.report.run_lines": "a terminal",
    "host.report.runs_under_way": "a terminal",
    "host.report.trace_files": "--trace",
    "host.run.call_detail": "--trace with .har or .html",
    "host.simulator.fault_injection": "simulate --faults",
    "host.simulator.server": "simulate",
    "host.testing.suite": "test, once there is a file",
    # Kinds of hosts and runs.
    "host.apis.credentials": "APIs beside Stripe",
    "host.apis.definition": "APIs beside Stripe",
    "host.apis.document": "APIs beside Stripe",
    "host.apis.endpoint": "make_request by path",
    "host.apis.openapi_versions": "what a document says to people, for whoever asks",
    "host.apis.openapi": "a document that is not compiled yet",
    "host.apis.raw_request": "api.http",
    "host.apis.stripe": "the catalog is read when a host opens",
    "host.durable.cancelling": "durable runs",
    "host.durable.kept_output": "durable runs",
    "host.durable.runs": "durable runs",
    "host.durable.sqlalchemy_database": "a journal in another database than SQLite",
    "host.functions.functions": "functions of the program's",
    "host.functions.converters": "a run with returns=",
    "host.http.client": "the pytest plugin is loaded in projects that test other things",
    "host.http.connection_pool": "the first request",
    "host.http.httpx_transport": "httpx, which is slow to load",
    "host.http.tls": "TLS, with the first https request",
    "host.http.transport": "httpx, which is slow to load",
    "host.isolation.zygote_client": "isolation",
    "host.libraries.graphql.schema": "graphql-core, where queries are checked",
    "host.cassettes.assembly": "Host(record=…), Host(replay=…)",
    "host.cassettes.taped_run": "Host(record=…), Host(replay=…)",
    "host.plan.making": "plans",
    "host.plan.plan": "plans",
    "host.cli.plan_many": "plans of several runs",
    "host.testing.cassettes": "test with a cassette",
    "host.testing.cassette_plugin": "--lua-record, --lua-replay",
    "host.policy.addresses": "permissions for the network",
    "host.policy.charges": "a budget of money",
    "host.policy.daily_spending": "a budget of a day",
    "host.policy.network_grant": "permissions for the network",
    "host.cli.run_pages": "commands about runs",
    "host.fleet.batches": "commands about runs: an extra",
    "host.fleet.fleet_spending": "workers of a fleet: an extra",
    "host.fleet.health": "worker --metrics-port",
    "host.fleet.permits": "workers of a fleet: an extra",
    "host.fleet.setting": "workers of a fleet",
    "host.processes.host_side": "worker processes",
    "host.processes.setup": "setup=",
    "host.simulator.inprocess": "simulated hosts",
    "host.simulator.simulator": "simulated hosts",
    "host.simulator.store": "a simulator on disk",
    "host.stats": "host.stats()",
    "host.testing.cases": "the pytest plugin is loaded in projects that test other things",
    "host.testing.collector": "the pytest plugin is loaded in projects that test other things",
    "host.testing.fixtures": "the pytest plugin is loaded in projects that test other things",
    "host.testing.coverage_plugin": "the pytest plugin is loaded in projects that test other things",
    "host.lua.executable_lines": "coverage, once the tests are over",
    "host.testing.undo": "the pytest plugin is loaded in projects that test other things",
    "host.apis.body_choice": "several media types of one body",
    "host.apis.descriptions": "other forms of documents than OpenAPI",
    "host.apis.files": "a body with a file",
    "host.apis.overlay": "an overlay over a document",
    "host.apis.parameter_reference": "the listing of apis",
    "host.apis.paging_words": "the listing of apis",
    "host.apis.reference_search": "the listing of apis",
    "host.apis.references": "APIs beside Stripe",
    "host.apis.swagger2": "a document of Swagger 2",
    "host.apis.written_bodies": "bodies that are no form",
    "host.http.content_coding": "an answer that is coded",
    "host.libraries.fs.uploads": "a body with a file",
    "host.apis.documented_events": "a script that handles events",
    "host.run.event_names": "a script that handles events",
    "host.serve": "a script that checks a signature",
    "host.serve.server": "listen",
    "host.serve.signatures": "trigger",
    "host.simulator.delivery": "simulate --forward-to",
    "host.simulator.stripe.bank_transfers": "money that arrives, and may pay something; a payment imports the balance",
    "host.simulator.stripe.issuing_authorizations": "a purchase at the older address, which all simulators know",
    "host.simulator.stripe.triggers": "trigger",
    "host.simulator.stripe.breakdowns": "a session or quote whose sums are expanded",
    "host.simulator.stripe.visitor_pages": "a page for people, which loads most of what is simulated",
    "host.simulator.stripe.subscription_statuses": "a customer whose subscriptions are expanded",
    "host.simulator.trigger": "trigger",
    "host.simulator.triggering": "trigger",
    "host.webhooks.assembly": "Host.webhooks",
    "host.fleet.database": "a fleet: an extra",
    "host.fleet.fleet": "a fleet: an extra",
    "host.fleet.jobs": "a fleet: an extra",
    "host.fleet.schedules": "a fleet: an extra",
    "host.fleet.worker": "a fleet: an extra",
    "httpx": "trigger at a server",
    "jsonpath": "an overlay: an extra",
    "mimetypes": "a body with a file",
    "msgspec": "trigger at a server",
    # Hints and messages about what went wrong.
    "host.apis.legacy_names": "a name that is not there",
    "host.apis.naming": "a name that is not there, a builder of a class",
    "host.apis.regex_bounds": "a pattern of a document",
    "host.run.hints": "an error of Lua",
    "host.run.missing_names": "an error of Lua",
    "host.run.syntax_habits": "an error of Lua",
    "host.run.tail_calls": "an error of Lua",
    "host.run.unset": "an error of Lua",
}
# Loaded by Python, asyncio or msgspec themselves in some version, or by the door of the package.
LOADED_ANYWAY = {
    "mimetypes",
    "msgspec",
    "decimal",
    "hashlib",
    "host.errors",
    "json",
    "pickle",
    "random",
    "traceback",
}
# What a script that calls Stripe and returns a text comes to need.
LOADED_WITH_A_RUN = {
    "click",
    "decimal",  # msgspec
    "host.apis.stripe",
    "host.cli.commands",
    "host.cli.interrupt",
    "host.report.errors",
    "traceback",  # asyncio
    "uvloop",
}
LOADED_WITH_HOST = {"host.host", "host.http.client", "host.libraries.builtin"}


def late_imports() -> Iterator[tuple[str, str, int]]:
    """File, target and line of each import within a function."""
    for path in sorted((ROOT / "host").rglob("*.py")):
        seen: set[int] = set()
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom) and node.lineno not in seen:
                    seen.add(node.lineno)
                    names = [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                    yield from ((path.relative_to(ROOT).as_posix(), name, node.lineno) for name in names)


def test_each_import_within_a_function_has_its_reason() -> None:
    """What is not in the table is imported at the top of its file, or gets a reason there."""
    unknown = [f"{file}:{line} {name}" for file, name, line in late_imports() if name not in LOCAL_IMPORTS]
    assert unknown == []


def test_no_reason_is_left_over() -> None:
    """The table has nothing that no file imports so."""
    assert set(LOCAL_IMPORTS) - {name for _, name, _ in late_imports()} == set()


def test_a_file_that_loads_it_anyway_does_not_do_so_late() -> None:
    """Not both at the top and within a function of one file."""
    both = []
    for file, name, line in late_imports():
        top = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        loaded = {each.module for each in top if isinstance(each, ast.ImportFrom)}
        loaded |= {alias.name for each in top if isinstance(each, ast.Import) for alias in each.names}
        if name in loaded:
            both.append(f"{file}:{line} {name}")
    assert both == []


@pytest.mark.parametrize(
    "program",
    [
        "import host",
        "from host.cli import main",
        "from host import Host, Settings, ApiError",
    ],
)
def test_nothing_of_the_table_is_loaded_with_the_package(program: str) -> None:
    """What is imported late is not loaded some other way, which would make being late pointless."""
    code = f"{program}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split()) & set(LOCAL_IMPORTS) - LOADED_ANYWAY
    assert loaded - (LOADED_WITH_HOST if "Host" in program else set()) == set()


def test_a_run_loads_nothing_of_the_table_that_it_does_not_use(tmp_path: Path) -> None:
    """Each start of a short script would pay for it: nothing comes in by a file that another command needs."""
    script = tmp_path / "short.lua"
    script.write_text("return stripe.products.create and 'x'\n")
    program = f"""import sys
from host.cli import main
main(["run", {str(script)!r}])
print(*sys.modules)"""
    environment = {"PATH": os.environ["PATH"], "STRIPE_SECRET_KEY": "sk_test_" + "4" * 24}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    loaded = set(done.stdout.split()) & set(LOCAL_IMPORTS)
    assert loaded - LOADED_WITH_A_RUN - LOADED_WITH_HOST - {"host.errors", "msgspec"} == set()
