"""Permissions: what is granted, what is not, and what the refusal says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from host.errors import DeniedError, UsageError
from host.policy.permissions import Permissions, sql_place


def refused(check: Any, *args: Any, **options: Any) -> DeniedError:
    with pytest.raises(DeniedError) as found:
        check(*args, **options)
    return found.value


# -- operations


def test_the_default_grants_operations_and_functions_and_nothing_else(tmp_path: Path) -> None:
    """A host that says nothing lets its scripts call its APIs and functions, and reach nothing beside."""
    granted = Permissions()
    granted.check_operation("stripe.refunds.create", True)
    granted.check_function("lookup")
    granted.check_effect("http.post", True)
    assert not granted.grants_env("HOME")
    refused(granted.check_net, "example.com", 443)
    refused(granted.check_read, tmp_path)
    refused(granted.check_write, tmp_path / "x")
    refused(granted.check_sql, "sqlite:///x.db")


@pytest.mark.parametrize(
    ("said", "label", "granted"),
    [
        ({"allow_ops": ["stripe.products.*"]}, "stripe.products.create", True),
        ({"allow_ops": ["stripe.products.*"]}, "stripe.products.features.create", True),
        ({"allow_ops": ["stripe.products.*"]}, "stripe.prices.create", False),
        ({"allow_ops": ["stripe.products.*"]}, "stripe.productsX.create", False),
        ({"allow_ops": ["*.list", "*.retrieve"]}, "stripe.prices.list", True),
        ({"allow_ops": ["*"], "deny_ops": ["*.delete"]}, "stripe.products.delete", False),
        ({"allow_ops": ["stripe.a.delete"], "deny_ops": ["*.delete"]}, "stripe.a.delete", False),
        ({"deny_ops": "stripe.refunds.*"}, "stripe.refunds.create", False),
        ({"deny_ops": "stripe.refunds.*"}, "stripe.charges.create", True),
        ({"allow_ops": []}, "stripe.products.list", False),
        ({"allow_ops": ["stripe.products.(list)"]}, "stripe.products.list", False),
    ],
)
def test_operations_are_granted_by_pattern(said: Any, label: str, granted: bool) -> None:
    """* stands for anything, other signs for themselves, and what is denied stays denied."""
    permissions = Permissions(**said)
    if granted:
        permissions.check_operation(label, True)
        return
    error = refused(permissions.check_operation, label, True)
    assert label in error.message
    assert (error.operation, error.outcome) == (label, "not_sent")
    assert ("--allow-op" in (error.hint or "")) != ("deny_ops" in error.message)


def test_each_refusal_is_an_error_of_its_own() -> None:
    """A decision is remembered, the exception is not: it belongs to one call."""
    permissions = Permissions(allow_ops=[])
    first, second = (refused(permissions.check_operation, "stripe.products.list", False) for _ in range(2))
    assert first is not second
    assert first.outcome is None


def test_read_only_refuses_whatever_changes_something(tmp_path: Path) -> None:
    """Operations, functions not said to read, files, statements and requests."""
    granted = Permissions(read_only=True, write=[tmp_path], read=[tmp_path], sql=["sqlite:///x.db"])
    granted.check_operation("stripe.products.list", False)
    granted.check_function("look", "read")
    granted.check_sql("sqlite:///x.db")
    granted.check_read(tmp_path)
    assert "read_only" in refused(granted.check_operation, "stripe.products.create", True).message
    assert 'effect="read"' in (refused(granted.check_function, "lookup").hint or "")
    refused(granted.check_write, tmp_path / "x")
    refused(granted.check_sql, "sqlite:///x.db", write=True)
    refused(granted.check_effect, "http.post", True)
    granted.check_effect("http.get", False)


def test_test_mode_only_refuses_calls_with_a_live_key() -> None:
    """Also a read: a live key says what it should not be used for."""
    granted = Permissions(test_mode_only=True)
    granted.check_operation("stripe.products.list", False, False)
    assert "test_mode_only" in refused(granted.check_operation, "stripe.products.list", False, True).message


def test_a_key_past_the_catalog_needs_its_own_grant() -> None:
    """http.* with an API's key could do what was denied as an operation; so it is granted by its own name."""
    Permissions().check_raw("stripe", True)
    Permissions(allow_ops=["stripe.products.*", "stripe.http"]).check_raw("stripe", True)
    for said in ({"allow_ops": ["stripe.*"]}, {"deny_ops": ["stripe.refunds.*"]}, {"read_only": True}):
        refused(Permissions(**said).check_raw, "stripe", True)
    refused(Permissions(test_mode_only=True).check_raw, "stripe", False, True)


