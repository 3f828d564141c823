"""Finds loans from what they belong to."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend_microfinance.servicing.models import Loan


def loan_of_application(session: Session, application_id: int) -> Loan | None:
    """The loan made from an application, if there is one."""
    return session.scalar(select(Loan).where(Loan.application_id == application_id))
