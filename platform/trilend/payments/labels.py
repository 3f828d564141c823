"""What states of payment instructions are called on pages."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

INSTRUCTION_STATES: dict[str, LazyString] = {
    "recorded": _l("Not sent yet"),
    "sending": _l("Being sent"),
    "accepted": _l("Accepted by the bank"),
    "unknown": _l("Outcome unknown"),
    "settled": _l("Money arrived"),
    "rejected": _l("Rejected by the bank"),
}
