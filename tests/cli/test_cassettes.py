"""``--record`` and ``--replay`` on the command line."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Cli

ORDER = """\
local product = new_product():name("Tea"):metadata("at", os.time()):create()
print(product, math.random(1e9), os.clock())
"""
KEY = "sk_test_0123456789abcdefghijklmn"


@pytest.fixture(autouse=True)
def files(clean: None) -> None:
    Path("order.lua").write_text(ORDER)
    Path("rows.csv").write_text("name\na\nb\nc\n")
    Path("row.lua").write_text("print(row.name, new_product():name('Tea'):create(), math.random(1e9))")


@pytest.mark.parametrize("how", [(), ("--isolate",), ("--simulate",), ("--trace", "t.jsonl"), ("--timeout", "20")])
def test_a_run_is_recorded_and_replayed(cli: Cli, how: tuple[str, ...]) -> None:
    """The same output, without a key, in this process and in a confined one."""
    recorded = cli("run", "--simulate", "--record", "c.jsonl", "order.lua")
    assert (recorded.status, recorded.err) == (0, "")
    replayed = cli("run", "--replay", "c.jsonl", "order.lua", *how)
    assert (replayed.status, replayed.out, replayed.err) == (0, recorded.out, "")


def test_a_key_of_the_environment_is_not_needed_and_not_used(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a live one makes a replay say that it is live; nor does a base URL matter."""
    cli("run", "--simulate", "--record", "c.jsonl", "order.lua")
    monkeypatch.setenv("STRIPE_SECRET_KEY", KEY.replace("test", "live"))
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:9")
    done = cli("run", "--replay", "c.jsonl", "order.lua")
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("how", [("--each", "rows.csv"), ("--each", "rows.csv", "--jobs", "1")])
def test_each_row_has_its_own_answers(cli: Cli, how: tuple[str, ...]) -> None:
    """Equal requests of three rows, each with its row's answer and chance."""
    recorded = cli("run", "--simulate", "--record", "c.jsonl", "row.lua", *how)
    replayed = cli("run", "--replay", "c.jsonl", "row.lua", *how)
    assert recorded.status == replayed.status == 0
    assert sorted(replayed.out.splitlines()) == sorted(recorded.out.splitlines())
    assert "not asked for" not in replayed.err


def test_a_difference_ends_the_run_and_what_is_left_is_reported(cli: Cli) -> None:
    """Exit code 1, the line, the difference; then what nobody asked for."""
    cli("run", "--simulate", "--record", "c.jsonl", "order.lua")
    Path("order.lua").write_text(ORDER.replace("Tea", "Coffee"))
    done = cli("run", "--replay", "c.jsonl", "order.lua")
    assert done.status == 1
    assert "order.lua:1: POST stripe /v1/products is not in c.jsonl with these parameters." in done.err
    assert '    form.name\n      - "Tea"\n      + "Coffee"\n' in done.err
    assert "recorded in c.jsonl, but not requested:\n  line 3: POST stripe /v1/products (run 1)\n" in done.err
    done = cli("run", "--replay", "c.jsonl", "-e", "return 1")
    assert (done.status, done.out) == (0, "1\n")
    assert "line 3: POST stripe /v1/products (run 1)" in done.err


