"""``apis``: what scripts can say to an API, as a listing or as types for an editor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli.host_options import api_option, documents
from host.cli.strict import StrictCommand
from host.config_file import read_config
from host.errors import UsageError

if TYPE_CHECKING:
    from host.apis.catalog import Catalog
    from host.host_arguments import ApiArguments

__all__ = ["command"]


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
    files: dict[str, ApiArguments] = {
        api: {"document": entry.document, "overlay": entry.overlay or None}
        for api, entry in read_config(config).apis.items()
    }
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


def _catalogs(files: dict[str, ApiArguments]) -> dict[str, Catalog]:
    from host.apis.cache import catalog_of
    from host.apis.stripe import load

    found = {"stripe": load()}
    for name, file in files.items():
        found[name] = catalog_of(file["document"], name, overlay=file.get("overlay"))
    return found


def _write_stubs(folder: Path, catalogs: dict[str, Catalog]) -> int:
    from host.apis.stubs import write_stubs
    from host.libraries.builtin import library_types

    for path in write_stubs(folder, catalogs.values(), library_types()):
        click.echo(path)
    return 0
