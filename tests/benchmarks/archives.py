"""What carrying a company out costs, alone and beside a thousand others."""

import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from sqlalchemy import make_url, text
from tests import stack
from tests.benchmarks.installation import CELLS, Bench, Row

ROUNDS = 15
OTHERS = 1000
_CROWDED = "crowded"


def rows(bench: Bench) -> list[Row]:
    """An export beside many."""
    return [export_beside_others(bench.database)]


def export_beside_others(database: stack.Database, others: int = OTHERS) -> dict[str, object]:
    """Median time of an export beside `others` further schemas ÷ beside none.

    Two equal companies in two databases of one server, of which one is crowded; they are exported in turns, so that
    both sides meet the same machine.
    """
    from tests.benchmarks.installation import new_tenant

    from trilend.archives.keys import ArchiveKey

    _second_database(database)
    with ThreadPoolExecutor(2) as makers:
        list(makers.map(_make_many, [others // 2, others - others // 2]))
    alone, beside = new_tenant("microfinance"), new_tenant("microfinance", shard=_CROWDED)
    key = ArchiveKey.of_passphrase("correct horse battery")
    spent: dict[str, list[float]] = {alone.id: [], beside.id: []}
    for tenant in (alone, beside):
        _fill(tenant)
        _export(tenant.id, key)
    for _ in range(ROUNDS):
        for tenant in (alone, beside):
            spent[tenant.id].append(_export(tenant.id, key))
    one, many = (statistics.median(spent[tenant.id]) for tenant in (alone, beside))
    return {
        "what": f"export beside {others} others ÷ beside none ({many * 1000:.0f} ms ÷ {one * 1000:.0f} ms)",
        "value": round(many / one, 2),
        "target": "≤ 1.2",
    }


def _second_database(database: stack.Database) -> None:
    """A database on the same server, known to this process as a server of its own."""
    from trilend.config import settings
    from trilend.tenancy.bootstrap import prepare_database

    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_CROWDED}")
    prepare_database(_in_crowded(database.superuser_url), cells=CELLS)
    addresses = {
        "database_url": _in_crowded(database.login_url),
        "owner_database_url": _in_crowded(database.owner_url),
    }
    os.environ["TRILEND_SHARDS"] = json.dumps({_CROWDED: addresses})
    settings.cache_clear()


def _in_crowded(url: str) -> str:
    return make_url(url).set(database=_CROWDED).render_as_string(hide_password=False)


def _fill(tenant: Any) -> None:
    from trilend.tenancy.context import bound, tenant_session

    with bound(tenant):
        tenant_session.execute(
            text(
                "INSERT INTO audit_entry (actor, act, subject_type, subject_id, reason, details) SELECT 'x', 'x', 'x', n, "
                "md5(n::text), '{}' FROM generate_series(1, 5000) AS n"
            )
        )
        tenant_session.commit()


def _export(tenant_id: str, key: Any) -> float:
    """Seconds that one export takes."""
    from trilend.archives.export import export_company

    with open(os.devnull, "wb") as nowhere:
        begun = time.perf_counter()
        export_company(tenant_id, nowhere, key)
        return time.perf_counter() - begun


def _make_many(count: int) -> None:
    from trilend.tenancy.blueprint import blueprint_of
    from trilend.tenancy.provisioning import make_space
    from trilend.tenancy.servers import owner_connection
    from trilend.tenancy.service import new_id

    blueprint = blueprint_of("microfinance")
    with owner_connection(_CROWDED, autocommit=True) as owner:
        for number in range(count):
            with owner.transaction():
                make_space(owner, f"t_{new_id()}", number % CELLS, blueprint)
