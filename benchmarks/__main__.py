"""``python -m benchmarks``: measures this project and its peers in turns, prints a table, keeps the JSON."""

from __future__ import annotations

import argparse
import datetime
import json
import re
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks import contestants, machine, table
from benchmarks.goals import goals
from benchmarks.scenarios import Scenario, hold, scenarios
from benchmarks.servers import Server

RESULTS = Path(__file__).parent / "results"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less work, one round: to see that all runs")
    parser.add_argument("--only", action="append", metavar="NAME", help="this scenario only (repeatable)")
    parser.add_argument("--rounds", type=int, metavar="N", help="how many runs each, instead of the usual")
    parser.add_argument("--peers", metavar="A,B", help="these peers only; `none` for this project alone")
    parser.add_argument("--no-install", action="store_true", help="fetch no packages for peers")
    parser.add_argument("--list", action="store_true", help="name the scenarios and the peers, then end")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the JSON goes")
    return parser.parse_args()


def chosen(given: argparse.Namespace) -> list[Scenario]:
    known = scenarios(quick=given.quick, rounds=given.rounds)
    names = [scenario.name for scenario in known]
    for name in given.only or ():
        if name not in names:
            raise SystemExit(f"no scenario is called {name!r}; there are {', '.join(names)}")
    return [scenario for scenario in known if not given.only or scenario.name in given.only]


def peers(given: argparse.Namespace) -> contestants.Field:
    if given.peers == "none":
        return contestants.Field((), ())
    field = contestants.gather(install=not given.no_install)
    if given.peers is None:
        return field
    wanted = given.peers.split(",")
    names = [peer.name for peer in field.peers]
    for name in wanted:
        if name not in names:
            raise SystemExit(f"no peer is called {name!r}; there are {', '.join(names)}")
    return contestants.Field(tuple(p for p in field.peers if p.name in wanted), field.versions)


def main() -> None:
    given = arguments()
    todo = chosen(given)
    field = peers(given)
    if given.list:
        for scenario in todo:
            print(f"{scenario.name:15}{scenario.title}")
        for peer in field.peers:
            print(f"{peer.name:25}{peer.missing or 'here'}")
        return
    about = machine.describe()
    outcomes = []
    with ExitStack() as stack:
        delays = {scenario.delay_ms for scenario in todo}
        servers = {delay: stack.enter_context(Server(delay)) for delay in sorted(delays)}
        about["server"] = next(iter(servers.values())).kind
        for scenario in todo:
            outcome = hold(scenario, field.peers, servers[scenario.delay_ms], progress)
            progress("")
            print(*table.lines(outcome), "", sep="\n", flush=True)
            outcomes.append(outcome)
    held = {scenario.name for scenario in todo}
    judged = [goal for goal in goals(table.medians(outcomes)) if goal.scenario in held]
    print(*table.goal_lines(judged), sep="\n")
    record = {"machine": about, "peers": field.versions, "quick": given.quick}
    now = datetime.datetime.now(datetime.UTC)
    output = given.output or RESULTS / f"{now:%Y-%m-%d-%H%M}-{slug(str(about['cpu']))}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    kept = {"taken": f"{now:%Y-%m-%dT%H:%MZ}", **record, **table.record(outcomes, judged)}
    output.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nkept in {output.name}")


def progress(line: str) -> None:
    """On a terminal one line that changes, elsewhere nothing: the tables come as they are done."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


if __name__ == "__main__":
    main()
