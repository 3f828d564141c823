"""What states of applications and loans are called on pages."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

APPLICATION_STATES: dict[str, LazyString] = {
    "submitted": _l("Waiting for a decision"),
    "approved": _l("Approved"),
    "refused": _l("Refused"),
    "contracted": _l("Under contract"),
}
LOAN_STATES: dict[str, LazyString] = {
    "contracted": _l("Contract out for signature"),
    "disbursing": _l("Being paid out"),
    "active": _l("In repayment"),
    "settled": _l("Settled"),
}
