"""Five tiers by days past due, by a province's table and the two rules that cap it."""

import pytest

from trilend.credit.classification import Tier, TierThresholds, classify, worst

CREDIT = TierThresholds(special_mention=11, substandard=91, doubtful=181, loss=361)
MORTGAGE = TierThresholds(special_mention=31, substandard=361)


@pytest.mark.parametrize(
    ("days", "tier"),
    [
        (0, Tier.normal),
        (10, Tier.normal),
        (11, Tier.special_mention),
        (89, Tier.special_mention),
        (90, Tier.substandard),
        (180, Tier.substandard),
        (181, Tier.doubtful),
        (361, Tier.loss),
        (4000, Tier.loss),
    ],
)
def test_a_loan_on_credit(days: int, tier: Tier) -> None:
    assert classify(days, CREDIT) == tier


@pytest.mark.parametrize(
    ("days", "tier"),
    [(30, Tier.normal), (31, Tier.special_mention), (90, Tier.substandard), (4000, Tier.substandard)],
)
def test_security_slows_the_table_but_not_the_ninety_days(days: int, tier: Tier) -> None:
    assert classify(days, MORTGAGE) == tier


def test_the_ninety_days_are_a_figure_too() -> None:
    lenient = TierThresholds(special_mention=31, substandard=361, non_performing=None)
    assert classify(360, lenient) == Tier.special_mention


def test_any_overdue_may_be_special_mention() -> None:
    strict = TierThresholds(special_mention=31, substandard=361, overdue_is_special_mention=True)
    assert [classify(days, strict) for days in (0, 1)] == [Tier.normal, Tier.special_mention]


def test_the_value_of_the_best_tier_is_pass() -> None:
    assert [str(tier) for tier in Tier] == ["pass", "special_mention", "substandard", "doubtful", "loss"]


def test_the_worst_opinion_decides() -> None:
    assert worst(Tier.special_mention, Tier.doubtful, Tier.normal) == Tier.doubtful


def test_a_table_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="earlier than a better one"):
        TierThresholds(special_mention=31, substandard=11)


def test_negative_days_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be -1"):
        classify(-1, CREDIT)
