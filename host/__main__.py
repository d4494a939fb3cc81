"""``python -m host``: the command line."""

from __future__ import annotations

import os

if __name__ == "__main__":
    try:
        from host.cli import process  # inside, so that Ctrl-C while loading ends as quietly as later
    except KeyboardInterrupt:
        os._exit(130)
    process()
