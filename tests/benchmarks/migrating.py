"""Adding a column to a thousand tenants against a hand-written safe script, and a deploy that has nothing to move."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from tests.benchmarks.installation import FLEET, Bench, Row, median_seconds, seconds
from tests.flow.migration.next_release import NextRelease

_TENANTS = min(1000, FLEET)
_ROUNDS = 3


def rows(bench: Bench) -> list[Row]:
    """Both sides move the same tenants by two connections, in turn."""
    from trilend.tenancy.migration.fleet import FleetReport, migrate_fleet

    tenants = bench.grow_fleet(_TENANTS)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        release = NextRelease(Path(folder))
        for number in range(_ROUNDS):
            ddl = f"ALTER TABLE business_day ADD COLUMN note_{number} text"
            release.adds("broker", f'op.execute("{ddl}")', fresh=ddl)
            theirs.append(seconds(lambda: _by_hand(bench, tenants, f"by_hand_{number}")))  # noqa: B023
            # What the script has added is taken away, so that the canary finds nothing that it does not expect.
            _drop(bench, tenants, f"by_hand_{number}")
            with release.running():
                from trilend.tenancy.migration.steps import targets

                targets()
                report: list[FleetReport] = []
                ours.append(seconds(lambda: report.append(migrate_fleet(slugs=tenants))))  # noqa: B023
                assert report[0].sound
                assert report[0].done == _TENANTS
        _back(bench, _ROUNDS)
    bench.grow_fleet(FLEET)
    return [
        {
            "what": f"a column for 1,000 tenants ÷ a safe script ({median(ours):.2f} ÷ {median(theirs):.2f} s)",
            "value": round(median(ours) / median(theirs), 2),
            "target": "≤ 1.25",
        },
        {
            "what": f"deploy with nothing to migrate, {FLEET:,} tenants",
            "value": f"{median_seconds(_deploy, 20) * 1000:.1f} ms",
            "target": "≤ 20 ms",
        },
    ]


def _deploy() -> None:
    from trilend.tenancy.migration.fleet import migrate_fleet
    from trilend.tenancy.spares import renew_spares

    assert migrate_fleet().total == 0
    renew_spares()


def _by_hand(bench: Bench, tenants: Any, column: str) -> None:
    def work(half: Any) -> None:
        with psycopg.connect(bench.database.owner_url, autocommit=True) as owner:
            for tenant in half:
                owner.execute(
                    f"BEGIN; SET LOCAL lock_timeout = '3s'; SET LOCAL search_path TO t_{tenant}; "
                    f"ALTER TABLE business_day ADD COLUMN {column} text; "
                    f"INSERT INTO schema_version (branch, revision) VALUES ('{column}', '1'); COMMIT".encode()
                )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (tenants[::2], tenants[1::2])))


def _drop(bench: Bench, tenants: Any, column: str) -> None:
    with psycopg.connect(bench.database.owner_url, autocommit=True) as owner:
        for tenant in tenants:
            owner.execute(
                f"ALTER TABLE t_{tenant}.business_day DROP COLUMN {column}; "
                f"DELETE FROM t_{tenant}.schema_version WHERE branch = '{column}'".encode()
            )


def _back(bench: Bench, rounds: int) -> None:
    """Let the tenants be of this release again: its columns and versions go, and the registry says so."""
    from trilend.tenancy.migration.steps import targets

    with psycopg.connect(bench.database.owner_url, autocommit=True) as owner:
        rows = owner.execute("SELECT id FROM trilend.tenant WHERE kind = 'broker' AND state = 'trial'").fetchall()
        for (tenant,) in rows:
            drops = ", ".join(f"DROP COLUMN IF EXISTS note_{number}" for number in range(rounds))
            owner.execute(
                f"ALTER TABLE t_{tenant}.business_day {drops}; "
                f"DELETE FROM t_{tenant}.schema_version WHERE branch = 'broker' AND revision > '0001'".encode()
            )
        owner.execute("UPDATE trilend.tenant SET revision = %s WHERE kind = 'broker'", (targets()["broker"],))
