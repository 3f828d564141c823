"""Who is told of applications: those who may decide, and whoever entered one that was decided."""

from collections.abc import Sequence

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.service import Actor
from trilend.identity.holders import people_with
from trilend.notices.service import tell
from trilend.notices.sorts import Sort, declare_sort
from trilend.organization.audience import visible_to
from trilend.organization.sight import past_scope
from trilend.parties.models import Party
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
    """Tell who may decide and sees them, but for whoever entered them, that applications wait: once for however many."""
    people = people_with(session, MAY_DECIDE, but=actor.user_id) if added else ()
    if not people:
        return
    groups: dict[tuple[str, ...], list[int]] = {}
    for user_id, seen in visible_to(session, people, _held(session, added)).items():
        groups.setdefault(tuple(seen), []).append(user_id)
    ids = {application.number: application.id for application in added}
    for numbers, told in groups.items():
        url = f"/applications/{ids[numbers[0]]}" if len(numbers) == 1 else "/applications/?state=submitted"
        tell(session, WAITING, told, data={"number": numbers[0], "count": len(numbers)}, url=url)


def _held(session: Session, added: Sequence[Application]) -> dict[str, tuple[int | None, int]]:
    """Owner and department of each application's customer, by its number."""
    with past_scope():
        rows = session.execute(
            select(Application.number, Party.owner_id, Party.department_id)
            .join(Party, Party.id == Application.party_id)
            .where(Application.id.in_([application.id for application in added]))
        )
        return {row.number: (row.owner_id, row.department_id) for row in rows}


def tell_decided(session: Session, subject: Application) -> None:
    """Tell whoever entered an application that it was decided, unless the decision is that person's own."""
    if subject.created_by is None or subject.created_by == subject.decided_by:
        return
    data = {"number": subject.number, "approved": subject.state == ApplicationState.APPROVED}
    url = f"/applications/{subject.id}"
    tell(session, DECIDED, [subject.created_by], data=data, url=url, key=f"application.{subject.id}.decided")
