"""``apis``: what scripts can say to an API, as a listing or as types for an editor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli.strict import StrictCommand
from host.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from host.apis.catalog import Catalog
    from host.settings import Settings

__all__ = ["api_limits_option", "api_option", "check_limited", "command", "documents"]


def documents(given: tuple[str, ...]) -> dict[str, str | dict[str, str]]:
    """``("petstore=pets.yaml",)`` → names and files, or with ``;paging=…`` behind it what ``add_api`` takes.

    Raises ``UsageError``.
    """
    found: dict[str, str | dict[str, str]] = {}
    for each in given:
        named, *more = each.split(";")
        name, _, file = named.partition("=")
        if not name or not file:
            raise UsageError(f"--api {each}: expected NAME=FILE, such as petstore=petstore.yaml")
        if name in found or name == "stripe":
            raise UsageError(f"--api {each}: the name {name} is taken")
        found[name] = file
        for part in more:
            key, _, words = part.strip().partition("=")
            if key != "paging" or not words or isinstance(found[name], dict):
                raise UsageError(f"--api {each}: expected NAME=FILE;paging=WORDS, such as paging=offset skip")
            found[name] = {"document": file, "paging": words}
    return found


api_option = click.option(
    "--api",
    "apis",
    metavar="NAME=FILE[;paging=…]",
    multiple=True,
    help="Also offer the API of this OpenAPI document, as NAME.… (repeatable); paging: how its lists go on.",
)

api_limits_option = click.option(
    "--api-limits",
    metavar="NAME:rate=N,…",
    multiple=True,
    callback=lambda _, __, given: "; ".join(given) or None,
    help="How an API is called: rate (a second), burst, in_flight, retries (repeatable).",
)


def check_limited(settings: Settings, others: Iterable[str]) -> None:
    """Raise ``ConfigError`` for limits of an API that is not there, which would hold for nothing."""
    known = list(dict.fromkeys(["stripe", *others]))
    for name in settings.api_limits:
        if name not in known:
            raise ConfigError(
                f"HOST_API_LIMITS (set by {settings.source('api_limits')}) names the API {name!r}; "
                f"there are {', '.join(known)}"
            )


@click.command(
    name="apis",
    cls=StrictCommand,
    epilog="""\b
Examples:
  python -m host apis                       the APIs, and Stripe's resources
  python -m host apis stripe prices         one resource: operations, parameters, builders
  python -m host apis --api pets=pets.yaml pets
  python -m host apis --stubs types         types for editors with the Lua language server
""",
)
@click.argument("name", required=False)
@click.argument("resource", required=False)
@api_option
@click.option("--config", metavar="FILE", help="Read FILE instead of the host.toml of this folder.")
@click.option("--stubs", metavar="DIR", help="Write LuaCATS types of all APIs to this folder.")
@click.option("--debug", is_flag=True, help="Show Python tracebacks.")
def command(
    name: str | None,
    resource: str | None,
    apis: tuple[str, ...],
    config: str | None,
    stubs: str | None,
    debug: bool,
) -> int:
    """List the APIs, the resources of API NAME, or the operations of one RESOURCE."""
    from host.config_file import read_config

    entries = read_config(config).apis.items()
    files = {api: {"document": entry.document, "paging": entry.paging} for api, entry in entries}
    catalogs = _catalogs({**files, **documents(apis)})
    if stubs is not None:
        return _write_stubs(Path(stubs), catalogs)
    from host.apis.reference import api_lines, overview_lines, resource_lines

    if name is None:
        lines = overview_lines(catalogs.values())
    elif name not in catalogs:
        raise UsageError(f"there is no API {name!r}; there are {', '.join(catalogs)} (add one with --api)")
    elif resource is None:
        lines = api_lines(catalogs[name])
    else:
        lines = resource_lines(catalogs[name], resource.removeprefix(f"{name}."))
    click.echo("\n".join(lines))
    return 0


def _catalogs(files: Mapping[str, str | Mapping[str, Any]]) -> dict[str, Catalog]:
    from host.apis.cache import catalog_of  # run takes its option from this file: it must not wait for these
    from host.apis.paging_words import with_paging
    from host.apis.stripe import load

    found = {"stripe": load()}
    for name, file in files.items():
        given: Mapping[str, Any] = {"document": file} if isinstance(file, str) else file
        catalog = catalog_of(given["document"], name)
        found[name] = catalog if given.get("paging") is None else with_paging(catalog, given["paging"])
    return found


def _write_stubs(folder: Path, catalogs: dict[str, Catalog]) -> int:
    from host.apis.stubs import write_stubs

    for path in write_stubs(folder, catalogs.values()):
        click.echo(path)
    return 0
