"""The modules of a script: files beside it that ``require`` finds, and nothing elsewhere."""

from __future__ import annotations

from pathlib import Path

from host.errors import DeniedError, InvalidCall
from host.run.script import Script, without_shebang

__all__ = ["module_file", "module_path", "module_source"]

MAX_NAME = 200  # characters of a module's name
MAX_PATH = 4096  # characters of package.path
DEFAULT_PATH = "./?.lua;./?/init.lua"
MAX_MODULE = 16 << 20


def module_file(script: Script, name: bytes, templates: bytes | None) -> Path:
    """The file of a module: beside the script, never elsewhere, links resolved. ``templates``: ``package.path``."""
    text = name.decode("utf-8", "replace")
    folder = script.folder
    if folder is None:
        from host.run.missing_names import hint_for_module  # a large table, for this error alone

        raise DeniedError(
            f"require('{text}'): this script is not a file, so there are no files beside it",
            hint=hint_for_module(text),
        )
    if len(text) > MAX_NAME:
        raise InvalidCall(f"require: a module's name of {len(text):,} characters; expected at most {MAX_NAME}")
    steps = text.removesuffix(".lua").replace("/", ".").split(".")
    if not text or any(not step or step in ("..",) or "\\" in step or "\0" in step for step in steps):
        raise InvalidCall(f"require('{text}'): expected a module's name such as 'lib.prices'")
    root = folder.resolve()
    search = DEFAULT_PATH if templates is None else templates.decode("utf-8", "replace")
    tried = _candidates("/".join(steps), search)
    for candidate in (root / each for each in tried):
        try:
            path = candidate.resolve()
            is_file = path.is_file()
        except (OSError, RuntimeError) as error:  # a name too long for the system, links in a circle
            raise InvalidCall(f"require('{text}'): {getattr(error, 'strerror', None) or 'no such file'}") from None
        if not path.is_relative_to(root):
            raise DeniedError(f"require('{text}'): the file is outside the script's folder")
        if is_file:
            return path
    from host.run.missing_names import hint_for_module  # a large table, for this error alone

    expected = f"no {tried[0] if tried else '/'.join(steps) + '.lua'} beside the script"
    raise InvalidCall(f"module '{text}' not found: there is {expected}", hint=hint_for_module(text))


def module_source(script: Script, name: bytes, templates: bytes | None) -> bytes:
    """The text of a module, without a first line that begins with ``#!``. Raises ``CallError``."""
    path = module_file(script, name, templates)
    try:
        with path.open("rb") as file:
            source = file.read(MAX_MODULE + 1)
    except OSError as error:
        raise InvalidCall(f"require('{name.decode()}'): {error.strerror}") from None
    if len(source) > MAX_MODULE:
        raise InvalidCall(f"require('{name.decode()}'): the file is over {MAX_MODULE >> 20} MB")
    return without_shebang(source)


def module_path(script: Script, name: bytes, templates: bytes | None) -> bytes:
    """The path of a module's file as messages have it. Raises ``CallError``."""
    path = module_file(script, name, templates)
    folder = script.folder
    assert folder is not None
    return str(folder / path.relative_to(folder.resolve())).encode()


def _candidates(name: str, templates: str) -> list[str]:
    """The files that may be a module's, below the script's folder: ``name`` in the place of each ``?``."""
    if len(templates) > MAX_PATH:
        raise InvalidCall(f"package.path has {len(templates):,} characters; expected at most {MAX_PATH:,}")
    found = []
    for template in templates.split(";"):
        path = template.replace("?", name)
        while path.startswith("./"):
            path = path[2:]
        steps = path.split("/")
        # What leads elsewhere is passed over, as a folder that is not there is.
        leads_out = any(step in ("", "..") or "\\" in step or "\0" in step for step in steps)
        if path and len(path) <= MAX_PATH and not leads_out:
            found.append(path)
    return found
