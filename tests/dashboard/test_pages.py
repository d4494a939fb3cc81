"""What the pages show of runs, whatever the runs hold."""

from __future__ import annotations

import re
from html import unescape

import pytest

from host.durable.run_list import STATES
from tests.dashboard.conftest import KEY, Board, Browser

HOSTILE = (
    "</script><script>document.title='owned'</script>", "<img src=x onerror=alert(1)>", "\"onmouseover='alert(1)'",
    "</td></tr></table><form action=//evil.example>", "{{ 7 * 7 }}{% raw %}", "<!--", "javascript:alert(1)",
    "&lt;b&gt;",
)  # fmt: skip
OURS = {"html", "head", "meta", "title", "link", "body", "a", "header", "strong", "nav", "main", "footer", "h1", "h2",
        "form", "label", "select", "option", "input", "button", "div", "table", "caption", "thead", "tbody", "tr", "th",
        "td", "time", "span", "dl", "dt", "dd", "pre", "code", "p", "section", "details", "summary", "svg", "rect",
        "br"}  # fmt: skip


def test_the_list_has_each_run_with_its_state_and_calls(board: Board, browser: Browser) -> None:
    """Done, failed and broken off runs stand there with their script, calls and error, the newest first."""
    board.run('stripe.customers.create{name="a"}', "run_done")
    board.run('stripe.customers.create{name="a"} error("no luck")', "run_failed", "bad.lua")
    board.run('stripe.customers.create{name="a"} stripe.customers.create{name="b"}', "run_cut")
    board.lab.break_off(2, "run_cut")
    page = browser.open("/")
    assert page.links("/runs/") == ["/runs/run_cut", "/runs/run_failed", "/runs/run_done"]
    assert "run_cut broken off pay.lua simulated" in page.text
    assert "run_failed failed bad.lua" in page.text
    assert "no luck" in page.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=failed", ["b"]),
        ("state=done", ["a2", "a1"]),
        ("state=broken+off", ["c"]),
        ("state=running", []),
        ("script=BAD", ["b"]),
        ("script=%25", []),
        ("text=no+luck", ["b"]),
        ("text=A1", ["a1"]),
        ("text=pay", ["c", "a2", "a1"]),
        ("state=done&text=a2", ["a2"]),
        ("since=2001-01-01T00:00&until=2300-01-01T00:00", ["c", "b", "a2", "a1"]),
        ("since=2300-01-01T00:00", []),
        ("until=2001-01-01T00:00%2B02:00", []),
        ("text=%00%ff%27%22%3B--", []),
    ],
)
def test_filters_leave_what_they_say(board: Board, browser: Browser, query: str, expected: list[str]) -> None:
    """Each filter alone and together; signs that mean something to LIKE or SQL are letters."""
    for name in ("a1", "a2"):
        board.run("print(1)", name)
    board.run('error("no luck")', "b", "bad.lua")
    board.run("sleep(0) sleep(0)", "c")
    board.lab.break_off(1, "c")
    page = browser.open(f"/?{query}")
    assert page.status == 200
    assert page.links("/runs/") == [f"/runs/{name}" for name in expected]


