"""Fields of structs are options, keys of host.toml and rows of the docs: one that is forgotten is named here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import click
import msgspec
import pytest

from host import Budget, Limits, Permissions, Settings
from host.cli.batch_options import Batch
from host.cli.durable_options import DurableOptions
from host.cli.host_options import HostOptions
from host.cli.plan import command as plan
from host.cli.plan_options import PlanOptions
from host.cli.policy_options import BUDGET, GRANTING, PERMISSIONS
from host.cli.report_options import Reporting
from host.cli.resume import command as resume
from host.cli.resume_options import ResumeOptions
from host.cli.run import command as run
from host.cli.simulate import command as simulate
from host.cli.simulate_options import SimulateOptions
from host.cli.struct_options import fields_of, given, struct_options
from host.cli.submit import command as submit
from host.cli.submit_options import SubmitOptions
from host.cli.worker import command as worker
from host.cli.worker_options import WorkerArguments
from host.config_file import read_config
from host.option import Option
from tests.cli.conftest import Cli

ROOT = Path(__file__).parents[2]
STRUCTS: tuple[type[msgspec.Struct], ...] = (
    Batch,
    DurableOptions,
    HostOptions,
    Reporting,
    Permissions,
    Budget,
    Settings,
)

# Fields that are no options of ``run``, each with its reason.
NOT_OPTIONS = {
    "HostOptions.settings": "gathers the options of Settings",
    "HostOptions.granting": "gathers the options of Permissions and Budget",
    "Permissions.functions": "functions are registered by programs, whose command line is their own",
    "Permissions.within": "what narrows, made by the host",
    "Settings.sources": "tells where settings come from",
    "Settings.stripe_secret_key": "a key on a command line is seen by every process",
    "Settings.graphql_token": "the same",
    "Settings.stripe_webhook_secret": "the same",
    "Settings.dashboard_token": "the same",
    **{
        f"Settings.{name}": "set once for a machine or project, by its variable or host.toml"
        for name in (
            "stripe_api_base", "stripe_api_version", "connect_timeout", "request_deadline", "max_in_flight",
            "max_per_host", "queue_capacity", "run_lease", "send_traceparent",
            "transport", "log_level", "graphql_endpoint", "graphql_schema",
        )
    },
}  # fmt: skip

SAMPLES: dict[str, Any] = {
    "allow_ops": ["stripe.products.*"], "net": ["localhost"], "env": ["REGION"], "read": ["/tmp/a"],
    "write": ["/tmp/b"], "sql": ["sqlite:///a.db"], "functions": ["f"], "deny_ops": ["*.delete"], "read_only": True,
    "test_mode_only": True, "max_amount": {"usd": 1}, "allow_unbounded": True,
    "run_time": 1.0, "stripe_api_version": "2025-09-30.clover", "max_per_host": 3, "journal": "a.sqlite",
    "database": "postgresql://me@db/fleet",
    "graphql_endpoint": "https://a.example/graphql", "graphql_token": "t", "graphql_schema": "a.graphql",
    "api_limits": "stripe: rate=5",
}  # fmt: skip


def options(command: click.Command) -> dict[str, click.Option]:
    return {each.name or "": each for each in command.params if isinstance(each, click.Option)}


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_field_is_an_option_or_has_its_reason(struct: type[msgspec.Struct]) -> None:
    """A new field is an option of ``run`` as soon as it is annotated as one, and else is to be explained."""
    found = options(run)
    for name in struct.__struct_fields__:
        where = f"{struct.__name__}.{name}"
        if where in NOT_OPTIONS:
            assert name not in fields_of(struct), f"{where} is an option, and said to be none"
            continue
        assert name in found, f"{where}: annotate it with an Option, or say in NOT_OPTIONS why it is none"
        assert found[name].help, where


def test_every_option_of_a_struct_has_the_flags_and_help_of_its_field() -> None:
    """What ``--help`` shows is what stands beside the field, in each command that has the option."""
    declared = {name: field for struct in STRUCTS for name, field in fields_of(struct).items()}
    declared |= {**PERMISSIONS, **BUDGET}
    for command in (run, resume):
        for name, option in options(command).items():
            if name in declared and command is run:
                assert option.opts == declared[name][0].flags.split()
                assert option.help == declared[name][0].help


OWN = {
    plan: PlanOptions,
    resume: ResumeOptions,
    simulate: SimulateOptions,
    submit: SubmitOptions,
    worker: WorkerArguments,
}
SHARED = {**fields_of(HostOptions), **fields_of(Settings), **fields_of(Reporting), **GRANTING}
BESIDE = {"submit": {"code", "simulate", "setup", "timeout"}, "simulate": {"debug"}}  # as other commands have them


@pytest.mark.parametrize("command", OWN, ids=lambda command: command.name)
def test_a_command_s_own_options_are_the_fields_of_its_struct(command: click.Command) -> None:
    """Flags, help and default are the field's; an option written at the command itself is named here."""
    fields = fields_of(OWN[command])
    found = options(command)
    assert found.keys() - SHARED.keys() - BESIDE.get(command.name or "", set()) == fields.keys() - SHARED.keys()
    for name, (option, _, default) in fields.items():
        assert found[name].opts == option.flags.split()
        assert found[name].help == option.help
        if default not in (None, False, ()):
            assert found[name].get_default(click.Context(command)) == default


def config_fields() -> list[tuple[str, str]]:
    tables = {
        "permissions": Permissions,
        "budget": Budget,
        "budget.daily": Budget,
        "limits": Limits,
        "settings": Settings,
    }
    own = {"within", "sources", "stripe_secret_key", "stripe_webhook_secret", "dashboard_token"}
    return [(table, name) for table, each in tables.items() for name in each.__struct_fields__ if name not in own]


