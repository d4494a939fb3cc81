"""An option that is not known is refused wherever it stands, for every command, and nothing is run."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from host.cli.commands import commands
from host.cli.strict import StrictCommand, StrictGroup
from tests.cli.conftest import Cli


def walk(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands there are, with the words that lead to them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*above, name), command
        if isinstance(command, click.Group):
            yield from walk(command, (*above, name))


ALL = dict(walk(commands))
COMMANDS = {path: command for path, command in ALL.items() if not isinstance(command, click.Group)}


def options(command: click.Command) -> Iterator[str]:
    for item in command.get_params(click.Context(command)):
        if isinstance(item, click.Option):
            yield from (name for name in item.opts if name.startswith("--"))


def misspellings(name: str) -> Iterator[str]:
    """Slips of the keyboard, and of whoever typeset the documentation."""
    word = name.removeprefix("--")
    yield f"--{word[:-1]}"  # a letter left out
    yield f"--{word}{word[-1]}"  # one twice
    yield f"--{word[1]}{word[0]}{word[2:]}"  # two exchanged
    yield f"-{word}"  # one dash
    yield f"—{word}"  # a dash that is none
    yield f"--{word.upper()}"
    if "-" in word:
        yield f"--{word.replace('-', '_')}"
        yield f"--{word.replace('-', '')}"


def refused(command: click.Command, *words: str) -> str:
    """The message the words are refused with. Only read, so that nothing is run where they are not."""
    with pytest.raises(click.UsageError) as caught:
        command.make_context("x", list(words))
    return caught.value.format_message()


def placed(command: click.Command, word: str) -> Iterator[tuple[str, ...]]:
    """An option at every place of a command line: alone, before, between and behind arguments, with a value."""
    needed = [item for item in command.params if isinstance(item, click.Argument)]
    arguments = ["a.lua", "b.lua"] if any(item.nargs == -1 for item in needed) else ["a"] * len(needed)
    for place in range(len(arguments) + 1):
        yield (*arguments[:place], word, *arguments[place:])
        yield (*arguments[:place], f"{word}=1", *arguments[place:])
        yield (*arguments[:place], word, "0", *arguments[place:])
    if "run" in (command.name,):
        yield ("-", word)
        yield ("-e", "print(1)", word)
        yield (word, "-e", "print(1)")
        yield ("a.lua", "--each", "rows.csv", word)
        yield ("a.lua", "--json", "x", "-7", word)


def test_every_command_is_strict() -> None:
    """No command is made of click's own class, which lets a short option's value touch it."""
    loose = [path for path, command in ALL.items() if not isinstance(command, StrictCommand | StrictGroup)]
    assert loose == []
    assert {"run", "resume", "runs", "test", "apis", "simulate", "bench"} <= {path[0] for path in ALL}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_abbreviation_names_the_option_it_begins(path: tuple[str, ...]) -> None:
    """Every beginning that only one option has is refused with that option, however near another one is."""
    names = [name for name in options(COMMANDS[path]) if name.startswith("--")]
    for name in names:
        for end in range(len("--xyz"), len(name)):
            begun = [each for each in names if each.startswith(name[:end])]
            if begun == [name] and name[end - 1] != "-":
                assert f"Did you mean {name}?" in refused(COMMANDS[path], name[:end])


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_misspelt_option_is_refused_at_every_place_with_the_nearest(path: tuple[str, ...]) -> None:
    """Every option of every command, misspelt in every way, at every place."""
    command = COMMANDS[path]
    known = set(options(command))
    for name in sorted(known):
        for wrong in misspellings(name):
            if wrong in known:
                continue
            for words in placed(command, wrong):
                message = refused(command, *words)
                assert f"No such option {wrong!r}" in message, words
                assert "Did you mean --" in message, words
            if wrong.strip("-—").replace("_", "-").lower() == name.strip("-"):
                assert f"Did you mean {name}?" in message


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_option_is_not_taken_for_anothers_value(path: tuple[str, ...]) -> None:
    """``--trace --simulate`` writes no file of that name, known or misspelt; nor is ``--`` a value."""
    command = COMMANDS[path]
    for item in command.params:
        if not isinstance(item, click.Option) or item.is_flag or item.count or stands_alone(item):
            continue
        for name in item.opts:
            for value in ("--debug", "--simulat", "--max-mutation=0", "-v", "--", "—simulate"):
                assert f"Option {name!r} requires an argument" in refused(command, name, value, "a")
            assert "requires an argument" in refused(command, name)


def stands_alone(item: click.Option) -> bool:
    """Whether its value may be left out."""
    return item.flag_value is not None and not item.is_flag


def test_an_option_whose_value_may_be_left_out_takes_none_that_is_no_value() -> None:
    """``listen --poll handlers.lua``: the script is not the number of seconds."""
    command = COMMANDS[("listen",)]
    for words, seconds in (("--poll", "a.lua"), 10.0), (("--poll", "7", "a.lua"), 7.0), (("a.lua", "--poll"), 10.0):
        assert command.make_context("listen", list(words)).params["poll"] == seconds
    assert "is not a valid float" in refused(command, "--poll=x", "a.lua")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_option_given_twice_says_one_thing(path: tuple[str, ...]) -> None:
    """Of two different values one would be lost."""
    command = COMMANDS[path]
    for item in command.params:
        if isinstance(item, click.Option) and not (item.is_flag or item.count or item.multiple):
            assert "given twice" in refused(command, item.opts[0], "1", item.opts[0], "2")


PLACES = [
    ("{}", "make.lua"),
    ("make.lua", "{}"),
    ("make.lua", "word", "{}"),
    ("make.lua", "{}", "0"),
    ("make.lua", "make.lua", "{}"),
    ("-e", "print('ran')", "{}"),
    ("{}", "-e", "print('ran')"),
    ("-", "{}"),
    ("make.lua", "--each", "rows.csv", "{}"),
    ("make.lua", "--repeat", "2", "{}"),
]


@pytest.mark.parametrize("place", PLACES, ids=" ".join)
def test_run_runs_nothing_with_an_option_it_does_not_know(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[str, ...]
) -> None:
    """The words of the guards people know from elsewhere, too."""
    (tmp_path / "make.lua").write_text("print('ran')")
    (tmp_path / "rows.csv").write_text("a\n1\n")
    for wrong in ("--simulat", "--dryrun", "--dry-rum", "--readonly", "-read-only", "--max-mutation=0", "-n", "-S"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"print('ran')")))
        done = cli("run", "--simulate", *(word.format(wrong) for word in place))
        assert (done.status, done.out) == (2, ""), (wrong, done.err)
        assert "No such option" in done.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("-each", "x"), "-e CODE"),
        (("-ereturn 1",), "-e CODE"),
        (("-verbose",), "--verbose"),
        (("-vebose",), "-e CODE"),
        (("--simulate=no", "a.lua"), "does not take a value"),
        (("--require-live", "a.lua", "--require-test"), "--require-live and --require-test cannot be combined"),
        (("-e", "return 1", "-e", "return 2"), "-e is given twice"),
        (("--max-mutations", "0", "a.lua", "--max-mutations", "100"), "--max-mutations is given twice"),
        (("--max-amount", "usd:0", "--max-amount", "USD:500", "a.lua"), "--max-amount usd is given twice"),
        (("--api-limits", "stripe:rate=1", "--api-limits", "stripe:rate=50", "a.lua"), "has rate for stripe twice"),
        (("--kye=sk_live_51AbCdEf", "a.lua"), "No such option '--kye'."),
    ],
)
def test_what_says_nothing_sure_is_refused(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], text: str) -> None:
    """A value that touches its option, two values, two that cannot be combined; and no key is shown."""
    (tmp_path / "a.lua").write_text("print('ran')")
    done = cli("run", "--simulate", *arguments)
    assert (done.status, done.out) == (3 if "--api-limits" in arguments else 2, "")
    assert text in done.err
    assert "AbCd" not in done.err


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("one", "-7", "-.5", "-1e3", "-"), "one,-7,-.5,-1e3,-"),
        (("--", "--dry-run", "-x", "--", "-e"), "--dry-run,-x,--,-e"),
        (("a", "--", "--simulate"), "a,--simulate"),
        (("−7",), "−7"),
        (("--simulate", "--simulate"), ""),
        (("-vve", "return 5"), "5"),
    ],
)
def test_what_is_no_option_goes_to_the_script(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], found: str) -> None:
    """Plain words, negative numbers, a dash alone, and all behind ``--``; flags said twice say the same."""
    (tmp_path / "a.lua").write_text("return table.concat(args, ',')")
    script = () if "-vve" in arguments else ("a.lua",)
    done = cli("run", "--simulate", *script, *arguments)
    assert (done.status, done.out) == (0, f"{found}\n"), done.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("rum", "a.lua"), "Did you mean 'run'?"),
        (("rnus",), "Did you mean 'runs'?"),
        (("simulat",), "Did you mean 'simulate'?"),
        (("runs", "lst"), "Did you mean 'list'?"),
        (("runs", "udno", "x"), "Did you mean 'undo'?"),
        (("pay.lua",), "run pay.lua"),
        (("--simulate", "run", "a.lua"), "write run --simulate"),
        (("--read-olny", "run", "a.lua"), "write run --read-only"),
        (("--versoin",), "Did you mean --version?"),
    ],
)
def test_a_misspelt_command_names_the_nearest(cli: Cli, arguments: tuple[str, ...], text: str) -> None:
    """And an option that stands before its command is told where it belongs."""
    done = cli(*arguments)
    assert (done.status, done.out) == (2, "")
    assert text in done.err


def test_the_command_that_would_work_keeps_every_option(cli: Cli, tmp_path: Path) -> None:
    """What is advised without a key keeps the guards of what was typed, and ``--``; no password is shown."""
    (tmp_path / "a.lua").write_text("")
    given = ("--read-only", "--allow-sql", "postgresql://me:hunter2@db/x", "a.lua", "--", "--dry-run")
    done = cli("run", *given)
    assert done.status == 3
    assert "run --simulate --read-only --allow-sql" in done.err
    assert "a.lua -- --dry-run" in done.err
    assert "hunter2" not in done.err
