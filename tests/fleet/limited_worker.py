"""A process with a host whose limits are the fleet's: options as JSON in, a line out for each step.

``{"host": {…}, "scripts": […], "again": […]}``: the scripts run at once; then, when a line comes, those of ``again``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from host import Host


def run(host: Host, scripts: list[str]) -> None:
    for result in host.run_many([{"code": code} for code in scripts], concurrency=100):
        error = result.error
        say({"value": result.value, "error": None if error is None else str(error), "kind": error and error.kind})


def say(what: Any) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    told = json.loads(sys.argv[1])
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
