"""The options of ``resume``: what is done about calls in doubt, and with which script and key the run continues."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from host.cli.arguments import SECONDS
from host.cli.struct_options import fields_of, struct_options
from host.durable.decisions import FOR_ALL, InDoubt
from host.errors import UsageError
from host.option import Option

__all__ = ["ResumeOptions", "resume_options"]


class ResumeOptions(msgspec.Struct, frozen=True):
    """What the options say."""

    in_doubt: Annotated[
        tuple[str, ...],
        Option(
            "--in-doubt",
            "What to do about a change that was sent, has no recorded answer and is not safe to repeat: "
            "CALL=skip, CALL=repeat or CALL=done[:JSON] for each as the message names it; "
            "skip, repeat or ask (the default) for all.",
            "DECISION",
        ),
    ] = ()
    recorded: Annotated[bool, Option("--recorded", "Run the script's text as it was recorded, not its file.")] = False
    force_new: Annotated[
        bool, Option("--force-new", "Start over with new keys: everything done so far is done again.")
    ] = False
    other_key: Annotated[bool, Option("--other-key", "The current key is a new one of the same account.")] = False
    timeout: Annotated[float | None, Option("--timeout", "As for run.", "SECONDS", SECONDS)] = None

    def arguments(self) -> dict[str, Any]:
        """For :meth:`Host.resume`, and for all runs of a batch. Raises ``UsageError``."""
        return {"in_doubt": self.decisions(), "recorded": self.recorded, "other_key": self.other_key}

    def decisions(self) -> InDoubt:
        """The decisions of all ``--in-doubt`` options. Raises ``UsageError``."""
        named: dict[str, str] = {}
        for each in self.in_doubt:
            call, equals, decision = each.partition("=")
            if not equals:
                if len(self.in_doubt) > 1:
                    raise UsageError(
                        f"--in-doubt {each} applies to all calls and cannot be combined; for one call: CALL={each}"
                    )
                if each not in FOR_ALL:
                    raise UsageError(
                        f"--in-doubt is {each!r}; expected ask, skip, repeat, or CALL=skip|repeat|done[:JSON]",
                        hint="CALL is its name in the message, such as 'call 1 of task 1'",
                    )
                return each
            if named.setdefault(call, decision) != decision:
                raise UsageError(f"--in-doubt has two decisions for {call}: {named[call]} and {decision}")
        return named or "ask"


resume_options = struct_options("options", fields_of(ResumeOptions), ResumeOptions)
"""Gives a command the options, which reach it as one value, ``options``."""
