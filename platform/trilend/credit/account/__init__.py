"""The servicing core: an account's state is a pure function of its contract, its events and a date."""

from trilend.credit.account.contract import LoanContract, PenaltyBase, PrepaymentInterest
from trilend.credit.account.derive import derive, payoff, require_exact_settlement
from trilend.credit.account.events import Disbursement, Event, Prepayment, PrepaymentEffect, Repayment, Reversal
from trilend.credit.account.state import (
    AppliedAmount,
    LoanState,
    LoanStatus,
    Payoff,
    ScheduleRow,
    SettlementMismatch,
)

__all__ = [
    "AppliedAmount",
    "Disbursement",
    "Event",
    "LoanContract",
    "LoanState",
    "LoanStatus",
    "Payoff",
    "PenaltyBase",
    "Prepayment",
    "PrepaymentEffect",
    "PrepaymentInterest",
    "Repayment",
    "Reversal",
    "ScheduleRow",
    "SettlementMismatch",
    "derive",
    "payoff",
    "require_exact_settlement",
]
