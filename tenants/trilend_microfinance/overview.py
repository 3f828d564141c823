"""The figures and pictures of a microfinance company's start page."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trilend.parameters.service import business_date
from trilend.web.badges import STATES
from trilend.web.formats import day, money
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.contracts.service import ready_to_disburse
from trilend_microfinance.servicing.models import Loan, LoanStage

_TIERS = {
    "pass": "success",
    "special_mention": "special",
    "substandard": "warning",
    "doubtful": "danger",
    "loss": "worst",
}
_COMING = timedelta(days=30)


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
    today = business_date(session)
    return {
        "today": today,
        "running": totals[0],
        "outstanding": Decimal(totals[1]),
        "overdue": totals[2],
        "overdue_loans": totals[3],
        "waiting": session.scalar(
            select(func.count()).select_from(Application).where(Application.state == ApplicationState.SUBMITTED)
        ),
        "approved": session.scalar(
            select(func.count()).select_from(Application).where(Application.state == ApplicationState.APPROVED)
        ),
        "to_disburse": len(ready_to_disburse(session)),
        "tiers": [
            _figure(str(STATES[tier][1]), by_tier.get(tier, Decimal(0)), tone=tone) for tier, tone in _TIERS.items()
        ],
        "coming": _coming(session, today),
    }


def _figure(label: str, amount: Decimal, **look: str) -> dict[str, Any]:
    """A row of a chart."""
    return {"label": label, "value": amount, "shown": money(amount), **look}


def _coming(session: Session, today: date) -> list[dict[str, Any]]:
    """What falls due on each of the next 30 days as each loan's next payment (yuan); empty if nothing does."""
    wanted = (
        select(Loan.next_due_on, func.sum(Loan.next_due_amount))
        .where(Loan.state == LoanStage.ACTIVE, Loan.next_due_on > today, Loan.next_due_on <= today + _COMING)
        .group_by(Loan.next_due_on)
    )
    due = {row[0]: row[1] for row in session.execute(wanted)}
    days = [today + timedelta(days=number + 1) for number in range(_COMING.days)] if due else []
    return [_figure(day(each), due.get(each, Decimal(0)), short=f"{each:%m-%d}") for each in days]
