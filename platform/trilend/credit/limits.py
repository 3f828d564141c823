"""Limits of law and of the house, checked against figures that the caller takes from dated parameters."""

from dataclasses import dataclass
from decimal import Decimal

from trilend.money import EXACT, exact


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """The outcome of one limit: what is allowed, what is used, what is asked for, and by which rule.

    `cap`, `used` and `requested` share a unit: yuan, or a rate as a fraction.
    """

    rule: str
    basis: str
    cap: Decimal
    used: Decimal
    requested: Decimal
    passes: bool

    @property
    def room(self) -> Decimal:
        """What may still be asked for; never less than nothing."""
        return max(Decimal(0), EXACT.subtract(self.cap, self.used))


@exact
def check_limit(rule: str, basis: str, cap: Decimal, used: Decimal, requested: Decimal) -> LimitCheck:
    """Check that `used` and `requested` together stay within `cap`; reaching it exactly passes."""
    return LimitCheck(rule, basis, cap, used, requested, passes=used + requested <= cap)


@exact
def share_of_net_assets(
    rule: str, net_assets: Decimal, ratio: Decimal, outstanding: Decimal, requested: Decimal, basis: str
) -> LimitCheck:
    """Check yuan against `ratio` (a fraction) of `net_assets`; with nothing left of them nothing is allowed."""
    cap = max(Decimal(0), net_assets * ratio)
    return check_limit(rule, basis, cap, outstanding, requested)


def single_borrower_limit(
    net_assets: Decimal, ratio: Decimal, outstanding: Decimal, requested: Decimal, basis: str
) -> LimitCheck:
    """Check all loans of one borrower, in yuan, against `ratio` of last year-end's `net_assets`."""
    return share_of_net_assets("single_borrower", net_assets, ratio, outstanding, requested, basis)


def related_group_limit(
    net_assets: Decimal, ratio: Decimal, outstanding: Decimal, requested: Decimal, basis: str
) -> LimitCheck:
    """Check all loans of a borrower with related parties, in yuan, against `ratio` of last year-end's `net_assets`."""
    return share_of_net_assets("related_group", net_assets, ratio, outstanding, requested, basis)


def household_limit(cap: Decimal, outstanding: Decimal, requested: Decimal, basis: str) -> LimitCheck:
    """Check the online loans of one household, in yuan, against the fixed `cap` for their purpose."""
    return check_limit("household", basis, cap, outstanding, requested)


def funding_limit(
    net_assets: Decimal, multiple: Decimal, borrowed: Decimal, requested: Decimal, basis: str
) -> LimitCheck:
    """Check what the company itself borrows by one kind of debt, in yuan, against a `multiple` of `net_assets`."""
    return share_of_net_assets("funding", net_assets, multiple, borrowed, requested, basis)


def all_in_cost_ceiling(rate: Decimal, ceiling: Decimal, basis: str) -> LimitCheck:
    """Check a loan's all-in `rate` against `ceiling`, both fractions a year and of the same label (simple or IRR)."""
    return check_limit("all_in_cost", basis, ceiling, Decimal(0), rate)


@exact
def reference_rate_ceiling(rate: Decimal, multiple: Decimal, reference_rate: Decimal, basis: str) -> LimitCheck:
    """Check a loan's all-in `rate` against a `multiple` of a reference rate such as the 1-year LPR, all fractions."""
    return check_limit("all_in_cost_reference_rate", basis, multiple * reference_rate, Decimal(0), rate)
