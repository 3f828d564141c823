"""How a balance is paid back over periods of given rates: the core that first schedules and re-made ones share."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from trilend.credit.terms import Method
from trilend.money import Rounding, exact

NOTHING = Decimal(0)


class Part(NamedTuple):
    """One instalment: the sum its interest runs on, its principal and its interest, in yuan."""

    base: Decimal
    principal: Decimal
    interest: Decimal


@exact
def level_payment(principal: Decimal, rates: Sequence[Decimal]) -> Decimal:
    """Return the unrounded level payment that repays `principal` over periods of `rates` (fractions, may differ).

    f_1 = 1, f_k = 1 + f_{k-1}(1 + r_k); A = P·Π(1 + r_k) / f_n. With equal rates this is P·i(1+i)^n / ((1+i)^n - 1).
    """
    growth, factor = Decimal(1), NOTHING
    for rate in rates:
        growth *= 1 + rate
        factor = 1 + factor * (1 + rate)
    return principal * growth / factor


@exact
def constant_part(method: Method, principal: Decimal, rates: Sequence[Decimal], rounding: Rounding) -> Decimal:
    """Return what is the same in each instalment: the level payment, the share of principal, or nothing."""
    match method:
        case Method.annuity:
            return rounding.apply(level_payment(principal, rates))
        case Method.equal_principal | Method.flat:
            return rounding.apply(principal / len(rates))
        case Method.interest_only | Method.bullet:
            return rounding.zero


@exact
def amortise(
    method: Method,
    principal: Decimal,
    rates: Sequence[Decimal],
    rounding: Rounding,
    constant: Decimal,
    flat_base: Decimal | None = None,
) -> list[Part]:
    """Spread `principal` over periods of `rates`; the last one takes the residue.

    `constant` is `constant_part`'s, or an older one that the debtor goes on paying. `flat_base` is the sum that flat
    interest runs on (default: `principal`). No part is ever negative and the principal parts sum to `principal`.
    """
    parts: list[Part] = []
    balance = rounding.apply(principal)
    last = len(rates) - 1
    for index, rate in enumerate(rates):
        base = (principal if flat_base is None else flat_base) if method == Method.flat else balance
        interest = rounding.apply(base * rate)
        wanted = balance if index == last else constant - (interest if method == Method.annuity else NOTHING)
        repaid = max(rounding.zero, min(wanted, balance))
        parts.append(Part(base, repaid, interest))
        balance -= repaid
    return parts
