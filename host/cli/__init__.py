"""The command line: one file per command, loaded on demand.

The one place that prints and exits. Everything below it raises; :func:`main` turns what was raised into
text on stderr and an exit code.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

__all__ = ["main", "process"]

INTERRUPTED = 130  # 128 + SIGINT, as shells count


def process() -> NoReturn:
    """The process is this command line: run it and end. Everything is closed and flushed by then, so the
    interpreter's own taking apart, tens of milliseconds, is left out."""
    # What a run leaves is freed by counting. Looking for cycles took a twentieth of a long run, and of a short one's
    # start too, where all there is was just loaded and stays.
    gc.set_threshold(250_000, 20, 50)
    try:
        status = main()
    except KeyboardInterrupt:
        status = INTERRUPTED
    os._exit(status)  # stdout was flushed by main, stderr is written line by line


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: that of the process) and return its exit code.

    Exits the process itself only if a script's thread cannot be ended in any other way.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_missing_streams()
    try:
        with _telling_warnings():
            status = _dispatch(arguments)
    except KeyboardInterrupt:
        _say("interrupted")
        status = INTERRUPTED
    except SystemExit as error:  # click's own way out when the reader of its help has left
        status = error.code if isinstance(error.code, int) else 1
    return _flush(status)


def _dispatch(arguments: list[str]) -> int:
    import click  # here, so that a caller who only wants main's name does not pay for it

    from host.cli.commands import commands
    from host.cli.interrupt import Stuck
    from host.errors import HostError

    debug = "--debug" in arguments
    try:
        status = commands.main(arguments, prog_name=_program(), standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        return error.exit_code if isinstance(error, click.UsageError) else 2
    except HostError as error:
        if debug:
            _traceback()
        from host.report.errors import describe

        _say(describe(error))
        return error.exit_code
    except Stuck as error:
        _say(str(error))
        os._exit(error.exit_code)
    except OSError as error:
        if not _raised_in(click.echo, error):
            return _internal(error, debug)
        _say(f"stdout cannot be written: {error.strerror}")
        return 1
    except Exception as error:
        return _internal(error, debug)


def _internal(error: Exception, debug: bool) -> int:
    if debug:
        _traceback()
    _say(f"internal error: {type(error).__name__}: {error}\nhint: --debug shows where; please report it")
    return 1


def _raised_in(function: Any, error: BaseException) -> bool:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and at.tb_frame.f_code is function.__code__


@contextmanager
def _telling_warnings() -> Iterator[None]:
    """Warnings about settings on stderr, each once, whatever Python does with other warnings."""
    from host.errors import SettingsWarning

    shown: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", SettingsWarning)
        otherwise = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *more: Any) -> None:
            if not issubclass(category, SettingsWarning):
                otherwise(message, category, *more)
            elif str(message) not in shown:
                shown.add(str(message))
                _say(f"warning: {message}")

        warnings.showwarning = show  # type: ignore[assignment]  # the rest of its arguments goes on as it came
        yield


def _open_missing_streams() -> None:
    """A process may be started without stdout or stderr (``>&-``); then Python has None in their place."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - stays open as long as the process


def _program() -> str:
    return "python -m host" if os.path.basename(sys.argv[0]) == "__main__.py" else "luahost"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _traceback() -> None:
    import traceback

    traceback.print_exc()


def _flush(status: int) -> int:
    """Write out what is left. What cannot be written is discarded, so that the interpreter's own flush at
    exit does not complain once more."""
    try:
        sys.stdout.flush()
    except OSError as error:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
        if status == 0:
            _say(f"stdout cannot be written: {error.strerror}")
            return 1
    return status
