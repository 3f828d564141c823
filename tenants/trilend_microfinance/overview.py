"""The figures and pictures of a microfinance company's start page."""

from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trilend.parameters.service import business_date
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.contracts.service import ready_to_disburse
from trilend_microfinance.servicing.models import Loan, LoanStage

_TIERS = ("pass", "special_mention", "substandard", "doubtful", "loss")


def overview(session: Session) -> dict[str, Any]:
    """What the start page shows, in a handful of queries however many loans there are."""
    running = Loan.state == LoanStage.ACTIVE
    totals = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(Loan.principal_outstanding), 0),
            func.coalesce(func.sum(Loan.overdue_total), 0),
            func.count().filter(Loan.days_past_due > 0),
        ).where(running)
    ).one()
    by_tier = {
        row.tier: row.amount
        for row in session.execute(
            select(Loan.tier, func.sum(Loan.principal_outstanding).label("amount")).where(running).group_by(Loan.tier)
        )
    }
    outstanding = Decimal(totals[1])
    return {
        "today": business_date(session),
        "running": totals[0],
        "outstanding": outstanding,
        "overdue": totals[2],
        "overdue_loans": totals[3],
        "waiting": session.scalar(
            select(func.count()).select_from(Application).where(Application.state == ApplicationState.SUBMITTED)
        ),
        "approved": session.scalar(
            select(func.count()).select_from(Application).where(Application.state == ApplicationState.APPROVED)
        ),
        "to_disburse": len(ready_to_disburse(session)),
        "tiers": [(tier, by_tier.get(tier, Decimal(0)), _share(by_tier.get(tier), outstanding)) for tier in _TIERS],
    }


def _share(amount: Decimal | None, total: Decimal) -> int:
    return int(100 * amount / total) if amount and total else 0
