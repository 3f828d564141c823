"""The colour and the name of a state, so that the same state looks the same on every page."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from markupsafe import Markup

TONES = frozenset({"neutral", "info", "progress", "success", "warning", "danger"})

# Codes of states that more than one area uses; an area's own states are shown by giving tone and label.
STATES: dict[str, tuple[str, LazyString]] = {
    "draft": ("neutral", _("Draft")),
    "trial": ("info", _("Trial")),
    "provisioning": ("progress", _("Being set up")),
    "verified": ("success", _("Verified")),
    "unverified": ("warning", _("Not verified")),
    "active": ("success", _("Active")),
    "inactive": ("neutral", _("Inactive")),
    "suspended": ("danger", _("Suspended")),
    "closed": ("neutral", _("Closed")),
    "locked": ("danger", _("Locked")),
    "new": ("info", _("New")),
    "submitted": ("info", _("Submitted")),
    "pending": ("warning", _("Pending")),
    "waiting": ("warning", _("Waiting")),
    "in_review": ("progress", _("In review")),
    "in_progress": ("progress", _("In progress")),
    "running": ("progress", _("Running")),
    "queued": ("info", _("Queued")),
    "approved": ("success", _("Approved")),
    "rejected": ("danger", _("Rejected")),
    "refused": ("danger", _("Refused")),
    "returned": ("warning", _("Returned")),
    "withdrawn": ("neutral", _("Withdrawn")),
    "cancelled": ("neutral", _("Cancelled")),
    "expired": ("neutral", _("Expired")),
    "signed": ("success", _("Signed")),
    "sent": ("info", _("Sent")),
    "succeeded": ("success", _("Succeeded")),
    "done": ("success", _("Done")),
    "failed": ("danger", _("Failed")),
    "unknown": ("warning", _("Outcome unknown")),
    "paid": ("success", _("Paid")),
    "due": ("warning", _("Due")),
    "overdue": ("danger", _("Overdue")),
    "settled": ("neutral", _("Settled")),
    "released": ("success", _("Released")),
    "disbursed": ("success", _("Disbursed")),
    "written_off": ("neutral", _("Written off")),
    "pass": ("success", _("Pass")),
    "special_mention": ("warning", _("Special mention")),
    "substandard": ("warning", _("Substandard")),
    "doubtful": ("danger", _("Doubtful")),
    "loss": ("danger", _("Loss")),
    "enabled": ("success", _("Enabled")),
    "disabled": ("neutral", _("Disabled")),
    "yes": ("success", _("Yes")),
    "no": ("neutral", _("No")),
}


def status_badge(state: str, label: str | LazyString | None = None, tone: str | None = None) -> Markup:
    """A badge for a state; `label` and `tone` override what the table of states says.

    Raises `ValueError` for a tone that does not exist; an unknown state is shown neutral and as it is written.
    """
    known_tone, known_label = STATES.get(state, ("neutral", state))
    chosen = tone or known_tone
    if chosen not in TONES:
        raise ValueError(f"no tone named {chosen!r}")
    return Markup('<span class="badge status-badge status-badge-{}">{}</span>').format(chosen, label or known_label)