@pytest.mark.parametrize(("table", "name"), config_fields(), ids=lambda each: str(each))
def test_every_field_is_a_key_of_the_file(table: str, name: str, tmp_path: Path) -> None:
    """``host.toml`` knows each field by its own name and gives back what it says."""
    value = SAMPLES.get(
        name, 1 if table.startswith("budget") else getattr(Limits if table == "limits" else Settings, name, None)
    )
    if not isinstance(value, str | int | float | list | dict):
        value = getattr(Limits() if table == "limits" else Settings(), name)
    assert value is not None, f"{name}: give it a sample"
    text = json.dumps(value).replace(": ", " = ") if isinstance(value, dict) else json.dumps(value)
    text = re.sub(r'"usd"', "usd", text)
    (tmp_path / "host.toml").write_text(f"[{table}]\n{name} = {text}\n")
    found = read_config(tmp_path / "host.toml")
    if table == "settings":
        assert found.settings == {name: value}
        assert Settings.load(environ={}, cwd=tmp_path, config=(found.path, found.settings)).source(name) == found.path
    else:
        made = getattr(found, {"budget.daily": "daily_budget"}.get(table, table))
        assert json.loads(msgspec.json.encode(getattr(made, name))) == value


DOCUMENTED = [("docs/permissions.md", Permissions), ("docs/permissions.md", Budget), ("README.md", Limits)]


@pytest.mark.parametrize(("file", "struct"), DOCUMENTED, ids=lambda each: getattr(each, "__name__", str(each)))
def test_every_field_has_its_row_in_the_docs(file: str, struct: type[msgspec.Struct]) -> None:
    """A row of a table begins with the field's name and names its flag, and no row is of a field that is gone."""
    rows = [line for line in (ROOT / file).read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    flags = {name: field[0].flags.split()[-1] for name, field in {**PERMISSIONS, **BUDGET}.items()}
    for name in struct.__struct_fields__:
        if name == "within":
            continue
        [row] = [line for line in rows if f"`{name}`" in line.split("|")[1]] or [""]
        assert row, f"{file} has no row for {struct.__name__}.{name}"
        if struct is not Limits and name in flags:
            assert flags[name] in row, f"{file}: the row of {name} does not name {flags[name]}"


@pytest.mark.parametrize("command", [run, resume], ids=["run", "resume"])
def test_every_option_is_in_the_docs(command: click.Command) -> None:
    """docs/cli.md or docs/durable.md name each option of ``run`` and ``resume``."""
    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("cli.md", "durable.md"))
    missing = [
        option.opts[-1]
        for option in options(command).values()
        if not any(re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", text) for each in option.opts)
    ]
    assert missing == []


def test_what_was_not_said_is_not_in_a_value() -> None:
    """Zero is said; a flag that is off, an empty list and nothing are not: the file's word stands then."""
    assert given({"a": 0, "b": False, "c": (), "d": None, "e": "", "f": ("x",)}) == {"a": 0, "e": "", "f": ("x",)}


def test_a_budget_of_the_file_stands_where_no_option_says_otherwise(cli: Cli, tmp_path: Path) -> None:
    """``allow_unbounded = true`` of host.toml is not taken back by a flag that was not given."""
    (tmp_path / "host.toml").write_text("[budget]\nmax_amount = { usd = 1 }\nallow_unbounded = true\n")
    done = cli("run", "--simulate", "--max-calls", "5", "-e", 'return try(stripe.invoices.pay, "in_1")')
    assert "not known in advance" not in done.err


def test_a_field_becomes_an_option_by_its_type() -> None:
    """Flag, number, time, list, count and text; the values reach the command as one."""

    class Shape(msgspec.Struct, frozen=True):
        flag: Annotated[bool, Option("--flag", "a flag")]
        number: Annotated[int | None, Option("--number", "a number", "N")] = None
        time: Annotated[float | None, Option("--time", "a time", "SECONDS")] = None
        many: Annotated[tuple[str, ...], Option("--many", "a list", "X")] = ()
        loud: Annotated[int, Option("-l --loud", "a count", kind="count")] = 0
        text: Annotated[str, Option("--text", "a text", "T")] = "default"
        other: str = "no option"

    seen: list[Shape] = []

    globals()["Annotated"], globals()["Shape"] = Annotated, Shape

    @click.command()
    @struct_options("shape", fields_of(Shape), Shape)
    def command(shape: Shape) -> None:
        seen.append(shape)

    for arguments in ([], ["--flag", "--number", "0", "--time", "1.5", "--many=a", "--many=b", "-ll", "--text=t"]):
        command.main(arguments, standalone_mode=False)
    assert seen == [Shape(False), Shape(True, 0, 1.5, ("a", "b"), 2, "t")]
    for wrong in (["--number", "-1"], ["--time", "0"], ["--time", "nan"]):
        with pytest.raises(click.BadParameter):
            command.main(wrong, standalone_mode=False)


def test_limits_of_an_api_are_the_same_in_the_command_to_go_on(cli: Cli, tmp_path: Path) -> None:
    """A repeatable option is told as it was typed, not letter by letter."""
    journal = str(tmp_path / "j.sqlite")
    done = cli(
        "run", "--simulate", "--durable", "--journal", journal, "--api-limits", "stripe: rate=50",
        "--api-limits", "stripe: retries=1", "-e", "return 1",
    )  # fmt: skip
    assert "--api-limits 'stripe: rate=50' --api-limits 'stripe: retries=1'" in done.err
