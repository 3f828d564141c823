"""Who is told of applications: those who may decide, and whoever entered one that was decided."""

from collections.abc import Sequence

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from trilend.audit.service import Actor
from trilend.identity.holders import people_with
from trilend.notices.service import tell
from trilend.notices.sorts import Sort, declare_sort
from trilend_microfinance.applications.models import Application, ApplicationState

MAY_DECIDE = ("can_decide", "Applications")

WAITING = declare_sort(
    Sort(
        "application_waiting",
        _l("An application waits for my decision"),
        lambda data: (
            gettext("Application %(number)s waits for your decision.", number=data["number"])
            if data["count"] == 1
            else ngettext(
                "%(num)d application waits for your decision.",
                "%(num)d applications wait for your decision.",
                data["count"],
            )
        ),
        "gavel",
        "info",
        concerns=(MAY_DECIDE,),
        kind="microfinance",
    )
)
DECIDED = declare_sort(
    Sort(
        "application_decided",
        _l("An application I entered was decided"),
        lambda data: (
            gettext("Application %(number)s was approved.", number=data["number"])
            if data["approved"]
            else gettext("Application %(number)s was refused.", number=data["number"])
        ),
        "file-text",
        "info",
        concerns=(("can_add", "Applications"),),
        kind="microfinance",
    )
)


def tell_waiting(session: Session, actor: Actor, added: Sequence[Application]) -> None:
    """Tell all who may decide, but for whoever entered them, that applications wait: once for however many."""
    if not added:
        return
    people = people_with(session, MAY_DECIDE, but=actor.user_id)
    one = len(added) == 1
    url = f"/applications/{added[0].id}" if one else "/applications/?state=submitted"
    tell(session, WAITING, people, data={"number": added[0].number, "count": len(added)}, url=url)


def tell_decided(session: Session, subject: Application) -> None:
    """Tell whoever entered an application that it was decided, unless the decision is that person's own."""
    if subject.created_by is None or subject.created_by == subject.decided_by:
        return
    data = {"number": subject.number, "approved": subject.state == ApplicationState.APPROVED}
    url = f"/applications/{subject.id}"
    tell(session, DECIDED, [subject.created_by], data=data, url=url, key=f"application.{subject.id}.decided")
