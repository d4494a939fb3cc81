"""What PostgreSQL takes of a fleet: the statements of so many runs a second, without the workers.

    python -m benchmarks.fleet_load [--measured 29] [--machines 100] [--seconds 20]

pgbench does the statements of a run of five calls as a worker does them (submitted, claimed, begun, five changes
recorded and answered, ended), by the very texts the fleet uses, at the rate that was measured (``--measured``), at ten
times that, and as fast as the server can; beside it the upkeep of so many machines. Each run's statements are committed
by themselves here, while a worker commits those of its runs together: the database has it harder than in truth. The
server is a new one on this machine, synced to the disk, and shares its processors with pgbench.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.databases import CountingDatabase
from host.durable.database_url import open_database
from host.durable.journal_writer import CANCELLED, INSERT_RECORD, RELEASE
from host.fleet.claims import _CLAIM, _END
from host.fleet.database import FleetDatabase
from host.fleet.lost_jobs import _RESCUE
from host.fleet.permit_tables import RENEW, make_permit_tables
from host.fleet.submission import _SUBMIT

BACKLOG = 2000  # runs that wait all the time: an empty queue would flatter
TEXT = "'" + "x" * 1000 + "'"  # of the script
DATA = "'\\x" + "ab" * 300 + "'::bytea"  # what is recorded of a call and its answer


def filled(statement: str, values: dict[str, str]) -> str:
    """A statement of psycopg's or SQLAlchemy's with SQL in place of its parameters, on one line."""
    text = re.sub(r"%\((\w+)\)s", lambda found: values[found[1]], statement)
    text = re.sub(r"(?<!:):([a-z_]+)\b", lambda found: values.get(found[1], found[0]), text)
    return " ".join(text.replace("%%", "%").split()) + ";"


def submit(run: str) -> str:
    return filled(
        _SUBMIT,
        {
            "hashes": "ARRAY[]::text[]", "texts": "ARRAY[]::bytea[]", "need": "'n'", "needs": "'{}'", "batch": "NULL",
            "queue": "'default'", "priority": "0", "script": "'script.lua'", "text": "'hash'", "modules": "'{}'",
            "options": "'{}'", "dedup": "NULL", "schedule": "NULL", "traceparent": "NULL", "ids": f"ARRAY[{run}]",
            "args": "ARRAY['\\x90'::bytea]", "globals": "ARRAY['\\x80'::bytea]", "dues": "ARRAY[NULL]::float8[]",
        },
    )  # fmt: skip


def record(seq: int, kind: str) -> str:
    return filled(
        INSERT_RECORD,
        {
            "run": ":c_run", "seq": str(seq), "kind": f"'{kind}'", "path": "'1'", "n": str(seq), "at": "0",
            "name": "'stripe.products.create'", "line": "1", "digest": f"'{'d' * 32}'", "data": DATA,
        },
    )  # fmt: skip


def a_run(number: str) -> str:
    """The statements of one run as a script of pgbench."""
    begin = (
        "INSERT INTO luahost_run (id, script, source, args, globals, base, mode, account, generation, status, created, "
        f"updated, owner, lease, printed, calls, value) VALUES (:c_run, 'script.lua', {TEXT}::bytea, '\\x90', '\\x80', "
        f"'stripe', 'test', '{'a' * 16}', 1, 'running', 0, 0, 'w', 9e9, 0, 0, '\\x');"
    )
    end = "UPDATE luahost_run SET status = 'done', updated = 1, calls = 5, value = '\\x01' WHERE id = :c_run;"
    ending = {
        "id": ":c_run", "job": ":c_job::bigint", "status": "'done'", "error": "NULL",
        "value": "'\\x01'::bytea", "exit_status": "NULL::int", "calls": "5", "seconds": "0.1", "simulated": "false",
        "owner": "'w'",
    }  # fmt: skip
    lines = [
        f"\\set number {number}",
        submit("'run' || :number::bigint"),
        filled(_CLAIM, {"queues": "ARRAY['default#n']", "number": "1", "name": "'w'"}).removesuffix(";"),
        "\\gset c_",
        "BEGIN;", begin, record(1, "sent"), "COMMIT;",
    ]  # fmt: skip
    for n in range(1, 5):
        lines += ["BEGIN;", record(2 * n, "answer"), record(2 * n + 1, "sent"), "COMMIT;"]
    lines += ["BEGIN;", record(10, "answer"), end, filled(_END, ending), filled(RELEASE, ending), "COMMIT;"]
    return "\n".join(lines) + "\n"


UPKEEP = "\n".join(
    [
        filled(_RESCUE, {"cancelled_only": "false"}),
        "SELECT 1 FROM luahost_schedule WHERE next <= now() LIMIT 1;",
        "SELECT id FROM luahost_job WHERE worker = 'w' AND status = 'running' AND cancel;",
        filled(CANCELLED, {"owner": "'w'"}),
        "SELECT id, needs FROM luahost_need WHERE NOT id = ANY(ARRAY['n']);",
        filled(RENEW, {"member": "'w'", "lease": "30"}),
    ]
)  # what each worker does each second


def prepare(database: CountingDatabase) -> None:
    """The tables as the fleet makes them, a worker and a backlog."""
    open_database(database.url).close()
    FleetDatabase(database.url).close()
    import psycopg

    with psycopg.connect(database.url, autocommit=True) as connection:
        make_permit_tables(connection)
        connection.execute("INSERT INTO luahost_need (id, needs) VALUES ('n', '{}')")
        connection.execute("INSERT INTO luahost_permit_member VALUES ('w', now() + interval '1 day')")
        connection.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 day')")
        many = f"ARRAY(SELECT 'backlog' || n FROM generate_series(1, {BACKLOG}) n)"
        text = submit("'x'").replace("ARRAY['x']", many)
        for name in ("'\\x90'::bytea", "'\\x80'::bytea"):
            text = text.replace(f"ARRAY[{name}]", f"array_fill({name}, ARRAY[{BACKLOG}])")
        text = text.replace("ARRAY[NULL]::float8[]", f"array_fill(NULL::float8, ARRAY[{BACKLOG}])")
        connection.execute(text)


class Bench:
    """pgbench on one database."""

    def __init__(self, database: CountingDatabase, folder: Path, seconds: int) -> None:
        self._database = database
        self._folder = folder
        self._seconds = seconds

    def command(self, script: str, clients: int, rate: float | None) -> list[str]:
        options = ["-n", "-M", "prepared", "-T", str(self._seconds), "-c", str(clients), "-j", "1", "-f", script]
        place = ["-h", "127.0.0.1", "-p", str(self._database.port), "-U", "fleet", "postgres"]
        return [
            str(self._database.binaries / "pgbench"),
            *options,
            *([] if rate is None else ["-R", f"{rate:g}"]),
            *place,
        ]

    def run(self, rate: float | None, machines: int, clients: int) -> dict[str, Any]:
        """The runs at that rate, with the upkeep of so many machines; what came of it."""
        self._database.do("CHECKPOINT")
        self._database.forget_counts()
        size = self._database.do("SELECT pg_database_size(current_database())")[0][0]
        before = self._database.cpu()
        upkeep = subprocess.Popen(
            self.command(str(self._folder / "upkeep.sql"), 10, float(machines)),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
        done = subprocess.run(
            self.command(str(self._folder / "run.sql"), clients, rate),
            capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
        upkeep.wait()
        if done.returncode != 0 or "failed transactions: 0" not in done.stdout:
            raise SystemExit(done.stdout + done.stderr)
        statements, _, wal = self._database.counts()
        grown = self._database.do("SELECT pg_database_size(current_database())")[0][0] - size
        runs = int(_number(done.stdout, r"actually processed: (\d+)"))
        return {
            "rate": runs / self._seconds,
            "latency": _number(done.stdout, r"latency average = ([\d.]+)"),
            "statements": statements / self._seconds,
            "wal": wal / self._seconds / 1e6,
            "cpu": (self._database.cpu() - before) / self._seconds,
            "grown": grown / max(1, runs) / 1024,
        }


def _number(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--measured", type=float, default=29.0, help="runs a second that were measured")
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=20, help="connections that do runs")
    options = parser.parse_args()
    heads = ("runs/s", 8), ("ms a run", 9), ("statements/s", 13), ("WAL MB/s", 9), ("cores", 6), ("KB kept a run", 14)
    print(f"{'asked':>10} " + " ".join(f"{head:>{width}}" for head, width in heads))
    with CountingDatabase() as database, tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "run.sql").write_text(a_run("random(1, 1000000000000000)"), encoding="utf-8")
        (folder / "upkeep.sql").write_text(UPKEEP, encoding="utf-8")
        prepare(database)
        bench = Bench(database, folder, options.seconds)
        for name, rate in (("upkeep", 1.0), ("1 x", options.measured), ("10 x", 10 * options.measured), ("most", None)):
            found = bench.run(rate, options.machines, options.clients)
            print(
                f"{name:>10} {found['rate']:8.0f} {found['latency']:9.1f} {found['statements']:13.0f} "
                f"{found['wal']:9.2f} {found['cpu']:6.2f} {found['grown']:14.1f}"
            )


if __name__ == "__main__":
    main()
