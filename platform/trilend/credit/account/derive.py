"""From contract, events and a date to the state of a loan, in whatever order the events were entered."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from trilend.credit.account.contract import LoanContract
from trilend.credit.account.events import Disbursement, Event, Prepayment, Repayment, Reversal
from trilend.credit.account.servicing import Servicing, new_rows
from trilend.credit.account.state import LoanState, LoanStatus, Payoff, ScheduleRow
from trilend.credit.errors import InvalidEvents
from trilend.money import exact

_ORDER_WITHIN_A_DAY: dict[type[Event], int] = {Disbursement: 0, Repayment: 1, Prepayment: 2}


@exact
def derive(contract: LoanContract, events: Sequence[Event], as_of: date) -> LoanState:
    """Return how the loan stands at the end of `as_of`; events of a later value date have not happened yet.

    Events count by value date; on one day disbursements come before repayments before prepayments, then by id. Raises
    InvalidEvents for two events of one id, for the reversal of an event that is not there, and for a disbursement
    after the last due date.
    """
    account = _serviced(contract, events, as_of)
    rows = account.rows if account.disbursed else new_rows(contract.terms)
    snapshots = [row.snapshot(as_of, contract) for row in rows]
    schedule = sorted((*snapshots, *account.prepaid), key=lambda row: (row.due, row.number == 0))
    return _state(account, tuple(schedule), as_of)


@exact
def payoff(contract: LoanContract, events: Sequence[Event], as_of: date) -> Payoff:
    """Return what closes the loan on `as_of`, after the events up to and including that day."""
    return _serviced(contract, events, as_of).payoff(as_of)


def require_exact_settlement(contract: LoanContract, events: Sequence[Event], settlement: Prepayment) -> None:
    """Raise InvalidEvents unless `settlement` is exactly what closes the loan on its value date.

    For the moment of entry: afterwards a backdated entry may still change what would have been owed, which the state
    tells as a mismatch instead of refusing to be derived.
    """
    owed = payoff(contract, events, settlement.value_date).total
    if settlement.amount != owed:
        raise InvalidEvents(settlement.id, f"settles with {settlement.amount} yuan what takes {owed} yuan")


def _serviced(contract: LoanContract, events: Sequence[Event], as_of: date) -> Servicing:
    account = Servicing(contract)
    for event in sorted(_standing(events, as_of), key=_place):
        account.record(event)
    account.advance(as_of)
    return account


def _place(event: Event) -> tuple[date, int, str]:
    return event.value_date, _ORDER_WITHIN_A_DAY.get(type(event), len(_ORDER_WITHIN_A_DAY)), event.id


def _standing(events: Sequence[Event], as_of: date) -> list[Event]:
    """Return the events that have happened by `as_of` and are not reversed by then."""
    by_id = {event.id: event for event in events}
    if len(by_id) != len(events):
        raise InvalidEvents(_repeated_id(events), "is recorded twice")
    void: set[str] = set()
    for event in events:
        if isinstance(event, Reversal):
            if event.of not in by_id or isinstance(by_id[event.of], Reversal):
                raise InvalidEvents(event.id, f"reverses {event.of}, which is no event that can be reversed")
            if event.value_date <= as_of:
                void.add(event.of)
    return [
        event
        for event in events
        if event.value_date <= as_of and event.id not in void and not isinstance(event, Reversal)
    ]


def _repeated_id(events: Sequence[Event]) -> str:
    ids = [event.id for event in events]
    return next(event_id for event_id in ids if ids.count(event_id) > 1)


def _state(account: Servicing, schedule: tuple[ScheduleRow, ...], as_of: date) -> LoanState:
    unpaid = [row for row in account.due_rows if row.is_unpaid]
    overdue = [row for row in unpaid if row.due < as_of]
    oldest = min((row.due for row in unpaid), default=None)
    total = _Totals(account.rounding.zero)
    principal_paid = total.of(row.principal_paid for row in schedule)
    return LoanState(
        as_of=as_of,
        status=_status(account, schedule),
        schedule=schedule,
        disbursed=account.disbursed,
        principal_outstanding=account.disbursed - principal_paid,
        principal_due=total.of(row.principal - row.principal_paid for row in unpaid),
        principal_overdue=total.of(row.principal - row.principal_paid for row in overdue),
        principal_paid=principal_paid,
        interest_accrued_to_date=account.accrued(as_of),
        interest_due=total.of(row.interest - row.interest_paid for row in unpaid),
        interest_overdue=total.of(row.interest - row.interest_paid for row in overdue),
        interest_paid=total.of(row.interest_paid for row in schedule),
        penalty_accrued=total.of(row.penalty for row in schedule),
        penalty_paid=total.of(row.penalty_paid for row in schedule),
        unapplied=account.unapplied,
        days_past_due=(as_of - oldest).days if oldest else 0,
        oldest_unpaid_due=oldest,
        allocations=tuple(account.applied),
        mismatches=tuple(account.mismatches),
    )


class _Totals:
    """Sums in yuan that keep the places of the product's rounding."""

    def __init__(self, zero: Decimal) -> None:
        self._zero = zero

    def of(self, amounts: Iterable[Decimal]) -> Decimal:
        return sum(amounts, self._zero)


def _status(account: Servicing, schedule: Sequence[ScheduleRow]) -> LoanStatus:
    if not account.disbursed:
        return LoanStatus.pending
    if account.balance or any(row.outstanding for row in schedule):
        return LoanStatus.active
    return LoanStatus.settled
