"""The five tiers of risk by days past due."""

from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """The five tiers, best first; as a value, `normal` is the trade's "pass"."""

    normal = "pass"
    special_mention = "special_mention"
    substandard = "substandard"
    doubtful = "doubtful"
    loss = "loss"

    @property
    def rank(self) -> int:
        """0 for the best tier to 4 for the worst."""
        return _RANKS[self]


_RANKS = {tier: rank for rank, tier in enumerate(Tier)}


@dataclass(frozen=True)
class TierThresholds:
    """From how many days past due each tier begins, for one type of security; None where days never lead there.

    Raises ValueError if a worse tier begins before a better one.
    """

    special_mention: int | None
    substandard: int | None
    doubtful: int | None = None
    loss: int | None = None
    non_performing: int | None = 90
    """Days from which the loan is at least substandard whatever the table says: 金规〔2024〕26号."""
    overdue_is_special_mention: bool = False
    """Whether a single day past due is at least special-mention."""

    def __post_init__(self) -> None:
        days = [
            first for first in (self.special_mention, self.substandard, self.doubtful, self.loss) if first is not None
        ]
        if days != sorted(days):
            raise ValueError(f"a worse tier cannot begin earlier than a better one: {days}")


def classify(days_past_due: int, thresholds: TierThresholds) -> Tier:
    """Return the tier of a loan `days_past_due` calendar days late, by the table and the two rules that cap it.

    Raises ValueError for negative days.
    """
    if days_past_due < 0:
        raise ValueError(f"days past due cannot be {days_past_due}")
    tiers = [Tier.normal]
    for tier, first_day in _beginnings(thresholds):
        if first_day is not None and days_past_due >= first_day:
            tiers.append(tier)
    return max(tiers, key=lambda tier: tier.rank)


def worst(*tiers: Tier) -> Tier:
    """Return the worst of `tiers`: of days, judgement and the borrower's other loans the worst decides."""
    return max(tiers, key=lambda tier: tier.rank)


def _beginnings(thresholds: TierThresholds) -> tuple[tuple[Tier, int | None], ...]:
    return (
        (Tier.special_mention, 1 if thresholds.overdue_is_special_mention else None),
        (Tier.special_mention, thresholds.special_mention),
        (Tier.substandard, thresholds.substandard),
        (Tier.substandard, thresholds.non_performing),
        (Tier.doubtful, thresholds.doubtful),
        (Tier.loss, thresholds.loss),
    )
