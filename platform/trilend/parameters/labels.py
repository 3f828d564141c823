"""What parameters are called on pages."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

_LABELS: dict[str, LazyString] = {
    "net_assets": _l("Net assets at last year-end"),
    "single_borrower_ratio": _l("Limit for one borrower, of net assets"),
    "all_in_cost_ceiling": _l("Ceiling of the all-in cost a year"),
    "penalty_multiple": _l("Penalty rate as a multiple of the contract rate"),
    "reading_seconds": _l("Enforced reading time of the cost table (seconds)"),
    "reveals_per_day": _l("Masked fields one person may reveal on a day"),
    "lpr_1y": _l("1-year LPR"),
    "provision_pass": _l("Provision: pass"),
    "provision_special_mention": _l("Provision: special mention"),
    "provision_substandard": _l("Provision: substandard"),
    "provision_doubtful": _l("Provision: doubtful"),
    "provision_loss": _l("Provision: loss"),
    "tier_special_mention_days": _l("Special mention from (days past due)"),
    "tier_substandard_days": _l("Substandard from (days past due)"),
    "tier_doubtful_days": _l("Doubtful from (days past due)"),
    "tier_loss_days": _l("Loss from (days past due)"),
    "non_performing_days": _l("Non-performing from (days past due)"),
}


def label_of(name: str) -> LazyString | str:
    """The name of a parameter for people, or its code if it has none."""
    return _LABELS.get(name, name)
