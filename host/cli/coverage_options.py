"""The options of ``test`` for the coverage of Lua files."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from host.errors import UsageError
from host.testing.coverage import Coverage
from host.testing.coverage_reports import CoverageForm, coverage_form, report_coverage

__all__ = ["Covering", "coverage_options"]


class _Form(click.ParamType[CoverageForm]):
    name = "form"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> CoverageForm:
        try:
            return coverage_form(str(value))
        except UsageError as error:
            self.fail(error.message, param, ctx)


class Covering:
    """What the options say. ``coverage`` is a sink for the tests' hosts, ``None`` where it is not asked for."""

    def __init__(self, forms: tuple[CoverageForm, ...], sources: tuple[str, ...], least: float | None) -> None:
        asked = bool(forms or sources) or least is not None
        self.coverage = Coverage(sources) if asked else None
        self._forms = forms or (CoverageForm("text"),)
        self._least = least

    @property
    def sinks(self) -> tuple[Coverage, ...]:
        """What the tests' hosts are to measure."""
        return () if self.coverage is None else (self.coverage,)

    def report(self) -> bool:
        """Write and print the reports asked for; returns whether enough lines were reached."""
        if self.coverage is None:
            return True
        text, enough = report_coverage(self.coverage, self._forms, self._least)
        click.echo(f"\n{text}")
        return enough


def coverage_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options, which reach it as one value, ``covering``."""

    @click.option(
        "--coverage",
        "forms",
        is_flag=False,
        flag_value="text",
        multiple=True,
        type=_Form(),
        metavar="[FORM]",
        help="Report which lines of Lua files the tests reached: text (a table), lcov:FILE, html:FOLDER. Repeatable.",
    )
    @click.option(
        "--coverage-source",
        "sources",
        multiple=True,
        metavar="PATH",
        help="Report on the Lua files in PATH and no others, including those that no test loads. Repeatable.",
    )
    @click.option(
        "--coverage-fail-under",
        "least",
        type=click.FloatRange(0, 100),
        metavar="PERCENT",
        help="Fail if a smaller percentage of lines was reached.",
    )
    @functools.wraps(command)
    def gathered(
        *args: Any, forms: tuple[CoverageForm, ...], sources: tuple[str, ...], least: float | None, **rest: Any
    ) -> Any:
        return command(*args, covering=Covering(forms, sources, least), **rest)

    return gathered
