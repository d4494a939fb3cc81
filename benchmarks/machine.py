"""What the figures were taken on, without the names of hosts, users or folders."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata


def describe() -> dict[str, object]:
    """CPU model, cores, memory, system, versions and how busy the machine was before the first run."""
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "python": f"{platform.python_implementation()} {python_version()}",
        "packages": {name: version(name) for name in ("luahost", "lupa", "httpx", "uvloop")},
        "load_before": round(os.getloadavg()[0], 2),
    }


def python_version() -> str:
    """With who compiled it and when: how much a Python was optimised makes a tenth of a figure, and is told nowhere."""
    _, compiled = platform.python_build()
    return f"{platform.python_version()} (compiled {compiled}, {platform.python_compiler()})"


def cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or sys.platform


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
