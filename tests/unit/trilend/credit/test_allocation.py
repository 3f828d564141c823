"""A payment spread over what is owed."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trilend.credit.allocation import AllocatedAmount, AllocationOrder, Component, OpenItem, Timing, allocate

JANUARY, FEBRUARY, MARCH = date(2026, 1, 15), date(2026, 2, 15), date(2026, 3, 15)
BY_LAW = AllocationOrder()


def item(instalment: int, due: date, timing: Timing, component: Component, amount: int) -> OpenItem:
    return OpenItem(instalment, due, timing, component, Decimal(amount))


OWED = [
    item(3, MARCH, Timing.in_advance, Component.principal, 900),
    item(2, FEBRUARY, Timing.due, Component.principal, 800),
    item(2, FEBRUARY, Timing.due, Component.interest, 80),
    item(1, JANUARY, Timing.past_due, Component.principal, 700),
    item(1, JANUARY, Timing.past_due, Component.interest, 70),
    item(1, JANUARY, Timing.past_due, Component.penalty, 7),
    item(1, JANUARY, Timing.past_due, Component.fee, 30),
]


def paid(amount: int, order: AllocationOrder = BY_LAW) -> list[tuple[int, str, int]]:
    lines = allocate(Decimal(amount), OWED, order).lines
    return [(line.instalment, str(line.component), int(line.amount)) for line in lines]


def test_the_law_pays_costs_then_interest_then_principal() -> None:
    assert paid(500) == [(1, "fee", 30), (1, "penalty", 7), (1, "interest", 70), (1, "principal", 393)]


def test_past_due_comes_before_due_before_in_advance() -> None:
    assert paid(2587) == [
        (1, "fee", 30),
        (1, "penalty", 7),
        (1, "interest", 70),
        (1, "principal", 700),
        (2, "interest", 80),
        (2, "principal", 800),
        (3, "principal", 900),
    ]


def test_a_product_may_pay_principal_first() -> None:
    order = AllocationOrder(((Timing.past_due, Component.principal), (Timing.due, Component.principal)))
    assert paid(1000, order) == [(1, "principal", 700), (2, "principal", 300)]


def test_what_the_order_leaves_out_is_not_paid() -> None:
    order = AllocationOrder(((Timing.past_due, Component.fee),))
    allocation = allocate(Decimal(100), OWED, order)
    assert allocation.lines == (AllocatedAmount(1, Component.fee, Decimal(30)),)
    assert allocation.unapplied == 70


def test_the_oldest_instalment_may_be_paid_whole_first() -> None:
    two_late = [
        item(2, FEBRUARY, Timing.past_due, Component.interest, 80),
        item(1, JANUARY, Timing.past_due, Component.principal, 700),
        item(1, JANUARY, Timing.past_due, Component.interest, 70),
    ]
    by_component = allocate(Decimal(200), two_late, BY_LAW).lines
    by_instalment = allocate(Decimal(200), two_late, AllocationOrder(instalment_first=True)).lines
    assert [(line.instalment, int(line.amount)) for line in by_component] == [(1, 70), (2, 80), (1, 50)]
    assert [(line.instalment, int(line.amount)) for line in by_instalment] == [(1, 70), (1, 130)]


def test_more_than_all_leaves_a_rest() -> None:
    assert allocate(Decimal(3000), OWED, BY_LAW).unapplied == 413


def test_a_pair_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="each timing and component once"):
        AllocationOrder(((Timing.due, Component.fee), (Timing.due, Component.fee)))


def test_negative_amounts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        allocate(Decimal(-1), OWED, BY_LAW)
    with pytest.raises(ValueError, match="negative"):
        allocate(Decimal(1), [item(1, JANUARY, Timing.due, Component.fee, -1)], BY_LAW)


open_items = st.lists(
    st.builds(
        OpenItem,
        st.integers(1, 12),
        st.sampled_from([JANUARY, FEBRUARY, MARCH]),
        st.sampled_from(Timing),
        st.sampled_from(Component),
        st.integers(0, 10**6).map(lambda cents: Decimal(cents).scaleb(-2)),
    )
)


@given(st.integers(0, 10**7).map(lambda cents: Decimal(cents).scaleb(-2)), open_items, st.booleans())
def test_lines_and_rest_make_up_the_payment(amount: Decimal, items: list[OpenItem], whole: bool) -> None:
    allocation = allocate(amount, items, AllocationOrder(instalment_first=whole))
    applied = sum((line.amount for line in allocation.lines), Decimal(0))
    owed = sum((entry.amount for entry in items), Decimal(0))
    assert applied + allocation.unapplied == amount
    assert applied == min(amount, owed)
