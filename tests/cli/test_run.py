"""run: what goes to stdout, what to stderr, and the exit code."""

from __future__ import annotations

import io
import json
import socket
import sys
from pathlib import Path

import pytest

from host.cli import main
from tests.cli.conftest import Cli

KEY = "sk_test_51AbCdEfGhIjKlMnOpQr4242"


def script(tmp_path: Path, text: str, name: str = "a.lua") -> str:
    (tmp_path / name).write_text(text)
    return name


def test_a_script_prints_and_ends_with_0(cli: Cli, tmp_path: Path) -> None:
    """print goes to stdout, nothing to stderr."""
    done = cli("run", "--simulate", script(tmp_path, 'print("hello", 1, nil)'))
    assert (done.status, done.out, done.err) == (0, "hello\t1\tnil\n", "")


def test_a_script_creates_something(cli: Cli) -> None:
    """The way from the command line to the simulator and back."""
    done = cli("run", "--simulate", "-e", 'print(new_product():name("x"):create())')
    assert done.status == 0
    assert done.out.startswith("prod_")


@pytest.mark.parametrize(
    ("code", "plain", "as_json"),
    [
        ("return 6 * 7", "42\n", "42\n"),
        ('return "a\\nb"', "a\nb\n", '"a\\nb"\n'),
        ("return {a = {1, true}}", '{\n  "a": [\n    1,\n    true\n  ]\n}\n', '{"a": [1, true]}\n'),
        ("return 2.5", "2.5\n", "2.5\n"),
        ("return", "", "null\n"),
        ("return false", "false\n", "false\n"),
    ],
)
def test_the_returned_value_comes_last(cli: Cli, code: str, plain: str, as_json: str) -> None:
    """A returned value is printed after everything else, as text or as one line of JSON."""
    assert cli("run", "--simulate", "-e", f"print(1) {code}").out == "1\n" + plain
    assert cli("run", "--simulate", "--json", "-e", f"print(1) {code}").out == "1\n" + as_json


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("a", "b c"), ["a", "b c"]),
        (("--", "--fast", "-x", "--n=3"), ["--fast", "-x", "--n=3"]),
        (("--", "--simulate", "--"), ["--simulate", "--"]),
        ((), []),
    ],
)
def test_arguments_reach_the_script(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], found: list[str]) -> None:
    """Words that are no options, and everything behind --, are the script's."""
    name = script(tmp_path, 'return #args .. table.concat(args, "|")')
    assert cli("run", "--simulate", name, *arguments).out == f"{len(found)}{'|'.join(found)}\n"


def test_options_may_stand_behind_the_script(cli: Cli, tmp_path: Path) -> None:
    """run a.lua --simulate simulates rather than handing the word to the script."""
    done = cli("run", script(tmp_path, "print(#args)"), "--simulate")
    assert (done.status, done.out) == (0, "0\n")


