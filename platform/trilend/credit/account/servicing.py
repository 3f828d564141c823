"""A loan walked through its events in order of value date; what it has become on the way."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from trilend.credit.account.contract import LoanContract, PrepaymentInterest
from trilend.credit.account.events import Disbursement, Event, Prepayment, PrepaymentEffect, Repayment
from trilend.credit.account.rows import Row
from trilend.credit.account.state import AppliedAmount, Payoff, ScheduleRow, SettlementMismatch
from trilend.credit.allocation import Component, allocate
from trilend.credit.amortisation import amortise, constant_part
from trilend.credit.errors import InvalidEvents
from trilend.credit.periods import interest_periods
from trilend.credit.terms import Method, Terms


@dataclass(slots=True)
class Money:
    """What is left of the yuan that one event brought."""

    event_id: str
    rest: Decimal


class Servicing:
    """The account of one loan while its events are applied; the caller feeds them in order of value date."""

    def __init__(self, contract: LoanContract) -> None:
        self.contract = contract
        self.rounding = contract.terms.rounding
        self.disbursed = self.rounding.zero
        self.rows: list[Row] = []
        self.fallen_due = 0
        """How many of `rows`, from the first, have fallen due."""
        self.prepaid: list[ScheduleRow] = []
        self.credit: list[Money] = []
        self.applied: list[AppliedAmount] = []
        self.mismatches: list[SettlementMismatch] = []
        self._constant = self.rounding.zero
        self._flat_base = self.rounding.zero

    def record(self, event: Event) -> None:
        """Apply one event on its value date."""
        self.advance(event.value_date)
        match event:
            case Disbursement():
                self._disburse(event)
            case Repayment():
                self._repay(event)
            case Prepayment():
                self._prepay(event)
            case _:
                raise InvalidEvents(event.id, f"{type(event).__name__} is no event of a loan")

    def advance(self, day: date) -> None:
        """Let instalments fall due up to and including `day`; money that waits pays each on its due date."""
        while self.fallen_due < len(self.rows) and self.rows[self.fallen_due].due <= day:
            due = self.rows[self.fallen_due].due
            self.fallen_due += 1
            for money in self.credit:
                self._pay_due(money, due)
            self._keep([])

    def payoff(self, day: date) -> Payoff:
        """Return what closes the loan on `day`, up to which it was advanced."""
        due = self.due_rows
        principal = self._sum(row.principal - row.principal_paid for row in due) + self.balance
        interest = self._sum(row.interest - row.interest_paid for row in due) + self._interest_to(day)
        penalty = self._sum(row.penalty(day, self.contract) - row.penalty_paid for row in due)
        owed = principal + interest + penalty
        return Payoff(principal, interest, penalty, self.unapplied, max(self.rounding.zero, owed - self.unapplied))

    @property
    def due_rows(self) -> list[Row]:
        """The instalments that have fallen due."""
        return self.rows[: self.fallen_due]

    @property
    def current(self) -> Row | None:
        """The instalment whose period is running."""
        return self.rows[self.fallen_due] if self.fallen_due < len(self.rows) else None

    @property
    def balance(self) -> Decimal:
        """Principal that has not fallen due."""
        return self._sum(row.principal for row in self.rows[self.fallen_due :])

    @property
    def unapplied(self) -> Decimal:
        """Money received that found nothing to pay."""
        return self._sum(money.rest for money in self.credit)

    def accrued(self, day: date) -> Decimal:
        """Return the interest earned from the first day to `day`."""
        earned = self._sum(row.interest for row in self.due_rows) + self._sum(row.interest for row in self.prepaid)
        if self.current is not None:
            earned += self.rounding.apply(self.current.unrounded_interest(day, self.contract))
        return earned

    def _disburse(self, event: Disbursement) -> None:
        if not self.disbursed:
            self._open(event)
        elif self.current is None:
            raise InvalidEvents(event.id, "pays out money after the last instalment has fallen due")
        else:
            self._draw_more(self.current, event)
        self.disbursed += event.amount

    def _open(self, event: Disbursement) -> None:
        terms = replace(self.contract.terms, principal=event.amount, start=event.value_date)
        self.rows = new_rows(terms)
        self._constant = constant_part(terms.method, terms.principal, [row.rate for row in self.rows], self.rounding)
        self._flat_base = terms.principal

    def _draw_more(self, current: Row, event: Disbursement) -> None:
        balance = self.balance + event.amount
        current.draw(event.amount, event.value_date, self.contract)
        self._flat_base += event.amount
        self._remake(balance, keep_constant=False)

    def _repay(self, event: Repayment) -> None:
        money = Money(event.id, event.amount)
        self._pay_due(money, event.value_date)
        self._keep([money])

    def _prepay(self, event: Prepayment) -> None:
        day, money = event.value_date, Money(event.id, event.amount)
        settles = event.effect == PrepaymentEffect.settle
        if settles:
            self._note_mismatch(event)
        self._pay_due(money, day)
        purse = [*self.credit, money] if settles else [money]
        available, interest, balance = self._sum(part.rest for part in purse), self._interest_to(day), self.balance
        principal = min(available - interest, balance)
        if principal > 0 or (settles and principal == balance):
            self._take_early(event, purse, interest, principal)
            self._after_prepayment(event, balance, principal)
        self._keep([money])

    def _note_mismatch(self, event: Prepayment) -> None:
        owed = self.payoff(event.value_date).total
        if owed != event.amount:
            self.mismatches.append(SettlementMismatch(event.id, owed, event.amount))

    def _interest_to(self, day: date) -> Decimal:
        """Return the interest of the running period that a prepayment on `day` has to pay."""
        if self.current is None:
            return self.rounding.zero
        if day > self.current.start and self.contract.prepayment_interest == PrepaymentInterest.full_period:
            return self.current.interest
        return self.rounding.apply(self.current.unrounded_interest(day, self.contract))

    def _take_early(self, event: Prepayment, purse: list[Money], interest: Decimal, principal: Decimal) -> None:
        self._draw(purse, Component.interest, interest)
        self._draw(purse, Component.principal, principal)
        if self.current is not None and interest + principal:
            start, day, none = self.current.start, event.value_date, self.rounding.zero
            paid = ScheduleRow(0, start, day, principal, interest, none, principal, interest, none, event.id)
            self.prepaid.append(paid)

    def _draw(self, purse: list[Money], component: Component, amount: Decimal) -> None:
        for money in purse:
            taken = min(money.rest, amount)
            if taken:
                self.applied.append(AppliedAmount(money.event_id, component, 0, taken))
                money.rest -= taken
                amount -= taken

    def _after_prepayment(self, event: Prepayment, balance: Decimal, principal: Decimal) -> None:
        if self.current is None:
            return
        if principal == balance:
            del self.rows[self.fallen_due :]
            return
        self._close_part_of(self.current, event.value_date)
        shortens = event.effect == PrepaymentEffect.shorten_term
        if not shortens:
            self._flat_base = self._flat_base * (balance - principal) / balance
        self._remake(balance - principal, keep_constant=shortens)

    def _close_part_of(self, current: Row, day: date) -> None:
        """Start the running period anew on `day`, its interest so far being paid."""
        whole = day > current.start and self.contract.prepayment_interest == PrepaymentInterest.full_period
        current.earned_before = current.rate if whole else current.earned(day, self.contract)
        current.carried = self.rounding.zero

    def _remake(self, balance: Decimal, *, keep_constant: bool) -> None:
        """Spread `balance` over the instalments to come; one that is not needed any more is dropped."""
        method, rows = self.contract.terms.method, self.rows[self.fallen_due :]
        base = self._flat_base if method == Method.flat else balance
        rates = [row.rate for row in rows]
        rates[0] += rows[0].carried / base - rows[0].earned_before
        if not keep_constant:
            self._constant = constant_part(method, balance, rates, self.rounding)
        parts = amortise(method, balance, rates, self.rounding, self._constant, self._flat_base)
        for row, part in zip(rows, parts, strict=True):
            row.base, row.principal, row.interest = part
        if keep_constant:
            self._drop_unneeded()

    def _drop_unneeded(self) -> None:
        while self.rows[-1].principal == 0:
            self.rows.pop()

    def _pay_due(self, money: Money, day: date) -> None:
        if not money.rest:
            return
        items = [item for row in self.due_rows if not row.is_closed for item in row.open_items(day, self.contract)]
        allocation = allocate(money.rest, items, self.contract.allocation_order)
        for line in allocation.lines:
            self.rows[line.instalment - 1].pay(line.component, line.amount, day, self.contract)
            self.applied.append(AppliedAmount(money.event_id, line.component, line.instalment, line.amount))
        money.rest = allocation.unapplied

    def _keep(self, more: list[Money]) -> None:
        self.credit = [money for money in (*self.credit, *more) if money.rest]

    def _sum(self, amounts: Iterable[Decimal]) -> Decimal:
        return sum(amounts, self.rounding.zero)


def new_rows(terms: Terms) -> list[Row]:
    """Return the rows of a loan on `terms` on which nothing has been paid."""
    periods = interest_periods(terms)
    rates = [period.rate for period in periods]
    constant = constant_part(terms.method, terms.principal, rates, terms.rounding)
    parts = amortise(terms.method, terms.principal, rates, terms.rounding, constant)
    return [Row.of(period, part, terms.rounding.zero) for period, part in zip(periods, parts, strict=True)]
