"""fs: what it does inside the granted folders, and what it refuses outside."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from host import RunResult
from host.errors import DeniedError, InvalidCall
from host.libraries.fs.paths import Replacement, open_file

Script = Callable[..., RunResult]


def test_what_is_written_is_read_back_byte_for_byte(script: Script, tmp_path: Path) -> None:
    """write, append, read, list, exists and remove work in a granted folder, on any bytes."""
    code = """
    local path = folder .. "/a.bin"
    fs.write(path, "\\0\\255 one")
    fs.append(path, " two")
    local found = { read = fs.read(path), there = fs.exists(path), list = fs.list(folder) }
    found.removed, found.again = fs.remove(path), fs.remove(path)
    found.left = fs.exists(path)
    return found
    """
    value = script(code, globals={"folder": str(tmp_path)}, read=tmp_path, write=tmp_path).value
    assert value["read"] == b"\0\xff one two"
    assert (value["there"], value["removed"], value["again"], value["left"]) == (True, True, False, False)
    (entry,) = value["list"]
    assert (entry["name"], entry["type"], entry["size"]) == ("a.bin", "file", 10)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("call", "flag"),
    [
        ("fs.read('/etc/hostname')", "--allow-read"),
        ("fs.list('/etc')", "--allow-read"),
        ("fs.exists('/etc/hostname')", "--allow-read"),
        ("fs.write('/tmp/no', 'x')", "--allow-write"),
        ("fs.append('/tmp/no', 'x')", "--allow-write"),
        ("fs.remove('/tmp/no')", "--allow-write"),
    ],
)
def test_without_a_grant_each_name_is_there_and_denied(script: Script, call: str, flag: str) -> None:
    """Nothing is granted by itself; the error names the permission that would allow it."""
    result = script(call, check=False)
    assert result.error is not None
    assert result.error.kind == "denied"
    assert flag in (result.error.hint or "")


def test_links_and_dots_do_not_lead_out(script: Script, tmp_path: Path) -> None:
    """A path is judged by where it leads: through links and .. out of the folder is denied."""
    granted, outside = tmp_path / "granted", tmp_path / "secret.txt"
    granted.mkdir()
    outside.write_text("secret")
    (granted / "link").symlink_to(outside)
    (granted / "folder").symlink_to(tmp_path)
    for path in ("link", "folder/secret.txt", "../secret.txt"):
        code = f"return fs.read(folder .. '/{path}')"
        result = script(code, globals={"folder": str(granted)}, read=granted, check=False)
        assert result.error is not None, path
        assert result.error.kind == "denied"
    result = script("fs.write(folder .. '/link', 'x')", globals={"folder": str(granted)}, write=granted, check=False)
    assert result.error is not None
    assert result.error.kind == "denied"
    assert outside.read_text() == "secret"


def test_a_link_put_in_the_way_after_the_check_is_not_followed(tmp_path: Path) -> None:
    """Between the check of a path and its opening it may become a link: refused, not followed."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.txt").write_text("secret")
    (inside / "a.txt").symlink_to(outside / "a.txt")
    (inside / "deep").symlink_to(outside)
    for path in (inside / "a.txt", inside / "deep" / "a.txt"):
        with pytest.raises(OSError, match=r"."):
            open_file(str(path), os.O_RDONLY)
    with pytest.raises(OSError, match=r"."):
        Replacement(str(inside / "deep" / "b.txt")).begin()
    assert os.listdir(outside) == ["a.txt"]


def test_what_is_no_plain_file_is_refused_at_once(script: Script, tmp_path: Path) -> None:
    """A pipe or a folder is no file to read; nothing waits for a pipe's other end."""
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        code = f"return fs.read(folder .. '/{name}')"
        result = script(code, globals={"folder": str(tmp_path)}, read=tmp_path, check=False)
        assert result.error is not None
        assert result.error.kind == "invalid"


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    """The new content takes the old one's place at once, with its permissions, or not at all."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    new = Replacement(str(path))
    new.begin()
    new.write(b"half")
    assert path.read_text() == "old"
    new.discard()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]
    new = Replacement(str(path))
    new.begin()
    new.write(b"new")
    new.commit()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["a.txt"]


def test_errors_name_what_is_wrong(script: Script, tmp_path: Path) -> None:
    """A missing file, a missing folder, a wrong argument: one clear sentence each, catchable."""
    code = """
    local function why(...) local _, e = try(...) return e.message end
    return {
      why(fs.read, folder .. "/no"), why(fs.write, folder .. "/no/a", "x"),
      why(fs.read), why(fs.write, folder .. "/a", {}),
    }
    """
    value = script(code, globals={"folder": str(tmp_path)}, read=tmp_path, write=tmp_path).value
    assert "no such file" in value[0]
    assert "no such file" in value[1]
    assert "expects a path, got nothing" in value[2]
    assert "expects a string to write, got a table" in value[3]


def test_read_only_permissions_refuse_to_write(script: Script, tmp_path: Path) -> None:
    """--read-only wins over --allow-write."""
    code = "fs.write(folder .. '/a', 'x')"
    result = script(code, globals={"folder": str(tmp_path)}, write=tmp_path, read_only=True, check=False)
    assert result.error is not None
    assert result.error.kind == "denied"
    assert os.listdir(tmp_path) == []


def test_errors_are_of_the_host() -> None:
    """A link found while opening is a denial, any other failure of the system is invalid."""
    import errno

    from host.libraries.fs.paths import failure

    assert isinstance(failure("x", OSError(errno.ELOOP, "loop")), DeniedError)
    assert isinstance(failure("x", OSError(errno.ENOSPC, "No space")), InvalidCall)


@pytest.mark.parametrize("call", ["fs.read('a', 'b')", "fs.write('a', 'text', 'append')", "fs.list('.', 1)"])
def test_arguments_that_would_do_nothing_are_refused(script: Script, tmp_path: Path, call: str) -> None:
    """A mode that was meant would else be passed over in silence."""
    code = f"local ok, err = pcall(function() {call} end) return {{ok, err.kind, err.message}}"
    ok, kind, message = script(code, read=tmp_path, write=tmp_path).value
    assert (ok, kind) == (False, "invalid")
    assert "and no more, got" in message
