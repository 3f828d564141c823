"""What the servicing of a loan needs to know beyond its terms."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from trilend.credit.allocation import AllocationOrder, Timing
from trilend.credit.errors import InvalidTerms
from trilend.credit.terms import Terms, check_rate


class PenaltyBase(StrEnum):
    """What the penalty rate is charged on."""

    overdue_principal = "overdue_principal"
    overdue_principal_and_interest = "overdue_principal_and_interest"


class PrepaymentInterest(StrEnum):
    """The interest that a prepayment within a period pays: of the days to the date, or of the whole period."""

    to_date = "to_date"
    full_period = "full_period"


@dataclass(frozen=True, kw_only=True)
class LoanContract:
    """The terms of a loan and the rules of its servicing.

    Raises InvalidTerms, naming the field, for rules that make no sense.
    """

    terms: Terms
    penalty_annual_rate: Decimal = Decimal(0)
    """Penalty a year as a fraction, charged for each day past due at a 360th; overdue principal bears it and no
    further interest, so a penalty of one and a half times the rate is given whole (0.27 on a loan at 0.18)."""
    penalty_base: PenaltyBase = PenaltyBase.overdue_principal
    grace_days: int = 0
    """Days after the due date within which paying late costs nothing; once past, penalty counts from the due date."""
    allocation_order: AllocationOrder = field(default_factory=AllocationOrder)
    """How a payment is spread over what is past due and due; money in advance waits, so that timing is not used."""
    prepayment_interest: PrepaymentInterest = PrepaymentInterest.to_date

    def __post_init__(self) -> None:
        check_rate("penalty_annual_rate", self.penalty_annual_rate)
        if self.grace_days < 0:
            raise InvalidTerms("grace_days", f"cannot be {self.grace_days}")
        if not self.allocation_order.covers(Timing.past_due, Timing.due):
            raise InvalidTerms("allocation_order", "must name every component that is past due or due")
