"""The all-in-cost table that a borrower signs before the contract: 金规〔2026〕2号."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trilend.credit.cost import AllInCost, CashFlow, all_in_cost, periodic_all_in_cost
from trilend.credit.schedule import Instalment, build_schedule
from trilend.credit.terms import Method, Terms
from trilend.dates import month_anchor
from trilend.money import exact


@dataclass(frozen=True)
class Charge:
    """One charge: what for, who gets it, how and by which standard it is raised, how much in yuan and when."""

    name: str
    payee: str
    method: str
    standard: str
    amount: Decimal
    when: date | None = None
    """The day it is paid; None if it is spread over the instalments, as interest is."""


@dataclass(frozen=True)
class DefaultCharge:
    """A charge that arises only on default: what for, who gets it and by which standard."""

    name: str
    payee: str
    standard: str


@dataclass(frozen=True)
class Disclosure:
    """The table: the principal, every charge, their sum, the annualised total both ways, and what default costs."""

    principal: Decimal
    charges: tuple[Charge, ...]
    default_charges: tuple[DefaultCharge, ...]
    total_charges: Decimal
    cost: AllInCost

    @property
    def annualised(self) -> tuple[tuple[str, Decimal], ...]:
        """The annualised total as (label, fraction), simple first."""
        return (("simple", self.cost.simple), ("irr", self.cost.irr))


@exact
def disclosure(
    terms: Terms, interest: Charge, charges: Sequence[Charge] = (), default_charges: Sequence[DefaultCharge] = ()
) -> Disclosure:
    """Return the all-in-cost table of a loan on `terms`.

    `interest` says who gets it and how it is described; its amount is taken from the schedule. Each of `charges`
    needs its day. Loans and charges on whole months are annualised by twelve periods, others by days/365. Raises
    ValueError for a charge without a day.
    """
    schedule = build_schedule(terms)
    total_interest = sum((instalment.interest for instalment in schedule), terms.rounding.zero)
    rows = (_with_amount(interest, total_interest), *charges)
    return Disclosure(
        principal=terms.principal,
        charges=rows,
        default_charges=tuple(default_charges),
        total_charges=sum((row.amount for row in rows), terms.rounding.zero),
        cost=_cost(terms, schedule, borrower_flows(terms, schedule, charges)),
    )


@exact
def borrower_flows(terms: Terms, schedule: Sequence[Instalment], charges: Sequence[Charge]) -> tuple[CashFlow, ...]:
    """Return what the borrower receives (positive) and pays (negative): principal, instalments and dated charges."""
    flows = [CashFlow(terms.start, terms.principal)]
    flows += [CashFlow(instalment.due, -instalment.total) for instalment in schedule]
    for charge in charges:
        if charge.when is None:
            raise ValueError(f"the charge {charge.name} needs the day it is paid")
        flows.append(CashFlow(charge.when, -charge.amount))
    return tuple(flows)


def _with_amount(charge: Charge, amount: Decimal) -> Charge:
    return Charge(charge.name, charge.payee, charge.method, charge.standard, amount, charge.when)


def _cost(terms: Terms, schedule: Sequence[Instalment], flows: Sequence[CashFlow]) -> AllInCost:
    month_of = _months(terms, schedule)
    if not month_of or any(flow.when not in month_of for flow in flows):
        return all_in_cost(flows)
    amounts = [Decimal(0)] * (terms.periods + 1)
    for flow in flows:
        amounts[month_of[flow.when]] += flow.amount
    return periodic_all_in_cost(amounts)


def _months(terms: Terms, schedule: Sequence[Instalment]) -> dict[date, int]:
    """Return how many whole months after the start each day of payment is; nothing if the months are broken."""
    if terms.nominal_due_dates[0] != month_anchor(terms.start, 1):
        return {}
    if terms.method == Method.bullet:
        return {terms.start: 0, schedule[-1].due: terms.periods}
    return {terms.start: 0} | {instalment.due: instalment.number for instalment in schedule}
