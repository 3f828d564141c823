"""What carrying a company out costs, alone and beside a thousand others."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import text

ROUNDS = 15
OTHERS = 1000


def export_beside_others(others: int = OTHERS) -> dict[str, object]:
    """Median time of an export beside `others` further schemas ÷ beside none: the same company, before and after they are
    made."""
    from tests.benchmarks.installation import new_tenant

    tenant = new_tenant("microfinance")
    _fill(tenant)
    alone = _median_of_exports(tenant.id)
    with ThreadPoolExecutor(2) as makers:
        list(makers.map(_make_many, [others // 2, others - others // 2]))
    beside = _median_of_exports(tenant.id)
    return {
        "what": f"export beside {others} others ÷ beside none ({beside * 1000:.0f} ms ÷ {alone * 1000:.0f} ms)",
        "value": round(beside / alone, 2),
        "target": "≤ 1.2",
    }


def _fill(tenant: Any) -> None:
    from trilend.tenancy.context import bound, tenant_session

    with bound(tenant):
        tenant_session.execute(
            text(
                "INSERT INTO audit_entry (actor, act, subject_type, subject_id, reason, details) SELECT 'x', 'x', 'x', n, "
                "md5(n::text), '{}' FROM generate_series(1, 20000) AS n"
            )
        )
        tenant_session.commit()


def _median_of_exports(tenant_id: str) -> float:
    """Seconds; the first one warms the caches up and does not count."""
    from trilend.archives.export import export_company
    from trilend.archives.keys import ArchiveKey

    key = ArchiveKey.of_passphrase("correct horse battery")
    spent = []
    for _ in range(ROUNDS + 1):
        with open("/dev/null", "wb") as nowhere:
            begun = time.perf_counter()
            export_company(tenant_id, nowhere, key)
            spent.append(time.perf_counter() - begun)
    return statistics.median(spent[1:])


def _make_many(count: int) -> None:
    from trilend.tenancy.blueprint import blueprint_of
    from trilend.tenancy.provisioning import make_space
    from trilend.tenancy.servers import PRIMARY, owner_connection
    from trilend.tenancy.service import new_id

    blueprint = blueprint_of("microfinance")
    with owner_connection(PRIMARY, autocommit=True) as owner:
        for number in range(count):
            with owner.transaction():
                make_space(owner, f"t_{new_id()}", number % 4, blueprint)
