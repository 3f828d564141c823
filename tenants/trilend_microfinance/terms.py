"""Turns stored products, applications and loans into the values that the credit arithmetic works on."""

from datetime import date
from decimal import Decimal
from typing import Protocol

from trilend.credit.day_count import DayCount, InterestUnit
from trilend.credit.terms import Method, Terms
from trilend.dates import HolidayRule
from trilend.money import Rounding, RoundingMode


class HasMethod(Protocol):
    """What a product and a loan have in common: how the loan is computed."""

    method: str
    day_count: str
    interest_unit: str
    rounding_mode: str
    rounding_places: int
    holiday_rule: str


def terms_of(how: HasMethod, *, principal: Decimal, annual_rate: Decimal, periods: int, start: date) -> Terms:
    """Terms of a loan by a product's (or the loan's own) rules; raises `InvalidTerms`."""
    return Terms(
        principal=principal,
        annual_rate=annual_rate,
        periods=periods,
        method=Method(how.method),
        start=start,
        day_count=DayCount[how.day_count],
        interest_unit=InterestUnit(how.interest_unit),
        rounding=Rounding(RoundingMode(how.rounding_mode), how.rounding_places),
        holiday_rule=HolidayRule(how.holiday_rule),
    )
