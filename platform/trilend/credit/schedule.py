"""The repayment schedule of a loan as a pure function of its terms."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trilend.credit.amortisation import amortise, constant_part
from trilend.credit.errors import InvalidTerms
from trilend.credit.periods import interest_periods
from trilend.credit.terms import Method, Terms
from trilend.money import EXACT, exact

__all__ = ["Instalment", "InvalidTerms", "Method", "Terms", "build_schedule"]


@dataclass(frozen=True, slots=True)
class Instalment:
    """One instalment: its number from 1, the period it pays for, its due date, principal and interest in yuan."""

    number: int
    start: date
    due: date
    principal: Decimal
    interest: Decimal

    @property
    def total(self) -> Decimal:
        """Yuan to be paid on the due date."""
        return EXACT.add(self.principal, self.interest)


@exact
def build_schedule(terms: Terms) -> tuple[Instalment, ...]:
    """Return the instalments of `terms`, rounded by its own rounding; the last one takes the residue.

    Raises InvalidTerms if the due dates make no sense together.
    """
    periods = interest_periods(terms)
    rates = [period.rate for period in periods]
    constant = constant_part(terms.method, terms.principal, rates, terms.rounding)
    parts = amortise(terms.method, terms.principal, rates, terms.rounding, constant)
    return tuple(
        Instalment(period.number, period.start, period.due, part.principal, part.interest)
        for period, part in zip(periods, parts, strict=True)
    )