@pytest.mark.parametrize("option", ["--record", "--replay"])
@pytest.mark.parametrize(
    ("other", "said"),
    [
        (("--durable",), "cannot be combined with --durable: a durable run has a record of its own"),
        (("--run-id", "x"), "cannot be combined with --durable"),
        (("--dry-run",), "cannot be combined with --dry-run: a plan is neither recorded nor replayed"),
        (
            ("--each", "rows.csv", "--processes", "2"),
            "cannot be combined with --processes: a cassette is of one process",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(cli: Cli, option: str, other: tuple[str, ...], said: str) -> None:
    """Exit code 2, and nothing is run or written."""
    done = cli("run", "--simulate", option, "c.jsonl", "row.lua", *other)
    assert done.status == 2
    assert f"{option} {said}" in done.err
    assert not Path("c.jsonl").exists()


def test_both_options_and_what_insists_on_a_key_are_refused(cli: Cli) -> None:
    """A replay sends nothing, so there is no live run."""
    for command in ("run", "test"):
        assert cli(command, "--record", "a", "--replay", "b").err.startswith("--record and --replay cannot be combined")
    assert cli("run", "--replay", "a", "--require-live", "order.lua").err.startswith(
        "--replay cannot be combined with --require-live"
    )


def test_files_that_cannot_be_are_shown_with_exit_code_3(cli: Cli) -> None:
    """A script that was named by mistake, a cassette that is not there, one that is cut off."""
    done = cli("run", "--simulate", "--record", "order.lua", "row.lua")
    assert (done.status, Path("order.lua").read_text()) == (3, ORDER)
    assert "is not a cassette, so it is not overwritten" in done.err
    assert cli("run", "--replay", "none.jsonl", "order.lua").status == 3
    cli("run", "--simulate", "--record", "c.jsonl", "order.lua")
    Path("c.jsonl").write_text(Path("c.jsonl").read_text()[:-40])
    done = cli("run", "--replay", "c.jsonl", "order.lua")
    assert (done.status, done.err.partition(";")[0]) == (3, "c.jsonl:3: the line is cut off, and is not JSON")


TESTS = """\
describe("a shop", function()
  local customer
  setup(function() customer = new_customer():email("a@example.com"):create() end)
  it("sells tea", function() assert.is_string(new_product():name("Tea"):create()) print(os.time(), math.random()) end)
  it("sells it twice", function()
    local id = new_product():name("Tea"):create()
    assert.equals(id, stripe.products.retrieve(id).id)
  end)
end)
"""


def test_tests_are_recorded_from_the_simulator_and_replayed(cli: Cli) -> None:
    """All of them, some of them, with what their setup asked."""
    Path("shop_test.lua").write_text(TESTS)
    done = cli("test", "--record", "c.jsonl")
    assert (done.status, done.err) == (0, "recording the simulator: no key is set\n")
    for chosen in ((), ("-k", "twice"), ("-k", "tea", "-v"), ("-x", "shop_test.lua")):
        done = cli("test", "--replay", "c.jsonl", *chosen)
        assert (done.status, done.err) == (0, ""), done.out
        assert "not asked for" not in done.out


@pytest.mark.parametrize("caught", [False, True])
def test_a_difference_fails_its_test_alone(cli: Cli, caught: bool) -> None:
    """Also where the test catches the error: it is not the test that was recorded."""
    Path("shop_test.lua").write_text(TESTS)
    cli("test", "--record", "c.jsonl")
    call = 'new_product():name("Rum"):create()'
    changed = f"pcall(function() {call} end) " if caught else f"{call} "
    Path("shop_test.lua").write_text(TESTS.replace("assert.is_string(", f"{changed}assert.is_string(", 1))
    done = cli("test", "--replay", "c.jsonl")
    assert done.status == 1
    assert "1 passed, 1 failed in " in done.out
    assert "shop_test.lua:4: POST stripe /v1/products is not in c.jsonl with these parameters." in done.out
    assert '- "Tea"\n      + "Rum"' in done.out


def test_recording_some_tests_again_keeps_the_others(cli: Cli) -> None:
    """-k replaces what was recorded of the tests it chooses."""
    Path("shop_test.lua").write_text(TESTS)
    Path("other_test.lua").write_text('it("asks", function() stripe.products.list{limit = 1} end)')
    cli("test", "--record", "c.jsonl")
    before = Path("c.jsonl").read_text().splitlines()
    assert cli("test", "--record", "c.jsonl", "-k", "twice").status == 0
    after = Path("c.jsonl").read_text().splitlines()
    assert len([line for line in after if line in before]) >= 4
    assert cli("test", "--replay", "c.jsonl").status == 0


def test_what_tests_did_not_ask_for_is_reported(cli: Cli) -> None:
    """Of a whole run all of it, of chosen tests theirs."""
    Path("shop_test.lua").write_text(TESTS)
    cli("test", "--record", "c.jsonl")
    Path("shop_test.lua").write_text(re.sub(r"    assert.equals.*\n", "", TESTS))
    done = cli("test", "--replay", "c.jsonl")
    assert done.status == 0
    assert re.search(
        r"not requested:\n  line \d+: GET stripe /v1/products/prod_\w+ \(shop_test.lua › a shop sells it twice\)",
        done.out,
    )
    assert "not asked for" not in cli("test", "--replay", "c.jsonl", "-k", "tea").out


def test_tests_are_recorded_with_a_test_key_and_never_with_a_live_one(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key's API is asked; a live key is refused before anything runs."""
    Path("shop_test.lua").write_text('it("asks", function() stripe.products.list{limit = 1} end)')
    monkeypatch.setenv("STRIPE_SECRET_KEY", KEY.replace("test", "live"))
    done = cli("test", "--record", "c.jsonl")
    assert done.status == 2
    assert "is a live key, and tests are not recorded with one" in done.err
    assert KEY.replace("test", "live") not in done.err
    assert not Path("c.jsonl").exists()


BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_on_cassettes_is_true(cli: Cli) -> None:
    """Its script, its commands, its program and the difference it shows."""
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    section = page.partition("## Cassettes")[2].partition("\n## ")[0]
    found = dict(BLOCK.findall(section))
    assert found.keys() == {"lua", "sh", "python", "text"}
    Path("order.lua").write_text(found["lua"])
    Path("shop_test.lua").write_text(TESTS)
    outputs = []
    for line in found["sh"].splitlines():
        command = shlex.split(line, comments=True)
        if command[0] == "python":
            done = cli(*command[3:])
            assert done.status == 0, done
            outputs.append(done.out)
    assert outputs[0] == outputs[1]
    exec(found["python"], {})
    Path("order.lua").write_text(found["lua"].replace("Tea", "Coffee"))
    assert found["text"].strip() in cli("run", "--replay", "order.jsonl", "order.lua").err
    assert json.loads(Path("order.jsonl").read_text().splitlines()[0]) == {"luahost cassette": 1}
