"""What happens to a loan: facts with a value date, never changed once recorded."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from trilend.credit.errors import InvalidEvents


class PrepaymentEffect(StrEnum):
    """What becomes of the rest of the schedule.

    `shorten_term` keeps the level payment and ends earlier, `lower_payment` keeps the dates and lowers the payment,
    `settle` closes the loan.
    """

    shorten_term = "shorten"
    lower_payment = "lower"
    settle = "settle"


@dataclass(frozen=True)
class Event:
    """A fact about a loan: `id` is its own among the loan's events, `value_date` the day it counts from."""

    id: str
    value_date: date


@dataclass(frozen=True)
class MoneyEvent(Event):
    """A fact that moves `amount` yuan. Raises InvalidEvents unless that is more than nothing."""

    amount: Decimal

    def __post_init__(self) -> None:
        if not self.amount.is_finite() or self.amount <= 0:
            raise InvalidEvents(self.id, f"moves {self.amount} yuan; it must be more than nothing")


@dataclass(frozen=True)
class Disbursement(MoneyEvent):
    """Money paid out. Interest runs from the day of the first one and on the sum paid out (Civil Code art. 670)."""


@dataclass(frozen=True)
class Repayment(MoneyEvent):
    """Money received for what is past due and due; a rest waits for the next instalment."""


@dataclass(frozen=True)
class Prepayment(MoneyEvent):
    """Money received for what is due, the interest to the day, and principal before its time."""

    effect: PrepaymentEffect


@dataclass(frozen=True)
class Reversal(Event):
    """The event `of` is void: from this value date on, the account is derived as if it had not happened."""

    of: str
