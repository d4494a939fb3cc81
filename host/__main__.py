"""``python -m host``: the command line."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from host.cli import main  # inside, so that Ctrl-C while loading ends as quietly as later

        status = main()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
