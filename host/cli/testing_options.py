"""The options of ``test`` that say in which order tests run and how results are written."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from host.cli.struct_options import fields_of, struct_options
from host.errors import ConfigError, UsageError
from host.option import Option

__all__ = ["TestingOptions", "testing_options"]


class TestingOptions(msgspec.Struct, frozen=True):
    """What the options say. ``seed`` is set if a random order is asked for."""

    __test__ = False

    seed: Annotated[
        int | None,
        Option(
            "--seed",
            "Run files and tests in a random order, with ids and random numbers from the same seed.",
            "N|random",
            str,
        ),
    ] = None
    junit: Annotated[str | None, Option("--junit", "Write the results to FILE, as JUnit's XML.", "FILE")] = None
    tap: Annotated[bool, Option("--tap", "Print the results as TAP, the Test Anything Protocol.")] = False
    watch: Annotated[bool, Option("--watch", "Run the tests again whenever a Lua file changes.")] = False
    verbose: Annotated[bool, Option("-v --verbose", "Show each test's name.")] = False

    @classmethod
    def of(cls, seed: str | None, junit: str | None, tap: bool, watch: bool, verbose: bool) -> TestingOptions:
        """Of the options' values. Raises ``UsageError``, and ``ConfigError`` for a file that cannot be written."""
        if junit is not None:
            _check_writable(Path(junit))
        if seed is not None and seed != "random" and not (seed.isdecimal() and seed.isascii() and len(seed) < 19):
            raise UsageError(f"--seed {seed}: expected a whole number from 0, or random")
        found = None if seed is None else random.SystemRandom().randrange(1 << 31) if seed == "random" else int(seed)
        return cls(found, junit, tap, watch, verbose)

    def refuse_watching(self, *others: str | bool) -> None:
        """Raise ``UsageError`` for options that concern a single run of the tests."""
        for name in (*others, self.tap and "--tap"):
            if name:
                raise UsageError(f"--watch cannot be combined with {name}: the tests run repeatedly")

    @property
    def form(self) -> Literal["marks", "names", "tap"]:
        """How results are printed."""
        return "tap" if self.tap else "names" if self.verbose else "marks"


def _check_writable(path: Path) -> None:
    """Raise ``ConfigError`` before a test runs, rather than after all."""
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise ConfigError(f"--junit {path} cannot be written: {error.strerror}") from error


testing_options = struct_options("testing", fields_of(TestingOptions), TestingOptions.of)
"""Gives a command the options, which reach it as one value, ``testing``."""
