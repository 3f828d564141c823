"""Measures what staff work with at 100,000 customers: search, lists and their pages, and the export of all rows with its memory."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.benchmarks.installation import Bench, Row, new_tenant

ROWS = int(os.environ.get("TRILEND_BENCH_ROWS", "100000"))
_TIMES = 40
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英华文建国玉梅"
_ASKED = ("张伟", "zhangwei", "zw", "秀兰", "00050000", "wang", "li", "13800012345")


def rows(_bench: Bench) -> list[Row]:
    """Search and lists in this process; the export in one of its own, whose memory counts from a small one."""
    tenant = new_tenant("microfinance")
    filled = _fill(tenant)
    measured = [_row(f"{ROWS:,} customers with their search words, rows a second", ROWS / filled, "-")]
    measured += _searches(tenant) + _lists(tenant)
    small, _ = _export(tenant, 2000)
    large, seconds = _export(tenant, ROWS)
    return [
        *measured,
        _row(f"export of {ROWS:,} rows to XLSX, seconds", seconds, "-"),
        _row(f"its peak memory, MB (an export of 2,000 rows: {small:.0f})", large, f"< {small + 40:.0f}"),
    ]


def _row(what: str, value: float, target: str) -> Row:
    return {"what": what, "value": round(value, 1), "target": target}


def _fill(tenant: Any) -> float:
    """Customers with names of two and three characters, written as an import writes them."""
    from trilend.parties.models import PartyKind
    from trilend.parties.service import PartyData, add_parties
    from trilend.tenancy.context import bound, tenant_session

    begun = time.perf_counter()
    with bound(tenant):
        for start in range(0, ROWS, 1000):
            data = [
                PartyData(PartyKind.PERSON, _name(n), f"11010519850612{n:08d}", f"138{n:08d}", f"6222{n:012d}")
                for n in range(start, min(start + 1000, ROWS))
            ]
            add_parties(tenant_session(), data)
            tenant_session.commit()
            tenant_session.expunge_all()
    return time.perf_counter() - begun


def _name(number: int) -> str:
    given = _GIVEN[number // len(_SURNAMES) % len(_GIVEN)] + (_GIVEN[number * 7 % len(_GIVEN)] if number % 3 else "")
    return _SURNAMES[number % len(_SURNAMES)] + given


def _searches(tenant: Any) -> list[Row]:
    from trilend.app import create_tenant_app
    from trilend.search.service import search, sources
    from trilend.tenancy.context import bound, tenant_session

    wanted = sources("microfinance")
    with bound(tenant), create_tenant_app().test_request_context(base_url=tenant.url):
        session = tenant_session()
        return [
            _row(f"search “{asked}”, p95 in ms", _p95(lambda asked=asked: search(session, asked, wanted)), "< 200")
            for asked in _ASKED
        ]


def _lists(tenant: Any) -> list[Row]:
    from trilend.lists.query import Query
    from trilend.lists.reading import count, read_page
    from trilend.parties.listing import CUSTOMERS
    from trilend.tenancy.context import bound, tenant_session

    with bound(tenant):
        session = tenant_session()
        deep = read_page(session, CUSTOMERS, Query(sort="name"), size=ROWS * 9 // 10).after
        session.expunge_all()
        cases: dict[str, Callable[[], object]] = {
            "newest": lambda: read_page(session, CUSTOMERS, Query(), size=50),
            "by name": lambda: read_page(session, CUSTOMERS, Query(sort="name"), size=50),
            "by name, behind nine tenths": lambda: read_page(
                session, CUSTOMERS, Query(sort="name"), after=deep, size=50
            ),
            "by kind (no index)": lambda: read_page(session, CUSTOMERS, Query(sort="kind"), size=50),
            "that match “zh”": lambda: read_page(session, CUSTOMERS, Query(search="zh"), size=50),
            "counted": lambda: count(session, CUSTOMERS, Query()),
        }
        return [_row(f"list of customers, {name}, p95 in ms", _p95(case), "< 200") for name, case in cases.items()]


def _p95(act: Callable[[], object]) -> float:
    from trilend.tenancy.context import tenant_session

    spent = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        act()
        spent.append((time.perf_counter() - begun) * 1000)
        tenant_session.rollback()
        tenant_session.expunge_all()
    return quantiles(spent, n=20)[-1]


def _export(tenant: Any, most: int) -> tuple[float, float]:
    """Peak memory in MB and seconds of a process that exports so many rows."""
    command = [sys.executable, "-m", "tests.benchmarks.lists", tenant.id, str(most)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, seconds = ended.stdout.split()[-2:]
    return float(peak), float(seconds)


def export_here(tenant_id: str, most: int) -> tuple[float, float]:
    """Export the newest rows of the list of customers in this process."""
    from sqlalchemy import func, select

    from trilend.audit.service import Actor
    from trilend.jobs.service import run_job
    from trilend.lists import export
    from trilend.lists.query import Query
    from trilend.parties.listing import CUSTOMERS
    from trilend.tenancy.context import bound, tenant_session
    from trilend.tenancy.service import tenant_by_id
    from trilend.wiring import load

    load()
    tenant = tenant_by_id(tenant_id)
    export.MOST_ROWS = most
    with bound(tenant):
        session = tenant_session()
        from flask_appbuilder.security.sqla.models import User

        actor = Actor("bench", session.scalar(select(func.min(User.id))))
        made = export.order_export(session, actor, CUSTOMERS, Query(), total=most)
        session.commit()
        job_id, export_id = made.job_id, made.id
        begun = time.perf_counter()
    if not run_job(tenant.id, job_id):
        raise RuntimeError("the export was not done")
    seconds = time.perf_counter() - begun
    with bound(tenant):
        done = tenant_session().get(export.ListExport, export_id)
        if done is None or done.rows != most:
            raise RuntimeError(f"{done and done.rows} rows instead of {most}")
    return _peak(), seconds


def _peak() -> float:
    """The most memory this process has held, in MB; what getrusage says would count its parent's before the exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    found = export_here(sys.argv[1], int(sys.argv[2]))
    sys.stdout.write(f"{found[0]:.1f} {found[1]:.1f}\n")
