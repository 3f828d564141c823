"""Measures what tenancy costs and how fast end of day is, as ratios of two sides in one run."""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, event, insert, text

ROUNDS = 300


def median_seconds(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median duration of one call."""
    spent = []
    for _ in range(rounds):
        begun = time.perf_counter()
        act()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def main() -> None:
    """Start servers of its own, measure, print."""
    from tests import stack
    from tests.benchmarks.installation import configured

    from trilend.wiring import load

    load()
    folder = Path(tempfile.mkdtemp(prefix="trilend-bench-"))
    folder.chmod(0o755)
    server = stack.start_server(folder / "postgresql")
    try:
        database = stack.new_database(server)
        with configured(folder, database):
            rows = [messages_added(database), provisioning(database), end_of_day()]
    finally:
        server.stop()
    for row in rows:
        sys.stdout.write(f"{row['what']:<62} {row['value']:>12}   target {row['target']}\n")
    (Path("bench.json")).write_text(json.dumps(rows, ensure_ascii=False, indent=2), encoding="utf-8")


def messages_added(database: object) -> dict[str, object]:
    """Round trips of a one-query transaction with tenancy, less those of the same without."""
    from tests.benchmarks.installation import new_tenant

    from trilend.tenancy.context import application_engine, bound, tenant_session

    counted = {"n": 0}
    tenant = new_tenant("microfinance")

    def count(*_: object) -> None:
        counted["n"] += 1

    plain = create_engine(database.login_url)  # type: ignore[attr-defined]
    for engine in (plain, application_engine()):
        event.listen(engine, "before_cursor_execute", count)
    with plain.begin() as connection:
        connection.execute(text("SELECT 1"))
    bare, counted["n"] = counted["n"], 0
    with bound(tenant):
        tenant_session.execute(text("SELECT 1"))
    plain.dispose()
    return {"what": "SQL messages that tenancy adds to a request", "value": counted["n"] - bare, "target": 0}


def provisioning(database: object) -> dict[str, object]:
    """Provisioning a tenant ÷ replaying the same SQL by hand."""
    from tests.benchmarks.installation import registered

    from trilend.tenancy.blueprint import blueprint_of
    from trilend.tenancy.provisioning import FirstAdministrator, provision

    sql = blueprint_of("microfinance")
    number = iter(range(1_000_000))

    def by_hand() -> None:
        role = f"t_bench{next(number)}"
        with psycopg.connect(database.owner_url) as connection:  # type: ignore[attr-defined]
            connection.execute(
                f"CREATE ROLE {role} NOLOGIN; CREATE SCHEMA {role}; GRANT USAGE ON SCHEMA {role} TO {role}; "
                f"SET LOCAL search_path TO {role}".encode()
            )
            connection.execute(sql.for_role(role).encode())

    waiting = iter([registered("microfinance") for _ in range(15)])
    person = FirstAdministrator("admin", "甲", "a@example.com", "hashed before")
    ours = median_seconds(lambda: provision(next(waiting), sql, person), 15)
    theirs = median_seconds(by_hand, 15)
    return {
        "what": f"provisioning ÷ the same SQL by hand ({ours * 1000:.0f} ms ÷ {theirs * 1000:.0f} ms)",
        "value": round(ours / theirs, 2),
        "target": "≤ 1.25",
    }


def end_of_day() -> dict[str, object]:
    """Loans that end of day serves in a second: 500 loans of twelve months over ten days."""
    from tests.benchmarks.installation import new_tenant

    from trilend.parameters.service import business_date
    from trilend.parties.models import Party
    from trilend.tenancy.context import bound, tenant_session
    from trilend_microfinance.applications.models import Application
    from trilend_microfinance.end_of_day.service import close_day
    from trilend_microfinance.servicing.models import Loan, LoanEvent

    loans = 500
    with bound(new_tenant("microfinance")):
        session = tenant_session()
        today = business_date(session)
        sealed = {"identifier": "x", "mobile": "x", "account_number": "x", "account_index": "x"}
        session.execute(
            insert(Party).values(kind="person", name="甲", identifier_index="x", identifier_doubtful=False, **sealed)
        )
        common = {"party_id": 1, "annual_rate": Decimal("0.12"), "periods": 12}
        session.execute(
            insert(Application),
            [
                common
                | {
                    "number": f"B{n}",
                    "product_id": 1,
                    "amount": Decimal(120_000),
                    "purpose": "",
                    "applied_on": today,
                    "checks": [],
                }
                for n in range(loans)
            ],
        )
        session.execute(
            insert(Loan),
            [
                common
                | {
                    "number": f"L{n}",
                    "application_id": n + 1,
                    "principal": Decimal(120_000),
                    "method": "annuity",
                    "day_count": "thirty_360",
                    "interest_unit": "per_period",
                    "rounding_mode": "half_up",
                    "rounding_places": 2,
                    "holiday_rule": "keep",
                    "penalty_rate": Decimal("0.18"),
                    "grace_days": 0,
                    "contracted_on": today,
                    "state": "active",
                    "start": today,
                    "as_of": today,
                }
                for n in range(loans)
            ],
        )
        session.execute(
            insert(LoanEvent),
            [
                {
                    "key": f"d{n}",
                    "loan_id": n + 1,
                    "kind": "disbursement",
                    "amount": Decimal(120_000),
                    "value_date": today,
                    "business_date": today,
                }
                for n in range(loans)
            ],
        )
        session.commit()
        begun = time.perf_counter()
        for day in range(10):
            close_day(session, today + timedelta(days=day))
        rate = 10 * loans / (time.perf_counter() - begun)
    return {"what": "loans served by end of day, each second", "value": round(rate), "target": "stated, no target yet"}


if __name__ == "__main__":
    main()
