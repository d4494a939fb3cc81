"""The tables of the fleet's limits, and the statements on them.

All times are of the database's clock, ``clock_timestamp()``, so that no worker's own clock affects the leases.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["CHANNEL", "TABLES", "make_permit_tables"]

CHANNEL: Final = "luahost_permits"  # of NOTIFY

TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS luahost_permit_member (
        id TEXT PRIMARY KEY,
        expires TIMESTAMPTZ NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS luahost_permit (
        pool TEXT NOT NULL,
        member TEXT NOT NULL REFERENCES luahost_permit_member ON DELETE CASCADE,
        held INTEGER NOT NULL,
        wanted INTEGER NOT NULL,
        turn INTEGER NOT NULL,
        hard INTEGER NOT NULL,
        soft INTEGER NOT NULL,
        PRIMARY KEY (pool, member))""",
    """CREATE TABLE IF NOT EXISTS luahost_rate (
        name TEXT PRIMARY KEY,
        share DOUBLE PRECISION NOT NULL DEFAULT 1,
        not_before TIMESTAMPTZ NOT NULL DEFAULT '-infinity')""",
    """CREATE TABLE IF NOT EXISTS luahost_breaker (
        host TEXT PRIMARY KEY,
        failures INTEGER NOT NULL,
        open_until TIMESTAMPTZ,
        pause DOUBLE PRECISION NOT NULL,
        reason TEXT NOT NULL,
        probe TEXT,
        probe_until TIMESTAMPTZ)""",
    """CREATE TABLE IF NOT EXISTS luahost_spent (
        account TEXT NOT NULL,
        day DATE NOT NULL,
        unit TEXT NOT NULL,
        amount BIGINT NOT NULL,
        PRIMARY KEY (account, day, unit))""",
)

# -- members: a worker's lease of all its permits in flight, and one for each rate

JOIN: Final = """INSERT INTO luahost_permit_member (id, expires)
    VALUES (%(member)s, clock_timestamp() + make_interval(secs => %(lease)s))"""
RENEW: Final = """UPDATE luahost_permit_member SET expires = clock_timestamp() + make_interval(secs => %(lease)s)
    WHERE id = %(member)s AND expires > clock_timestamp()"""
RETIRE: Final = """UPDATE luahost_permit_member
    SET expires = least(expires, clock_timestamp() + make_interval(secs => %(seconds)s)) WHERE id = %(member)s"""
LEAVE: Final = "DELETE FROM luahost_permit_member WHERE id = %(member)s"
EXPIRE: Final = """DELETE FROM luahost_permit_member WHERE id IN (
    SELECT id FROM luahost_permit_member WHERE expires <= clock_timestamp() FOR UPDATE SKIP LOCKED)"""

# -- permits in flight

LOCK_POOL: Final = "SELECT pg_advisory_xact_lock(hashtextextended('luahost permits ' || %(pool)s, 0))"
# Locks the members of the pool, since their shares are written back afterwards.
SHARES: Final = """SELECT m.id, coalesce(p.held, 0), coalesce(p.wanted, 0), coalesce(p.turn, 0), coalesce(p.hard, 0),
        coalesce(p.soft, 0)
    FROM luahost_permit_member m LEFT JOIN luahost_permit p ON p.member = m.id AND p.pool = %(pool)s
    WHERE m.expires > clock_timestamp() AND (p.member IS NOT NULL OR m.id = %(member)s)
    FOR KEY SHARE OF m"""
PUT_SHARES: Final = """INSERT INTO luahost_permit (pool, member, held, wanted, turn, hard, soft)
    SELECT %(pool)s, * FROM unnest(%(members)s::text[], %(held)s::int[], %(wanted)s::int[], %(turn)s::int[],
        %(hard)s::int[], %(soft)s::int[])
    ON CONFLICT (pool, member) DO UPDATE SET held = EXCLUDED.held, wanted = EXCLUDED.wanted, turn = EXCLUDED.turn,
        hard = EXCLUDED.hard, soft = EXCLUDED.soft"""
NOTIFY: Final = "SELECT pg_notify(%(channel)s, %(payload)s)"

# -- rates: their permits are a pool's; here is what is left of one after answers of status 429

RATE: Final = """UPDATE luahost_rate SET share = least(1, share + %(accepted)s / 100.0) WHERE name = %(name)s
    RETURNING share, greatest(0, extract(epoch FROM not_before - clock_timestamp()))::float8"""
SLOW_DOWN: Final = """INSERT INTO luahost_rate AS r (name, share, not_before)
    VALUES (%(name)s, 0.5, clock_timestamp() + make_interval(secs => %(pause)s))
    ON CONFLICT (name) DO UPDATE SET
        share = CASE WHEN clock_timestamp() >= r.not_before THEN greatest(1 / 16.0, r.share / 2) ELSE r.share END,
        not_before = greatest(r.not_before, EXCLUDED.not_before)"""

# -- circuit breakers

_STATE = "failures, extract(epoch FROM open_until - clock_timestamp())::float8, reason"
BREAKERS: Final = f"SELECT host, {_STATE} FROM luahost_breaker"  # noqa: S608 - columns of this file
BREAKER: Final = f"SELECT {_STATE} FROM luahost_breaker WHERE host = %(host)s"  # noqa: S608
FAILED: Final = f"""INSERT INTO luahost_breaker AS b (host, failures, open_until, pause, reason)
    VALUES (%(host)s, %(count)s, CASE WHEN %(count)s >= %(most)s
        THEN clock_timestamp() + make_interval(secs => %(pause)s) END, %(pause)s, %(reason)s)
    ON CONFLICT (host) DO UPDATE SET
        failures = b.failures + %(count)s,
        open_until = CASE
            WHEN b.probe = %(member)s
                THEN clock_timestamp() + make_interval(secs => least(%(longest)s::float8, b.pause * 2))
            WHEN b.open_until IS NULL AND b.failures + %(count)s >= %(most)s
                THEN clock_timestamp() + make_interval(secs => b.pause)
            ELSE b.open_until END,
        pause = CASE WHEN b.probe = %(member)s THEN least(%(longest)s::float8, b.pause * 2) ELSE b.pause END,
        probe = nullif(b.probe, %(member)s),
        reason = %(reason)s
    RETURNING {_STATE}"""  # noqa: S608
RECOVERED: Final = "DELETE FROM luahost_breaker WHERE host = %(host)s"
PROBE: Final = """UPDATE luahost_breaker SET probe = %(member)s,
        probe_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE host = %(host)s AND open_until <= clock_timestamp()
        AND (probe IS NULL OR probe_until <= clock_timestamp())"""

# -- budgets of a day

SPENT: Final = """SELECT unit, amount FROM luahost_spent WHERE account = %(account)s AND day = %(day)s"""
LOCK_ACCOUNT: Final = """SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date
    FROM pg_advisory_xact_lock(hashtextextended('luahost spent ' || %(account)s, 0))"""
SPEND: Final = """INSERT INTO luahost_spent AS s (account, day, unit, amount)
    SELECT %(account)s, %(day)s, * FROM unnest(%(units)s::text[], %(amounts)s::bigint[])
    ON CONFLICT (account, day, unit) DO UPDATE SET amount = s.amount + EXCLUDED.amount"""

_LOCK = 0x6C756168  # of the advisory lock that makers of the fleet's tables take


def make_permit_tables(connection: Any) -> None:
    """Create the missing tables in one transaction of ``connection``, a ``psycopg.Connection``."""
    if connection.execute("SELECT to_regclass('luahost_spent')").fetchone()[0] is not None:
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for statement in TABLES:
            connection.execute(statement)
