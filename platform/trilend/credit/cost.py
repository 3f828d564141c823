"""The all-in financing cost of a loan: every charge of every party as dated cash flows, annualised two ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from trilend.credit.errors import NoRateOfReturn
from trilend.dates import days_between
from trilend.money import exact

MONTHLY = 12
DAYS_A_YEAR = 365

_NOTHING = Decimal(0)
_RESOLUTION = Decimal("1E-24")
_KEPT = Decimal("1E-10")
_FIRST_STEP = Decimal("1E-4")
_HIGHEST_RATE = Decimal(10) ** 6


@dataclass(frozen=True, slots=True)
class CashFlow:
    """Yuan that the borrower receives (positive) or pays (negative) on a day."""

    when: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class AllInCost:
    """The cost a year as fractions, each with its label: `simple` = m·r, `irr` = (1 + r)^m - 1.

    r is the internal rate of one period, m the periods a year; both are kept to ten places.
    """

    simple: Decimal
    irr: Decimal


@exact
def periodic_all_in_cost(amounts: Sequence[Decimal], periods_a_year: int = MONTHLY) -> AllInCost:
    """Return the cost of flows one period apart; the first is at once, and what is received is positive.

    PBOC notice 〔2021〕3: 99,000 received and 12 monthly payments of 8,833.3 cost 12.80 % simple, 13.58 % IRR.
    Raises NoRateOfReturn if all flows go one way or the rate has no meaning (a millionfold a year).
    """
    rate = _internal_rate(list(enumerate(amounts)))
    return AllInCost(_keep(rate * periods_a_year), _keep((1 + rate) ** periods_a_year - 1))


@exact
def all_in_cost(flows: Sequence[CashFlow], periods_a_year: int = MONTHLY) -> AllInCost:
    """Return the cost of flows on any dates, discounted by days/365 from the first of them.

    `simple` is quoted for `periods_a_year`, so that it compares with periodic loans. Raises NoRateOfReturn if all
    flows go one way or fall on one day, or the rate has no meaning (a millionfold a year).
    """
    if not flows:
        raise NoRateOfReturn("there are no cash flows")
    origin = min(flow.when for flow in flows)
    daily = _internal_rate([(days_between(origin, flow.when), flow.amount) for flow in flows])
    growth = (1 + daily).ln() * DAYS_A_YEAR
    periodic = (growth / periods_a_year).exp() - 1
    return AllInCost(_keep(periodic * periods_a_year), _keep(growth.exp() - 1))


def _keep(rate: Decimal) -> Decimal:
    if rate > _HIGHEST_RATE:
        raise NoRateOfReturn("the rate of return is beyond any meaning")
    return rate.quantize(_KEPT, rounding=ROUND_HALF_UP)


def _internal_rate(flows: Sequence[tuple[int, Decimal]]) -> Decimal:
    """Return the rate per unit of time at which `flows` (time, yuan) are worth nothing, by bracketing and halving."""
    netted = _net_by_time(flows)
    if len(netted) < 2 or not (min(amount for _, amount in netted) < 0 < max(amount for _, amount in netted)):
        raise NoRateOfReturn("cash flows that go one way only, or on one day, have no rate of return")
    at_zero = _present_value(netted, _NOTHING)
    if at_zero == 0:
        return _NOTHING
    low, high = _bracket(netted, at_zero)
    rises = _present_value(netted, low) < 0
    while high - low > _RESOLUTION:
        middle = (low + high) / 2
        if (_present_value(netted, middle) < 0) == rises:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _net_by_time(flows: Sequence[tuple[int, Decimal]]) -> list[tuple[int, Decimal]]:
    net: dict[int, Decimal] = {}
    for time, amount in flows:
        net[time] = net.get(time, _NOTHING) + amount
    return [(time, amount) for time, amount in sorted(net.items()) if amount]


def _present_value(flows: Sequence[tuple[int, Decimal]], rate: Decimal) -> Decimal:
    discount = 1 / (1 + rate)
    return sum((amount * discount**time for time, amount in flows), _NOTHING)


def _bracket(flows: Sequence[tuple[int, Decimal]], at_zero: Decimal) -> tuple[Decimal, Decimal]:
    """Walk away from nothing, up and down in turn and ever further, until the sign of the present value changes."""
    up = down = _FIRST_STEP
    while up < _HIGHEST_RATE:
        if (_present_value(flows, up) < 0) != (at_zero < 0):
            return _NOTHING, up
        if (_present_value(flows, -down) < 0) != (at_zero < 0):
            return -down, _NOTHING
        up, down = up * 2, min(down * 2, (down + 1) / 2)
    raise NoRateOfReturn("no rate of return makes these cash flows worth nothing")
