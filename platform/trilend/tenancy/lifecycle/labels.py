"""What the lines of a tenant's log are called on pages."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

_DONE: dict[str, LazyString] = {
    "made": _l("Space made"),
    "verify": _l("Company verified"),
    "unverify": _l("Verification taken back"),
    "suspend_reading": _l("Suspended, reading allowed"),
    "suspend_shut": _l("Suspended and shut"),
    "resume": _l("Suspension ended"),
    "close": _l("Closed"),
    "closing_announced": _l("Closing announced"),
    "closing_taken_back": _l("Closing taken back"),
    "moved": _l("Moved to another server"),
    "copied": _l("Earlier state brought back"),
    "copy_opened": _l("Earlier state opened"),
    "plan": _l("Plan changed"),
    "paper_accepted": _l("Paper accepted"),
    "paper_rejected": _l("Paper rejected"),
    "paper_inspected": _l("Paper looked at"),
    "paper_expiring": _l("Reminded of a paper that runs out"),
    "domain_verified": _l("Domain proved"),
    "domain_lost": _l("Domain lost"),
}


def event_label(act: str) -> LazyString | str:
    """The name of a line of the log, or its code if it has none yet."""
    return _DONE.get(act, act)