@pytest.mark.parametrize(
    "query",
    ["state=gone", "after=x", "after=1/", "after=1e400/a", "after=../../etc", "since=yesterday", f"text={'x' * 201}",
     "until=99999-01-01", f"after={'9' * 400}/a"],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_named(browser: Browser, query: str) -> None:
    """A wrong field is told, with what was expected, and nothing of the machine."""
    page = browser.open(f"/?{query}")
    assert page.status == 400
    assert query.partition("=")[0] in page.text
    assert "Traceback" not in page.text


def test_older_runs_follow_page_by_page_each_once(board: Board, browser: Browser) -> None:
    """The pages together have all runs of the filter in order, also those begun at the same moment."""
    board.run("print(1)", "seed")
    board.lab.sql("UPDATE luahost_run SET created = 1000.5")
    for number in range(120):
        columns = "script, source, args, globals, base, mode, account, generation, status, created, updated, lease"
        board.lab.sql(
            f"INSERT INTO luahost_run (id, {columns}, printed, calls, value) "
            f"SELECT ?, {columns.replace('created', '?')}, printed, calls, value FROM luahost_run WHERE id = 'seed'",
            f"r{number:03}", 1000.5 + number // 40 * 0.1,
        )  # fmt: skip
    at, seen, pages = "/?state=done", [], 0
    while at is not None:
        page = browser.open(at)
        seen += page.links("/runs/")
        at, pages = page.link("next"), pages + 1
        assert len(page.links("/runs/")) <= 50
    assert pages == 3
    assert len(seen) == len(set(seen)) == 121
    assert seen[:2] == ["/runs/r119", "/runs/r118"]


def test_a_run_shows_each_call_with_line_outcome_and_answer(board: Board, browser: Browser) -> None:
    """Changes, reads, sleeps and failures stand there in their order, with a bar each, and lead to their line."""
    board.run(
        'local c = stripe.customers.create{name="Ann"}\nstripe.customers.list{limit=1}\nsleep(0.01)\n'
        'pcall(stripe.customers.retrieve, "cus_none")\n'
        'stripe.payment_intents.create{amount=2999, currency="usd"}\nreturn c.id',
        "r",
    )
    page = browser.open("/runs/r")
    calls = re.findall(r'<th scope="row"><details><summary>(.*?)<', page.answer.text)
    names = ("customers.create", "customers.list", "sleep", "customers.retrieve", "payment_intents.create")
    assert [call.removeprefix("stripe.") for call in calls] == list(names)
    assert "29.99 USD" in page.text
    assert '"name": "Ann"' in page.text
    assert '[{"name":"Ann"}]' in page.text
    assert page.links("#L") == ["#L1", "#L2", "#L4", "#L5"]
    bars = [each for tag, each in page.elements if tag == "rect" and "x" in each]
    assert [each["class"] for each in bars] == ["change", "read", "sleep", "read", "change"]
    assert all(0 <= float(each["x"] or 0) <= 1000.02 - float(each["width"] or 0) for each in bars)


def test_a_long_run_is_shown_page_by_page_each_call_once(board: Board, browser: Browser) -> None:
    """250 calls of several tasks: each stands on one page, and no page has more than 100."""
    board.run(
        "local t = {} for k = 1, 5 do t[k] = function() for i = 1, 50 do "
        'stripe.customers.create{name=k .. "-" .. i .. "!"} end end end parallel(table.unpack(t))',
        "r",
    )
    at: str | None = "/runs/r"
    names: list[str] = []
    while at is not None:
        page = browser.open(at)
        found = [part.partition('"')[0] for part in page.text.split('"name": "')[1:]]
        assert len(found) <= 100
        names += found
        at = page.link("next")
    assert sorted(names) == sorted(f"{k}-{i}!" for k in range(1, 6) for i in range(1, 51))


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_run_holds_becomes_markup(board: Board, browser: Browser, text: str) -> None:
    """Names, output, arguments, errors and the script's text are shown as text, on every page."""
    quoted = f"[==[{text}]==]"
    board.run(
        f"local c = stripe.customers.create{{name={quoted}, metadata={{note={quoted}}}}} print({quoted}) "
        f"error({quoted})",
        "r",
        f"{text}.lua",
    )
    board.lab.sql("UPDATE luahost_run SET folder = ?", text)
    for path in ("/", "/?text=r", "/runs/r", "/runs/r/undo"):
        page = browser.open(path)
        assert page.status == 200
        assert {tag for tag, _ in page.elements} <= OURS
        assert not [name for _, each in page.elements for name in each if name.startswith("on") or name == "style"]
        assert all((href or "").startswith(("/", "#")) or href == "" for href in page.links())
    page = browser.send("/runs/r", "/runs/r/resume")
    assert page.status == 200
    assert {tag for tag, _ in page.elements} <= OURS
    assert text in unescape(page.answer.text)


def test_no_character_of_a_run_is_hidden_or_acts(board: Board, browser: Browser) -> None:
    """Escape sequences, NUL and characters that reverse the text stand as signs, in output, errors and values."""
    told = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    text = "".join(map(chr, told)).encode().decode("latin-1")
    quoted = "".join(f"\\{ord(each)}" for each in text)
    board.run(f'print("{quoted}") error("{quoted}")', "r", "a\x1b[31m\u202e.lua")
    board.run(f'return "{quoted}"', "s")
    for path in ("/", "/runs/r", "/runs/s", "/?text=%1B%00%E2%80%AE"):
        answer = browser.open(path).answer.text
        assert not {each for each in answer if ord(each) in told} - {"\t", "\n"}, path
    assert "a␛[31m\ufffd.lua" in browser.open("/").text
    assert "␀␁" in browser.open("/runs/r").text


def test_a_run_with_megabytes_has_a_short_page(board: Board, browser: Browser) -> None:
    """Of long arguments, output, errors and results the page shows a part or the size, in bounded space."""
    board.run("print(args[1] or '') local a = string.rep('<', 2 ^ 20) print(a) return a", "r")
    board.run("error(string.rep('<', 2 ^ 20))", "failed")
    board.run("for n = 1, 120 do stripe.customers.create{name=string.rep('<', 5000)} end", "many")
    page = browser.open("/runs/r")
    assert "(1,048,581 bytes, too long to be shown here)" in page.text
    for path, most in (("/", 20_000), ("/runs/r", 300_000), ("/runs/failed", 40_000), ("/runs/many", 2_000_000)):
        assert len(browser.open(path).answer.content) < most, path


def test_secrets_are_on_no_page(board: Board, browser: Browser) -> None:
    """A key of the settings is masked wherever it stands; private members of answers and results are left out."""
    board.run(
        f'local k = "{KEY}" stripe.payment_intents.create{{amount=100, currency="usd", description=k}} '
        'return {password="hun" .. "ter2", card={number=("42"):rep(8)}}',
        "r",
    )
    page = browser.open("/runs/r")
    assert KEY not in page.answer.text
    assert "client_secret" in page.text
    for secret in ("_secret_", "hunter2", "4242424242424242"):
        assert secret not in page.text.replace("client_secret", "")


def test_every_state_has_a_place_in_the_filter(browser: Browser) -> None:
    """What a run can be can be asked for."""
    page = browser.open("/")
    options = [each for tag, each in page.elements if tag == "option"]
    assert len(options) == len(STATES) + 1
    for state in STATES:
        assert (browser.open(f"/?state={state.replace(' ', '+')}")).status == 200


@pytest.mark.parametrize(
    "path",
    ["/runs/none", "/runs/..%2f..%2fetc%2fpasswd", "/runs/%00", f"/runs/{'x' * 5000}", "/runs/r/", "/static/../app.py",
     "/runs/%3Cscript%3E", "/..%2f..%2fetc/passwd", "/runs/none/undo", "/templates/base.html", "/runs/none?after=1"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(browser: Browser, path: str) -> None:
    """No path leads to a file, and an id that cannot be one is not looked for."""
    page = browser.open(path)
    assert page.status == 404
    assert {tag for tag, _ in page.elements} <= OURS


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30, "1.5", "9223372036854775808"])
def test_a_wrong_place_in_a_log_is_named(board: Board, browser: Browser, after: str) -> None:
    """Numbers no record has are refused before the database sees them."""
    board.run("print(1)", "r")
    assert (browser.open(f"/runs/r?after={after}")).status == 400
    assert (browser.open("/runs/r?after=9223372036854775807")).status == 200


@pytest.mark.parametrize("path", ["/", "/runs/r", "/runs/r/undo", "/login", "/queues", "/workers", "/schedules"])
def test_pages_can_be_used_without_eyes_or_mouse(board: Board, browser: Browser, path: str) -> None:
    """One language, title, main part and heading each; every field has a label, every table a caption or heading."""
    board.run('stripe.customers.create{name="a"} error("x")', "r")
    page = browser.open(path)
    tags = [tag for tag, _ in page.elements]
    assert [tags.count(each) for each in ("html", "title", "main", "h1")] == [1, 1, 1, 1]
    assert dict(page.elements)["html"]["lang"] == "en"
    assert page.links()[0] == "#content"
    labels = {each.get("for") for tag, each in page.elements if tag == "label"}
    depth = 0
    for tag, each in page.elements:
        if tag in ("input", "select") and each.get("type") != "hidden":
            assert each.get("id") in labels or within_label(page.answer.text, each["name"] or "")
        depth += tag == "th"
        assert tag != "th" or each.get("scope") in ("col", "row")
        assert tag != "svg" or each.get("aria-label") or each.get("class") == "key"


def within_label(text: str, name: str) -> bool:
    """Whether the field of this name stands within its label."""
    before = text[: text.index(f'name="{name}"')]
    return before.rfind("<label") > before.rfind("</label")


def test_every_page_forbids_scripts_frames_and_caches(board: Board, browser: Browser) -> None:
    """The headers stand on all answers, those of errors included, and no page has a script or a style in it."""
    board.run("print(1)", "r")
    for path in ("/", "/runs/r", "/nowhere", "/style.css", "/?state=x"):
        page = browser.open(path)
        policy = page.answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.answer.headers["x-content-type-options"] == "nosniff"
        assert page.answer.headers["cache-control"] == "no-store"
        assert not {"script", "style"} & {tag for tag, _ in page.elements}
