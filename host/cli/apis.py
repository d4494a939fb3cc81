"""``apis``: what an API offers to scripts, as a listing or as types for an editor."""

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
    from host.apis.descriptions import Descriptions
    from host.host_arguments import ApiArguments

__all__ = ["command"]


@click.command(
    name="apis",
    cls=StrictCommand,
    epilog="""\b
Examples:
  python -m host apis                       the APIs, and Stripe's resources
  python -m host apis stripe prices         one resource: operations, parameters, builders
  python -m host apis stripe prices.create recurring
                                            one parameter: all its members and values
  python -m host apis --search "cancel subscription"
  python -m host apis --api pets=pets.yaml pets
  python -m host apis --stubs types         types for editors with the Lua language server
""",
)
@click.argument("name", required=False)
@click.argument("resource", required=False)
@click.argument("param", required=False)
@api_option
@click.option("--config", metavar="FILE", help="Read FILE instead of host.toml in the current folder.")
@click.option("--search", metavar="WORDS", help="Find operations and parameters by names and descriptions.")
@click.option("--stubs", metavar="DIR", help="Write LuaCATS types of all APIs to this folder.")
@click.option("--debug", is_flag=True, help="Show Python tracebacks.")
def command(
    name: str | None,
    resource: str | None,
    param: str | None,
    apis: tuple[str, ...],
    config: str | None,
    search: str | None,
    stubs: str | None,
    debug: bool,
) -> int:
    """List the APIs, the resources of API NAME, the operations of one RESOURCE, or all of one PARAM of an operation."""
    files: dict[str, ApiArguments] = {
        api: {"document": entry.document, "overlay": entry.overlay or None, "paging": entry.paging}
        for api, entry in read_config(config).apis.items()
    }
    files.update(documents(apis))
    catalogs = _catalogs(files)
    if name is not None and name not in catalogs:
        raise UsageError(f"there is no API {name!r}, only {', '.join(catalogs)} (add one with --api)")
    if stubs is not None:
        return _write_stubs(Path(stubs), catalogs, files)
    from host.apis.reference import api_lines, overview_lines, resource_lines

    if search is not None:
        from host.apis.reference_search import search_lines

        wanted = catalogs if name is None else {name: catalogs[name]}
        lines = search_lines(search, [(each, _texts(each, files)) for each in wanted.values()])
    elif name is None:
        lines = overview_lines(catalogs.values())
    elif resource is None:
        lines = api_lines(catalogs[name])
    elif param is None:
        lines = resource_lines(catalogs[name], _below(catalogs[name], resource), _texts(catalogs[name], files))
    else:
        lines = _param_lines(catalogs[name], _below(catalogs[name], resource), param, files)
    click.echo("\n".join(lines))
    return 0


def _below(catalog: Catalog, resource: str) -> str:
    """A resource or operation without the API's name before it, unless the API has one of that whole name."""
    ids = catalog.operation_ids()
    if resource in ids or any(id.startswith(f"{resource}.") for id in ids):
        return resource
    return resource.removeprefix(f"{catalog.name}.")


def _param_lines(catalog: Catalog, name: str, param: str, files: dict[str, ApiArguments]) -> list[str]:
    from host.apis.parameter_reference import parameter_lines
    from host.apis.reference import operation_named

    return parameter_lines(catalog, operation_named(catalog, name), param, _texts(catalog, files))


def _texts(catalog: Catalog, files: dict[str, ApiArguments]) -> Descriptions:
    """The descriptions in an API's document; Stripe's are not kept."""
    from host.apis.cache import descriptions_of
    from host.apis.descriptions import Descriptions

    given = files.get(catalog.name)
    if given is None:
        return Descriptions()
    return descriptions_of(str(given["document"]), catalog, overlay=given.get("overlay"))


def _catalogs(files: dict[str, ApiArguments]) -> dict[str, Catalog]:
    from host.apis.cache import catalog_of
    from host.apis.paging_words import with_paging
    from host.apis.stripe import load

    found = {"stripe": load()}
    for name, file in files.items():
        catalog = catalog_of(file["document"], name, overlay=file.get("overlay"))
        paging = file.get("paging")
        found[name] = catalog if paging is None else with_paging(catalog, paging)
    return found


def _write_stubs(folder: Path, catalogs: dict[str, Catalog], files: dict[str, ApiArguments]) -> int:
    from host.apis.stubs import write_stubs
    from host.libraries.builtin import library_types

    for path in write_stubs(folder, [(each, _texts(each, files)) for each in catalogs.values()], library_types()):
        click.echo(path)
    return 0
