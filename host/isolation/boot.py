"""The program of the zygote's process, run by path: ``python -I -S boot.py FOLDERS CONFIG``.

The process has no site-packages and no environment. FOLDERS are the folders to import from, and last the package
``host`` itself. ``host/__init__.py`` is not run, since the modules it imports (settings, clients) must not be in this
process.
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
