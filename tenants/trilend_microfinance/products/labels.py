"""What methods, day counts and roundings are called on pages and in workbooks."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

METHODS: dict[str, LazyString] = {
    "annuity": _l("Level payment (annuity)"),
    "equal_principal": _l("Equal principal"),
    "interest_only": _l("Interest first, principal at the end"),
    "bullet": _l("Principal and interest at the end"),
    "flat": _l("Flat instalments"),
}
METHOD_BY_CHINESE_NAME = {
    "等额本息": "annuity",
    "等额本金": "equal_principal",
    "先息后本": "interest_only",
    "一次还本付息": "bullet",
    "等本等息": "flat",
}
CHINESE_METHOD_NAME = {code: name for name, code in METHOD_BY_CHINESE_NAME.items()}
DAY_COUNTS: dict[str, LazyString] = {
    "thirty_360": _l("30/360"),
    "actual_360": _l("actual/360"),
    "actual_365": _l("actual/365"),
    "actual_actual": _l("actual/actual"),
}
# The contract is in Chinese whatever language the page is in.
CHINESE_DAY_COUNT_NAME = {
    "thirty_360": "30/360",
    "actual_360": "实际天数/360",
    "actual_365": "实际天数/365",
    "actual_actual": "实际天数/实际天数",
}
INTEREST_UNITS: dict[str, LazyString] = {"per_period": _l("Whole months"), "daily": _l("Day by day")}
ROUNDINGS: dict[str, LazyString] = {
    "half_up": _l("Half up"),
    "half_even": _l("Half to even"),
    "down": _l("Down"),
    "up": _l("Up"),
}
HOLIDAY_RULES: dict[str, LazyString] = {
    "keep": _l("Keep the date"),
    "next": _l("Next working day"),
    "previous": _l("Previous working day"),
}
