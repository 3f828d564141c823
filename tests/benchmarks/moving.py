"""For how many seconds a company can only be read while it moves to another server."""

import json
import os

from sqlalchemy import text
from tests import stack
from tests.benchmarks.installation import CELLS, Bench, Row, new_tenant

_SECOND = "second"
_ROWS = 200_000


def rows(bench: Bench) -> list[Row]:
    """A company of so many rows, all of them in the log that carries the most with each."""
    from trilend.archives.moving import move_company
    from trilend.config import settings
    from trilend.embedded.postgres import PostgresServer
    from trilend.tenancy.bootstrap import prepare_cluster, prepare_database
    from trilend.tenancy.context import bound, tenant_session

    tenant = new_tenant("microfinance")
    with bound(tenant):
        tenant_session.execute(
            text(
                "INSERT INTO audit_entry (actor, act, subject_type, subject_id, reason, details) "
                "SELECT 'x', 'x', 'x', n, md5(n::text), '{}' FROM generate_series(1, :rows) AS n"
            ),
            {"rows": _ROWS},
        )
        tenant_session.commit()
    folder = bench.folder / "second"
    folder.mkdir()
    server = PostgresServer(folder, superuser_password=stack.SUPER_PASSWORD, extra_settings=bench.server._settings)
    server.start()
    try:
        prepare_cluster(
            server.superuser_url(),
            owner_password=stack.OWNER_PASSWORD,
            login_password=stack.LOGIN_PASSWORD,
            cells=CELLS,
        )
        prepare_database(server.superuser_url(), cells=CELLS)
        known = json.loads(os.environ.get("TRILEND_SHARDS", "{}"))
        known[_SECOND] = {
            "database_url": server.url("trilend_app", stack.LOGIN_PASSWORD, "postgres", "postgresql+psycopg"),
            "owner_database_url": server.url("trilend_owner", stack.OWNER_PASSWORD, "postgres"),
        }
        os.environ["TRILEND_SHARDS"] = json.dumps(known)
        settings.cache_clear()
        moved = move_company(tenant.id, _SECOND)
    finally:
        server.stop()
    return [
        {
            "what": f"seconds in which a company of {moved.rows:,} rows can only be read while it moves",
            "value": f"{moved.seconds_read_only:.1f} s",
            "target": "seconds",
        }
    ]
