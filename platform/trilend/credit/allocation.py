"""How a payment is spread over what is owed: the law's order, or the product's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from trilend.money import exact


class Timing(StrEnum):
    """Where an item stands on the day of payment."""

    past_due = "past_due"
    due = "due"
    in_advance = "in_advance"


class Component(StrEnum):
    """What an item is owed for."""

    penalty = "penalty"
    fee = "fee"
    interest = "interest"
    principal = "principal"


BY_LAW = (Component.fee, Component.penalty, Component.interest, Component.principal)
"""Costs and fees, then interest (penalty interest first), then principal: Civil Code art. 561."""


@dataclass(frozen=True)
class AllocationOrder:
    """The order in which a payment is spread; the default is the law's.

    Raises ValueError if `sequence` names a pair twice.
    """

    sequence: tuple[tuple[Timing, Component], ...] = tuple((timing, part) for timing in Timing for part in BY_LAW)
    """What is paid first; a pair that is left out is never paid from a payment."""
    instalment_first: bool = False
    """Whether the oldest instalment is paid whole before the next, rather than pair after pair over all of them."""

    def __post_init__(self) -> None:
        if len(set(self.sequence)) != len(self.sequence):
            raise ValueError("an allocation order names each timing and component once")

    @cached_property
    def rank(self) -> dict[tuple[Timing, Component], int]:
        """The place of each pair of `sequence`, from 0."""
        return {pair: place for place, pair in enumerate(self.sequence)}

    def covers(self, *timings: Timing) -> bool:
        """Tell whether every component of `timings` has its place."""
        return all((timing, part) in self.rank for timing in timings for part in Component)


class OpenItem(NamedTuple):
    """Something owed: yuan of one component of one instalment."""

    instalment: int
    due: date
    timing: Timing
    component: Component
    amount: Decimal


class AllocatedAmount(NamedTuple):
    """Yuan of a payment that went to one component of one instalment."""

    instalment: int
    component: Component
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Allocation:
    """Where a payment went, and the yuan that found nothing to pay."""

    lines: tuple[AllocatedAmount, ...]
    unapplied: Decimal


@exact
def allocate(amount: Decimal, items: Sequence[OpenItem], order: AllocationOrder) -> Allocation:
    """Spread `amount` yuan over `items` in `order`, older due dates first among equals.

    The lines and the unapplied rest sum to `amount`. Raises ValueError for a negative amount or item.
    """
    if amount < 0 or any(item.amount < 0 for item in items):
        raise ValueError("neither a payment nor an open item can be negative")
    lines: list[AllocatedAmount] = []
    rest = amount
    for item in _in_order(items, order):
        paid = min(rest, item.amount)
        if paid:
            lines.append(AllocatedAmount(item.instalment, item.component, paid))
            rest -= paid
    return Allocation(tuple(lines), rest)


def _in_order(items: Sequence[OpenItem], order: AllocationOrder) -> list[OpenItem]:
    rank = order.rank
    ranked = [(rank[item.timing, item.component], item) for item in items if (item.timing, item.component) in rank]
    if order.instalment_first:
        ranked.sort(key=lambda entry: (entry[1].due, entry[1].instalment, entry[0]))
    else:
        ranked.sort(key=lambda entry: (entry[0], entry[1].due, entry[1].instalment))
    return [item for _, item in ranked]
