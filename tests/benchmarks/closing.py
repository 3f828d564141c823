"""How many loans end of day serves."""

import time
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert
from tests.benchmarks.installation import Bench, Row, new_tenant


def rows(bench: Bench) -> list[Row]:
    """Loans that end of day serves in a second: 500 loans of twelve months over ten days."""
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
    return [{"what": "loans served by end of day, each second", "value": round(rate), "target": "stated"}]
