"""Templates to pages. What is put into one is escaped and masked, and nothing in it acts on what is around it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from host.dashboard.text import clock_time, first_line, iso_time, local_time, seconds, shown_text, visible
from host.policy.redaction import Redactor
from host.secret import Secret

__all__ = ["STYLE", "Rendering"]

STYLE: Final = files("host.dashboard").joinpath("style.css").read_text("utf-8")


class Rendering:
    """Makes the answer of a template. ``secrets`` are masked by their value wherever they stand."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._masked = set(secrets)
        self._redactor = mask = Redactor(self._masked)

        def finalize(value: Any) -> Any:
            """Of markup of ours only the texts in it are masked, each when it was put there."""
            if isinstance(value, int | float) or hasattr(value, "__html__"):
                return value
            return "" if value is None else visible(mask(str(value)))

        self._templates = Environment(
            loader=PackageLoader("host.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            clock_time=clock_time,
            first_line=first_line,
            shown_text=shown_text,
            iso_time=iso_time,
            local_time=local_time,
            seconds=seconds,
        )

    def mask(self, secrets: Iterable[Secret]) -> None:
        """Mask these too from now on."""
        for secret in set(secrets) - self._masked:
            self._masked.add(secret)
            self._redactor.add(secret)

    def __call__(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The page of a template."""
        # UTF-8 has no lone surrogates, which a damaged journal may have.
        text = self._templates.get_template(template).render(values).encode("utf-8", "replace")
        return HTMLResponse(text, status)
