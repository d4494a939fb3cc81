"""The program of the zygote's process, run by path: ``python -I -S boot.py FOLDERS CONFIG``.

It knows no site-packages, no environment and no current folder: FOLDERS is where to import from, the package
``host`` itself last. ``host/__init__.py`` is not run: what it imports (settings, clients) does not belong
here.
"""

from __future__ import annotations

import os
import sys
import types

if __name__ == "__main__":
    *folders, package = sys.argv[1].split(os.pathsep)
    sys.path[:0] = folders
    bare = types.ModuleType("host")
    bare.__path__ = [package]
    sys.modules["host"] = bare

    from host.isolation.zygote import run

    run(sys.argv[2].encode(), lambda: os._exit(0))
