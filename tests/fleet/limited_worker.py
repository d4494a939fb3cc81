"""A process with a host whose limits are the fleet's: options as JSON in, a line out for each step.

``{"host": {…}, "scripts": […], "again": […], "longest": SECONDS}``: the scripts run at once; then, when a line comes,
those of ``again``. ``longest``: the lease of permits is as if no request took longer, whatever the host waits for one.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from host import Host
from host.fleet import permits


def run(host: Host, scripts: list[str]) -> None:
    for result in host.run_many([{"code": code} for code in scripts], concurrency=100):
        error = result.error
        say({"value": result.value, "error": None if error is None else str(error), "kind": error and error.kind})


def say(what: Any) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    told = json.loads(sys.argv[1])
    if told.get("longest"):
        made, longest = permits.FleetLimits, told["longest"]
        permits.FleetLimits = lambda *args, **options: made(*args, **{**options, "longest": longest})  # type: ignore
    with Host(**told["host"]) as host:
        host.fleet_worker()  # from now on its limits are the fleet's
        say("ready")
        sys.stdin.readline()
        run(host, told["scripts"])
        say("ran")
        if told.get("again"):
            sys.stdin.readline()
            run(host, told["again"])
            say("ran")


if __name__ == "__main__":
    main()