def test_patterns_that_match_nothing_are_found() -> None:
    """A misspelt deny_ops would deny nothing, in silence."""
    labels = ["stripe.products.list", "stripe.refunds.create"]
    misspelt = Permissions(deny_ops=["stripe.refund.*"])
    assert misspelt.unmatched(lambda: labels) == ("deny_ops", "stripe.refund.*")
    assert Permissions(allow_ops=["*"], deny_ops=["*.create"]).unmatched(lambda: labels) is None


# -- one run's


def test_a_run_is_only_ever_narrower(tmp_path: Path) -> None:
    """What a run's permissions say holds only where the host's grant it too; what they do not say stays."""
    host = Permissions(allow_ops=["stripe.products.*"], net=["a.example"], env=["A"], read=[tmp_path])
    run = host.narrowed(Permissions(allow_ops=["*"], net=["a.example", "b.example"], env=["A", "B"]))
    run.check_operation("stripe.products.list", False)
    refused(run.check_operation, "stripe.prices.list", False)
    run.check_net("a.example", 443)
    refused(run.check_net, "b.example", 443)
    assert run.grants_env("A")
    assert not run.grants_env("B")
    run.check_read(tmp_path)  # not said: as the host has it
    refused(host.narrowed(Permissions(net=[])).check_net, "a.example", 443)
    refused(host.narrowed(Permissions(read_only=True)).check_operation, "stripe.products.create", True)
    still = Permissions(read_only=True).narrowed(Permissions())
    refused(still.check_operation, "stripe.products.create", True)


def test_what_was_said_crosses_to_another_process() -> None:
    """plain() is all that was said, also that nothing is allowed, and nothing else."""
    much = Permissions(allow_ops=[], deny_ops=["a.*"], read_only=True, net=["x:1"])
    for permissions in (Permissions(), much):
        assert Permissions(**permissions.plain()) == permissions
    with pytest.raises(UsageError):
        Permissions().narrowed(Permissions(read_only=True)).plain()


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"allow_ops": 5}, "allow_ops"),
        ({"deny_ops": [""]}, "deny_ops"),
        ({"net": [b"x"]}, "net"),
        ({"read_only": "yes"}, "read_only"),
        ({"net": ["https://example.com/"]}, "https://example.com/"),
        ({"net": ["example.com:0"]}, "example.com:0"),
        ({"net": ["example.com:"]}, "example.com:"),
        ({"net": ["ex*mple.com"]}, "ex*mple.com"),
        ({"net": ["a b"]}, "a b"),
        ({"net": ["[::1]x"]}, "[::1]x"),
    ],
)
def test_bad_permissions_are_named(said: Any, named: str) -> None:
    """A field or grant that cannot be used is an error of whoever wrote it, at once."""
    with pytest.raises(UsageError) as found:
        Permissions(**said)
    assert named in str(found.value)


# -- files and databases


def test_files_are_granted_with_what_is_in_a_folder(tmp_path: Path) -> None:
    """The real path decides: neither .. nor a link leads out of a granted folder."""
    inside, outside = tmp_path / "data", tmp_path / "data2"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    granted = Permissions(read=[inside], write=[inside / "out.txt"])
    assert granted.check_read(inside / "a" / "b.txt") == str(inside / "a" / "b.txt")
    assert granted.check_read(inside) == str(inside)
    for path in (outside, inside / ".." / "data2" / "x", inside / "link" / "x", tmp_path):
        assert "--allow-read" in (refused(granted.check_read, path).hint or "")
    assert str(outside / "x") in refused(granted.check_read, inside / "link" / "x").message
    granted.check_write(inside / "out.txt")
    refused(granted.check_write, inside / "other.txt")
    refused(granted.check_read, "a\0b")


def test_granted_paths_stay_where_they_were_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative grant is one of the folder it was said in, wherever the process goes."""
    monkeypatch.chdir(tmp_path)
    granted = Permissions(read="data")
    monkeypatch.chdir(os.sep)
    granted.check_read(tmp_path / "data" / "x")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql+asyncpg://me:pw@DB.example:5432/shop?ssl=true", "postgresql://me@db.example:5432/shop"),
        ("postgres://db/shop", "postgresql://db/shop"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite://"),
        ("sqlite:////tmp/../tmp/a.db", f"sqlite:///{os.path.realpath('/tmp/a.db')}"),
    ],
)
def test_a_database_is_compared_without_password(url: str, place: str) -> None:
    """Password, driver and options do not tell databases apart, and the first is not shown."""
    assert sql_place(url) == place
    Permissions(sql=[url]).check_sql(url)
    error = refused(Permissions(sql=["postgresql://you@db.example/shop"]).check_sql, url)
    assert "pw" not in error.message + (error.hint or "")