def test_a_script_comes_from_standard_input(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """- reads the script from stdin; errors call it stdin."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"print(args[1])\nerror('no')")))
    done = cli("run", "--simulate", "-", "x")
    assert (done.status, done.out) == (1, "x\n")
    assert done.err.startswith("stdin:2: no")


def test_bytes_a_script_prints_arrive_as_they_are(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Output that is no UTF-8 is not changed on its way."""
    assert main(["run", "--simulate", "-e", 'io.write("\\255\\0é")']) == 0
    assert capsysbinary.readouterr().out == b"\xff\x00" + "é".encode()


def test_an_uncaught_error_shows_place_and_source(cli: Cli, tmp_path: Path) -> None:
    """Status 1, the line with its surroundings, no Python."""
    name = script(tmp_path, "local a = 1\nlocal b = nil\nprint(b.c)\nlocal d = 4\n")
    done = cli("run", "--simulate", name)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("a.lua:3: attempt to index")
    assert "> 3 | print(b.c)" in done.err
    assert "Traceback" not in done.err


def test_a_syntax_error_shows_place_and_source(cli: Cli, tmp_path: Path) -> None:
    """A script that does not compile ends with 1 and its line."""
    done = cli("run", "--simulate", script(tmp_path, "local a = 1\nlocal = 2\n"))
    assert done.status == 1
    assert done.err.startswith("a.lua:2:")
    assert "> 2 | local = 2" in done.err


def test_an_uncaught_api_error_is_status_4_with_its_request_id(cli: Cli) -> None:
    """What is needed to ask the API's support is there."""
    done = cli("run", "--simulate", "-e", 'stripe.products.retrieve("prod_nowhere")')
    assert (done.status, done.out) == (4, "")
    assert "No such product: 'prod_nowhere'" in done.err
    assert "status 404" in done.err
    assert "request req_" in done.err


def test_an_uncaught_network_error_is_status_4(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection names the address it went to."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("STRIPE_API_BASE", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("STRIPE_SECRET_KEY", KEY)
    done = cli("run", "-e", 'stripe.products.retrieve("prod_1")')
    assert done.status == 4
    assert "kind network" in done.err
    assert f"127.0.0.1:{port}" in done.err


def test_a_run_past_its_timeout_is_status_5(cli: Cli) -> None:
    """--timeout bounds the whole run, asleep or busy."""
    for code in ("sleep(60)", "while true do end"):
        done = cli("run", "--simulate", "--timeout", "0.1", "-e", code)
        assert (done.status, done.out) == (5, "")
        assert "-e:1" in done.err


@pytest.mark.parametrize(("code", "status"), [("os.exit(7)", 7), ("os.exit()", 0), ("os.exit(false)", 1)])
def test_os_exit_ends_the_run_with_its_status(cli: Cli, code: str, status: int) -> None:
    """The script's own status is the command's; what follows is not run."""
    done = cli("run", "--simulate", "-e", f"print(1) {code} print(2)")
    assert (done.status, done.out, done.err) == (status, "1\n", "")


def test_debug_shows_the_python_side(cli: Cli) -> None:
    """--debug adds the traceback of what is behind the error."""
    done = cli("run", "--simulate", "--debug", "-e", 'stripe.products.retrieve("prod_nowhere")')
    assert done.status == 4
    assert "Traceback (most recent call last)" in done.err
    assert "No such product: 'prod_nowhere'" in done.err


def test_v_shows_calls_and_vv_their_arguments(cli: Cli) -> None:
    """-v tells each call with status, id, request id and address, on stderr."""
    code = 'new_product():name("Shirt"):create()'
    plain = cli("run", "--simulate", "-v", "-e", code)
    assert plain.out == ""
    started, ended = plain.err.splitlines()
    assert started == "#1 → stripe.products.create  line 1"
    assert ended.startswith("#1 ← 200 prod_")
    assert "req_" in ended
    assert "/v1/products" in ended
    assert "name='Shirt'" in cli("run", "--simulate", "-vv", "-e", code).err


def test_trace_writes_every_event(cli: Cli, tmp_path: Path) -> None:
    """--trace leaves the run as JSON lines, from its start to its end."""
    done = cli("run", "--simulate", "--trace", "t.jsonl", "-e", 'print(1) new_product():name("x"):create()')
    assert (done.status, done.out) == (0, "1\n")
    kinds = [json.loads(line)["event"] for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert kinds == ["run_started", "printed", "call_started", "call_ended", "run_ended"]


def test_waiting_for_a_rate_is_in_the_trace_and_shown(cli: Cli, tmp_path: Path) -> None:
    """Of two calls at once at 4 a second the second waits, and both -v and --trace say how long."""
    code = "local function make() new_product():name('x'):create() end parallel(make, make)"
    limits = ("--api-limits", "stripe:rate=4,burst=1")
    done = cli("run", "--simulate", *limits, "-v", "--trace", "t.jsonl", "-e", code)
    assert done.status == 0, done.err
    events = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    waited = [event["waited"] for event in events if event["event"] == "call_ended"]
    assert waited[0] == 0
    assert 0 < waited[1] <= 0.25
    assert [" waited " in line for line in done.err.splitlines() if "←" in line] == [False, True]


def test_without_a_key_and_terminal_nothing_runs(cli: Cli) -> None:
    """Status 3 and the two commands that would work."""
    done = cli("run", "-e", "print(1)")
    assert (done.status, done.out) == (3, "")
    assert "--simulate" in done.err
    assert "STRIPE_SECRET_KEY=" in done.err


def test_a_bad_setting_is_status_3(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, its source and what is allowed; a missing --env-file too."""
    monkeypatch.setenv("HOST_MAX_IN_FLIGHT", "many")
    done = cli("run", "--simulate", "-e", "")
    assert done.status == 3
    assert "HOST_MAX_IN_FLIGHT (set by environment) is 'many'; expected a whole number" in done.err
    assert cli("run", "--simulate", "--env-file", "no.env", "-e", "").status == 3


def test_log_lines_follow_the_level(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """log.warn shows by default, log.info with HOST_LOG_LEVEL=info, both on stderr."""
    code = 'log.info("low") log.warn("high")'
    assert cli("run", "--simulate", "-e", code).err.splitlines() == ["warn: high  line 1"]
    monkeypatch.setenv("HOST_LOG_LEVEL", "info")
    assert cli("run", "--simulate", "-e", code).err.splitlines() == [
        "info: low  line 1",
        "warn: high  line 1",
    ]


@pytest.mark.parametrize("transport", ["auto", "httpx"])
def test_the_key_never_shows(cli: Cli, monkeypatch: pytest.MonkeyPatch, transport: str) -> None:
    """Against a server, with -vv, --debug, --trace and a script that prints the key: a mask at most."""
    from host.apis.stripe import load
    from host.simulator.server import serve

    with serve(load(), key=KEY) as server:
        monkeypatch.setenv("STRIPE_API_BASE", server.url)
        monkeypatch.setenv("STRIPE_SECRET_KEY", KEY)
        monkeypatch.setenv("HOST_TRANSPORT", transport)
        code = 'print(STRIPE_API_KEY, new_product():name("x"):create()) stripe.products.retrieve("prod_nowhere")'
        done = cli("run", "-vv", "--debug", "--trace", "t.jsonl", "-e", code)
    assert done.status == 4, done.err
    assert "prod_" in done.out
    assert "AbCd" not in done.out + done.err + Path("t.jsonl").read_text()


def test_a_live_key_is_said_before_the_first_call(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line of stderr says LIVE, before anything of the script."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_51AbCdEfGhIjKlMnOpQr9999")
    done = cli("run", "-e", 'log.warn("first")')
    assert done.status == 0
    assert done.err.splitlines()[0].startswith("LIVE key sk_live_…9999")
    assert cli("run", "--require-test", "-e", "").status == 3


def test_an_apis_limits_are_set_on_the_command_line(cli: Cli) -> None:
    """Retries of an API, and none for one call; a wrong name of an API is told."""
    code = """
      local a = select(2, try(stripe.products.retrieve, "prod_x"))
      local b = select(2, try(stripe.products.retrieve, "prod_x", {}, {retries = 0}))
      return a.attempts .. " " .. b.attempts"""
    arguments = ("run", "--env-file", "e", "--api-limits", "stripe:retries=1")
    Path("e").write_text("STRIPE_SECRET_KEY=sk_test_51AbCdEfGhIjKlMnOpQr4242\nSTRIPE_API_BASE=http://127.0.0.1:1\n")
    done = cli(*arguments, "-e", code)
    assert done.out == "2 1\n", done.err
    done = cli(*arguments, "--api-limits", "strpe:rate=5", "-e", "")
    assert done.status == 3
    assert "HOST_API_LIMITS (set by argument) names the API 'strpe'; there are stripe" in done.err


def test_a_misspelt_setting_is_reported_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, with its file, before a missing key ends the command; not where the script is granted the variable."""
    Path(".env").write_text("STRIPE_SECRETKEY=sk_test_x\n")
    monkeypatch.setenv("HOST_COLOUR", "red")
    done = cli("run", "--simulate", "-e", "print(1)")
    assert (done.status, done.out) == (0, "1\n")
    assert done.err.splitlines() == [
        "warning: .env:1: STRIPE_SECRETKEY is not a setting, so it has no effect; did you mean STRIPE_SECRET_KEY?",
        "warning: environment: HOST_COLOUR is not a setting, so it has no effect",
    ]
    done = cli("run", "--allow-env", "HOST_COLOUR", "-e", "print(1)")
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("warning: .env:1: STRIPE_SECRETKEY is not a setting")
    assert "STRIPE_SECRET_KEY is not set" in done.err
    assert "HOST_COLOUR is not a setting" not in done.err
    assert "did you mean STRIPE_SECRET_KEY?" in cli("runs", "list", "--journal", "j.sqlite").err


@pytest.mark.parametrize("name", ["t", "t.txt", "t.json", "t.jsonl.gz", "har", "-"])
def test_a_trace_whose_ending_says_no_form_is_refused(cli: Cli, tmp_path: Path, name: str) -> None:
    """By its name, with the endings there are, before anything runs; no file is made."""
    done = cli("run", "--simulate", f"--trace={name}", "-e", "print(1)")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"--trace {name}: ")
    assert ".jsonl, .har or .html" in done.err
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(("name", "begins"), [("t.jsonl", "{"), ("T.HAR", '{"log"'), ("t.html", "<!doctype html>")])
def test_a_traces_ending_says_its_form(cli: Cli, tmp_path: Path, name: str, begins: str) -> None:
    """One run, many, and those of worker processes are traced with what was sent, in each form."""
    code = 'new_product():name("x"):create()'
    for runs, extra in ((1, ()), (2, ("--repeat", "2")), (2, ("--repeat", "2", "--processes", "2"))):
        assert cli("run", "--simulate", "--trace", name, *extra, "-e", code).status == 0
        text = (tmp_path / name).read_text()
        assert text.startswith(begins)
        assert text.count("name=x") == (0 if name == "t.jsonl" else runs)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("ending", ["jsonl", "har", "html"])
def test_a_trace_that_cannot_be_written_is_reported_and_ends_no_run(cli: Cli, tmp_path: Path, ending: str) -> None:
    """With the disk full, the script goes its way, and stderr says that the trace is not whole."""
    (tmp_path / f"t.{ending}").symlink_to("/dev/full")
    done = cli("run", "--simulate", "--trace", f"t.{ending}", "-e", "print(1)")
    assert (done.status, done.out) == (0, "1\n")
    assert done.err == f"--trace t.{ending} is incomplete: No space left on device\n"
