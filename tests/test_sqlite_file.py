"""SQLite is opened by one function, each use with the pragmas its promises need."""

from __future__ import annotations

import ast
import contextlib
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from host.sqlite_file import USES, fault_of, open_sqlite

HOST = Path(__file__).parent.parent / "host"
VALUES = {"FULL": 2, "NORMAL": 1, "OFF": 0, "ON": 1}


@pytest.mark.parametrize("use", USES)
def test_each_use_has_the_pragmas_of_its_row(use: str, tmp_path: Path) -> None:
    """What the table says is in force on the connection, and how long a statement waits."""
    with contextlib.closing(open_sqlite(tmp_path / "file", use)) as db:
        for pragma in USES[use].pragmas:
            name, value = pragma.split(" = ")
            [(found,)] = db.execute(f"PRAGMA {name}").fetchall()
            assert str(found).lower() == str(VALUES.get(value, value)).lower(), pragma
        assert db.execute("PRAGMA busy_timeout").fetchone() == (int(USES[use].busy * 1000),)
        assert db.isolation_level is None


@pytest.mark.parametrize("use", [use for use, how in USES.items() if how.private])
def test_what_holds_answers_and_sums_is_its_owners_alone(use: str, tmp_path: Path) -> None:
    """Folder and file, and the files SQLite makes beside it."""
    path = tmp_path / "folder" / "file"
    with contextlib.closing(open_sqlite(path, use)) as db:
        db.execute("CREATE TABLE t (x)")
        modes = {each.name: stat.S_IMODE(os.stat(each).st_mode) for each in path.parent.iterdir()}
    assert modes
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(os.stat(path.parent).st_mode) == 0o700


def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    """It is opened once, by SQLite: a second descriptor, closed, would drop the locks of this process."""
    path = tmp_path / "file"
    path.touch(0o644)
    open_sqlite(path, "journal").close()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644


def test_a_connection_that_cannot_be_set_up_is_closed(tmp_path: Path) -> None:
    """What SQLite says of a file that is none reaches the caller, with its fault."""
    path = tmp_path / "file"
    path.write_bytes(b"no database at all, for long enough to be looked at" * 40)
    with pytest.raises(sqlite3.DatabaseError) as error:
        open_sqlite(path, "journal")
    assert fault_of(error.value) == "damaged"


def test_faults_by_code(tmp_path: Path) -> None:
    """Locked, not there, and what is none of the file's faults."""
    path = tmp_path / "file"
    with contextlib.closing(open_sqlite(path, "simulator")) as one, contextlib.closing(sqlite3.connect(path)) as two:
        one.execute("CREATE TABLE t (x)")
        two.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(sqlite3.OperationalError) as locked:
            two.execute("SELECT * FROM t")
        with pytest.raises(sqlite3.OperationalError) as wrong:
            one.execute("SELECT nonsense")
    with pytest.raises(sqlite3.OperationalError) as missing:
        open_sqlite(tmp_path / "no" / "file", "simulator")
    assert [fault_of(each.value) for each in (locked, wrong, missing)] == ["locked", "other", "unwritable"]
    assert fault_of(ValueError()) == "other"


def test_no_other_file_opens_sqlite() -> None:
    """``sqlite3.connect`` and pragmas that decide what survives a crash stand in ``host/sqlite_file.py`` only."""
    words = ("journal_mode", "synchronous", "locking_mode", "busy_timeout")
    for path in HOST.rglob("*.py"):
        if path.name == "sqlite_file.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) != "sqlite3.connect", f"{path}:{node.lineno}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not any(f"{word}" in node.value.lower() for word in words), f"{path}:{node.lineno}"


def test_every_use_is_somebodys() -> None:
    """No row of the table is there for nothing."""
    asked = {
        node.args[1].value
        for path in HOST.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "open_sqlite"
        if isinstance(node.args[1], ast.Constant)
    }
    assert asked == set(USES)
