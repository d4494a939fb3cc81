"""Pages opened in a browser: Debian's ``chromium``, headless, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)")


def _run(page: Path, *options: str, fragment: str = "", url: str | None = None) -> str:
    assert CHROMIUM is not None
    own = page.parent / "browser"
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--enable-logging=stderr", f"--user-data-dir={own}", *options,
        f"{url or page.as_uri()}{fragment}",
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(page.parent)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    errors = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert errors == [], "the page wrote to its console, as refusals of its policy and errors do"
    return done.stdout


def dom_of(page: Path, fragment: str = "", *, url: str | None = None) -> str:
    """The page's elements as markup, once its program has run. Nothing may be on its console.

    ``page`` is a file, or one beside which the browser may keep its own while it opens ``url``.
    """
    return _run(page, "--dump-dom", fragment=fragment, url=url)


def screenshot(
    page: Path, picture: Path, size: tuple[int, int], fragment: str = "", *, dark: bool = False, url: str | None = None
) -> None:
    """What it looks like."""
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    width, height = size
    _run(page, *scheme, f"--window-size={width},{height}", f"--screenshot={picture}", fragment=fragment, url=url)
