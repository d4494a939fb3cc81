"""The options that say which host a command opens: its settings, its APIs, where its scripts run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from host.cli.policy_options import GRANTING, Granting
from host.cli.struct_options import Field, fields_of, given, struct_options
from host.errors import ConfigError, UsageError
from host.option import Option
from host.settings import Settings

if TYPE_CHECKING:
    from host.config_file import ConfigFile
    from host.events import Sink
    from host.host import Host
    from host.host_arguments import ApiArguments

__all__ = ["HostOptions", "HostPlan", "api_option", "documents", "host_options"]


class HostOptions(msgspec.Struct, frozen=True):
    """What the options say. ``settings`` are fields of ``Settings``; what was not said is not in them."""

    settings: dict[str, Any]
    granting: Granting
    env_file: Annotated[str | None, Option("--env-file", "Read settings from FILE instead of .env.", "FILE")] = None
    apis: Annotated[
        tuple[str, ...],
        Option(
            "--api",
            "Also offer the API of this OpenAPI document to scripts, as NAME.… (repeatable); overlay: a file that "
            "corrects it, "
            "paging: how its lists are paged.",
            "NAME=FILE[;overlay=FILE][;paging=…]",
        ),
    ] = ()
    isolate: Annotated[bool, Option("--isolate", "Run the script's Lua code in a confined process of its own.")] = False

    @classmethod
    def of(cls, env_file: str | None, apis: tuple[str, ...], isolate: bool, **values: Any) -> HostOptions:
        """Of the options' values. The values of a setting that is given several times are joined to one text."""
        granting = Granting.of(**{name: values.pop(name) for name in GRANTING})
        said = {name: "; ".join(v) if isinstance(v, tuple) else v for name, v in given(values).items()}
        return cls(said, granting, env_file, apis, isolate)

    def plan(self) -> HostPlan:
        """What is to be opened, and its settings. Raises ``ConfigError``, ``UsageError``."""
        config, apis = self.granting.over(), documents(self.apis)
        settings = Settings.load(
            env_file=self.env_file,
            overrides=self.settings,
            config=(config.path, config.settings),
            claimed=lambda name: config.claims(name, apis),
        )
        _check_limited(settings, [*apis, *config.apis])
        return HostPlan(self, config, settings, apis)


class HostPlan(msgspec.Struct, frozen=True):
    """A host that is not open yet, whose settings are known, so that what they forbid is refused before it opens."""

    options: HostOptions
    config: ConfigFile
    settings: Settings
    apis: dict[str, ApiArguments]

    @property
    def has_other_apis(self) -> bool:
        """Whether there are APIs other than Stripe's."""
        return bool(self.apis or self.config.apis)

    def open(
        self,
        sinks: Sequence[Sink],
        *,
        simulate: bool,
        processes: int = 1,
        **more: Any,
    ) -> Host:
        """The host; ``more`` are further arguments of its."""
        from host.host import Host as Opened  # Lua, the loop and the client: once it is clear that something will run

        return Opened(
            simulate=simulate,
            env_file=self.options.env_file,
            config=self.config,
            sinks=sinks,
            processes=processes,
            isolation="process" if self.options.isolate else "none",
            apis=self.apis,
            **more,
            **self.options.settings,
        )


def documents(given: tuple[str, ...]) -> dict[str, ApiArguments]:
    """``("petstore=pets.yaml;overlay=mend.yaml",)`` → what ``Host(apis=…)`` takes. Raises ``UsageError``."""
    found: dict[str, ApiArguments] = {}
    for each in given:
        named, *more = each.split(";")
        name, _, file = named.partition("=")
        if not name or not file:
            raise UsageError(f"--api {each}: expected NAME=FILE, such as petstore=petstore.yaml")
        if name in found or name == "stripe":
            raise UsageError(f"--api {each}: the name {name} is taken")
        found[name] = {"document": file}
        overlays: list[str] = []
        for part in more:
            key, _, words = part.strip().partition("=")
            if not words or key not in ("overlay", "paging") or (key == "paging" and "paging" in found[name]):
                raise UsageError(f"--api {each}: expected NAME=FILE;overlay=FILE;paging=WORDS, each of them or none")
            if key == "paging":
                found[name]["paging"] = words
            else:
                overlays.append(words)
                found[name]["overlay"] = overlays
    return found


def _check_limited(settings: Settings, others: Iterable[str]) -> None:
    """Raise ``ConfigError`` for limits of an unknown API, which would have no effect."""
    known = list(dict.fromkeys(["stripe", *others]))
    for name in settings.api_limits:
        if name not in known:
            raise ConfigError(
                f"HOST_API_LIMITS (set by {settings.source('api_limits')}) names the API {name!r}; "
                f"there are {', '.join(known)}"
            )


_FIELDS: dict[str, Field] = {
    **fields_of(HostOptions),
    # An option that is not given has no default here: the environment, .env and host.toml come first.
    **{name: (option, kind, None) for name, (option, kind, _) in fields_of(Settings).items()},
    **GRANTING,
}

host_options = struct_options("opening", _FIELDS, HostOptions.of)
"""Gives a command the options, which reach it as one value, ``opening``."""

api_option = struct_options("apis", {"apis": _FIELDS["apis"]}, lambda apis: apis)
"""Gives a command ``--api`` alone, as ``apis``."""
