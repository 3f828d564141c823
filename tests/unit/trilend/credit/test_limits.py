"""Limits against figures passed in."""

from decimal import Decimal

import pytest

from trilend.credit.limits import (
    LimitCheck,
    all_in_cost_ceiling,
    funding_limit,
    household_limit,
    reference_rate_ceiling,
    related_group_limit,
    single_borrower_limit,
)

BASIS = "金规〔2024〕26号"
NET_ASSETS = Decimal(50_000_000)


@pytest.mark.parametrize(("requested", "passes"), [("2000000", True), ("2000000.01", False)])
def test_one_borrower_reaches_the_limit_but_does_not_pass_it(requested: str, passes: bool) -> None:
    check = single_borrower_limit(NET_ASSETS, Decimal("0.1"), Decimal(3_000_000), Decimal(requested), BASIS)
    assert check == LimitCheck(
        "single_borrower", BASIS, Decimal(5_000_000), Decimal(3_000_000), Decimal(requested), passes
    )
    assert check.room == 2_000_000


def test_a_group_has_its_own_ratio() -> None:
    check = related_group_limit(NET_ASSETS, Decimal("0.15"), Decimal(7_000_000), Decimal(600_000), BASIS)
    assert (check.rule, check.cap, check.room, check.passes) == ("related_group", 7_500_000, 500_000, False)


@pytest.mark.parametrize("net_assets", [Decimal(0), Decimal(-1)])
def test_without_net_assets_nothing_is_lent(net_assets: Decimal) -> None:
    check = single_borrower_limit(net_assets, Decimal("0.1"), Decimal(0), Decimal("0.01"), BASIS)
    assert (check.cap, check.room, check.passes) == (0, 0, False)


def test_room_is_never_negative() -> None:
    check = household_limit(Decimal(200_000), Decimal(250_000), Decimal(1), BASIS)
    assert (check.rule, check.room, check.passes) == ("household", 0, False)


def test_funding_is_a_multiple_of_net_assets() -> None:
    check = funding_limit(NET_ASSETS, Decimal(1), Decimal(40_000_000), Decimal(10_000_000), BASIS)
    assert (check.rule, check.cap, check.passes) == ("funding", 50_000_000, True)


@pytest.mark.parametrize(("rate", "passes"), [("0.24", True), ("0.2400000001", False)])
def test_the_all_in_cost_has_a_ceiling(rate: str, passes: bool) -> None:
    check = all_in_cost_ceiling(Decimal(rate), Decimal("0.24"), BASIS)
    assert (check.rule, check.cap, check.used, check.passes) == ("all_in_cost", Decimal("0.24"), 0, passes)


def test_a_ceiling_may_follow_a_reference_rate() -> None:
    check = reference_rate_ceiling(Decimal("0.13"), Decimal(4), Decimal("0.03"), BASIS)
    assert (check.rule, check.cap, check.passes) == ("all_in_cost_reference_rate", Decimal("0.12"), False)
