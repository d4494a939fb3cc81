"""Who is let in: names, tokens, forms; and what others try."""

from __future__ import annotations

import pytest

from host.dashboard.access import MOST_SESSIONS, Access, is_loopback
from host.errors import ConfigError
from host.secret import Secret
from tests.dashboard.conftest import TOKEN, Board, Browser


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8321", 200), ("localhost:8321", 200), ("LOCALHOST", 200), ("[::1]:8321", 200), ("10.0.0.7", 200),
        ("runs.example.com", 200), ("Runs.Example.com:443", 200),
        ("evil.example", 421), ("localhost.evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421),
        ("runs.example.com.", 421), ("evil.example:8321", 421), ("localhost@evil.example", 421),
    ],
)  # fmt: skip
def test_only_names_of_its_own_are_answered(board: Board, host: str, status: int) -> None:
    """A page elsewhere whose name was made to point here (DNS rebinding) reads nothing."""
    browser = board.browser(Access(None, "127.0.0.1", ["runs.example.com"]))
    assert browser.open("/", host=host).status == status
    assert browser.open("/style.css", host=host).status == status


@pytest.mark.parametrize(("address", "here"), [
    ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
    ("192.168.1.5", False), ("runs.example.com", False), ("", False),
])  # fmt: skip
def test_listening_for_others_needs_a_token(address: str, here: bool) -> None:
    """Every address that others reach is refused without one; the message says what to set."""
    assert is_loopback(address) is here
    Access(Secret(TOKEN), address)
    if here:
        Access(None, address)
    else:
        with pytest.raises(ConfigError, match="needs a token") as raised:
            Access(None, address)
        assert "HOST_DASHBOARD_TOKEN" in (raised.value.hint or "")


def test_a_token_that_could_be_guessed_is_refused() -> None:
    """The message does not repeat it."""
    with pytest.raises(ConfigError, match="16 characters") as raised:
        Access(Secret("hunter2hunter2!"), "0.0.0.0")
    assert "hunter2" not in str(raised.value)


@pytest.fixture
def locked(board: Board) -> Browser:
    """Somebody who has to give the token, and has not."""
    return board.browser(Access(Secret(TOKEN), "0.0.0.0"))


def test_without_the_token_nothing_is_shown_or_done(board: Board, locked: Browser) -> None:
    """Pages lead to the login form, forms are refused, and neither tells of runs or of the journal."""
    board.run('stripe.customers.create{name="a"}', "r")
    for path in ("/", "/runs/r", "/runs/r/undo", "/nowhere", "/queues"):
        page = locked.open(path)
        assert page.answer.url.path == "/login"
        assert "journal" not in page.answer.text
        assert "run_r" not in page.answer.text
    for path in ("/runs/r/undo", "/runs/r/resume", "/logout", "/"):
        assert locked.ask("POST", path, data={"confirm": "r"}).status_code == 401
    assert locked.ask("DELETE", "/runs/r").status_code == 401
    assert board.journal.run("r") is not None


@pytest.mark.parametrize("given", ["", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), "é" * 22, "\0", "x" * 10_000])
def test_a_wrong_token_does_not_open(locked: Browser, given: str) -> None:
    """Whatever was typed, the page says no more than that it is wrong, and sets no cookie."""
    page = locked.send("/login", "/login", token=given)
    assert page.status == 403
    assert "not the token" in page.text
    assert "set-cookie" not in page.answer.headers
    assert locked.open("/").answer.url.path == "/login"


def test_the_token_opens_until_the_logout(board: Board, locked: Browser) -> None:
    """The cookie is not available for pages' programs and other sites; logging out ends it on the server."""
    answer = locked.ask("POST", "/login", data={"token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert TOKEN not in cookie
    assert locked.open("/").answer.url.path == "/"
    kept = cookie.partition(";")[0]
    assert locked.send("/", "/logout").answer.url.path == "/login"
    assert locked.open("/", cookie=kept).answer.url.path == "/login"


@pytest.mark.parametrize("cookie", ["x", TOKEN, "", "é", "0" * 5000])
def test_a_made_up_cookie_does_not_open(locked: Browser, cookie: str) -> None:
    """Only sessions that were given out count, the token itself is none."""
    answer = locked.ask("GET", "/", headers={"cookie": f"luahost_dashboard={cookie}".encode()})
    assert answer.status_code == 303


def test_sessions_end_and_are_bounded() -> None:
    """Each login is a session of its own; the oldest make room, and none is there for a wrong token."""
    access = Access(Secret(TOKEN), "0.0.0.0")
    sessions = [access.login(TOKEN) or "" for _ in range(MOST_SESSIONS + 1)]
    assert len(set(sessions)) == MOST_SESSIONS + 1
    assert not access.admits(sessions[0])
    assert access.admits(sessions[-1])
    assert not access.admits("")


@pytest.mark.parametrize("path", ["/runs/r/resume", "/runs/r/cancel", "/runs/r/undo", "/logout"])
@pytest.mark.parametrize("given", [None, "", "x", "0" * 64, "é"])
def test_a_forged_form_does_nothing(board: Board, browser: Browser, path: str, given: str | None) -> None:
    """Without the form's own token, or with another, nothing is done."""
    board.run('stripe.customers.create{name="a"} error("x")', "r")
    fields = {"confirm": "r", **({} if given is None else {"form_token": given})}
    assert browser.ask("POST", path, data=fields).status_code == 403
    assert board.actions.of("r") is None


def test_the_form_of_one_session_is_no_use_to_another(board: Board) -> None:
    """Nor is one from before the dashboard was started again."""
    access = Access(Secret(TOKEN), "0.0.0.0")
    first, second = access.login(TOKEN) or "", access.login(TOKEN) or ""
    assert access.may_send(first, access.form_token(first))
    assert not access.may_send(second, access.form_token(first))
    assert not Access(Secret(TOKEN), "0.0.0.0").may_send(first, access.form_token(first))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403), ({"origin": "null"}, 403), ({"origin": "http://127.0.0.1:1"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403), ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1:8321", "sec-fetch-site": "same-origin"}, 303), ({}, 303),
    ],
)  # fmt: skip
def test_a_form_another_site_sends_is_refused(board: Board, headers: dict[str, str], status: int) -> None:
    """What the browser says of where a form comes from is believed where it says no, even with the right token."""
    board.run('error("x")', "r")
    browser = board.browser()
    fields = browser.open("/runs/r").forms["/runs/r/resume"]
    assert browser.ask("POST", "/runs/r/resume", data=fields, headers=headers).status_code == status
    assert (board.actions.of("r") is not None) == (status == 303)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"), ("text/plain", b"form_token=x"), ("multipart/form-data; boundary=x", b"--x--"),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 20_000),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(100))), ("", b""),
    ],
)  # fmt: skip
def test_what_is_no_form_of_ours_is_refused(board: Board, browser: Browser, kind: str, body: bytes) -> None:
    """Other kinds of bodies, and forms that are too long, are not read further."""
    board.run('error("x")', "r")
    answer = browser.ask("POST", "/runs/r/resume", content=body, headers={"content-type": kind})
    assert answer.status_code == 400
    assert board.actions.of("r") is None


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(board: Board, browser: Browser, method: str) -> None:
    """Pages are read, forms are sent, there is nothing else."""
    board.run("print(1)", "r")
    assert browser.ask(method, "/runs/r").status_code == 405
    assert browser.ask("GET", "/runs/r/resume").status_code == 405
