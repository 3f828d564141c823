"""Tells people something in the transaction in which it happens; mail leaves after its commit."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import ScalarSelect, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.jobs.running import when_failed
from trilend.jobs.service import JobRun, enqueue, enqueue_many, handles
from trilend.notices.models import Notice, NoticeChoice
from trilend.notices.sorts import JOB_DONE, JOB_FAILED, Sort, sort_named
from trilend.tenancy.context import current_tenant, tenant_session

MAIL, MESSAGE = "notices.mail", "messages.send"
COUNTED = 100
"""So many unread notices are counted; the bell says that there are more."""


def tell(
    session: Session,
    sort: Sort,
    people: Iterable[int],
    *,
    data: Mapping[str, Any],
    url: str = "",
    key: str | None = None,
) -> None:
    """Tell people (by user id) something as each wants to be told; the caller's commit makes it so.

    With a `key` a person is told once, however often this is called. The statements do not grow with the people.
    """
    wanted = sorted(set(people))
    if not wanted:
        return
    choices = {
        choice.user_id: choice
        for choice in session.scalars(
            select(NoticeChoice).where(NoticeChoice.sort == sort.name, NoticeChoice.user_id.in_(wanted))
        )
    }
    if key is not None:
        known = select(Notice.user_id).where(Notice.key == key, Notice.user_id.in_(wanted))
        wanted = sorted(set(wanted) - set(session.scalars(known)))
    # Who wants mail alone gets a notice that counts as read: the list is whole, and a key holds for both ways.
    rows = [
        {
            "user_id": person,
            "sort": sort.name,
            "data": dict(data),
            "url": url,
            "key": key,
            "read_at": None if _in_app(choices.get(person)) else now(),
        }
        for person in wanted
    ]
    if not rows:
        return
    session.execute(insert(Notice).on_conflict_do_nothing(index_elements=["user_id", "key"]), rows)
    by_mail = [person for person in wanted if _by_mail(sort, choices.get(person))]
    if by_mail:
        enqueue(session, MAIL, {"sort": sort.name, "data": dict(data), "url": url, "people": by_mail})


def tell_done(session: Session, run: JobRun, *, url: str = "") -> None:
    """Tell whoever asked for a job that it is done."""
    if run.origin.user is not None:
        tell(session, JOB_DONE, [run.origin.user], data={"job": run.name}, url=url, key=f"job.{run.id}.done")


def unread(user_id: int) -> ScalarSelect[int]:
    """How many notices a person has not read, at most `COUNTED`: for a query that is made anyway."""
    newest = select(Notice.id).where(Notice.user_id == user_id, Notice.read_at.is_(None)).limit(COUNTED)
    return select(func.count()).select_from(newest.subquery()).scalar_subquery()


def notices_of(session: Session, user_id: int, *, before: int | None = None, limit: int = 50) -> Sequence[Notice]:
    """A person's notices, newest first; the next page begins before the last one's id."""
    statement = select(Notice).where(Notice.user_id == user_id)
    if before is not None:
        statement = statement.where(Notice.id < before)
    return session.scalars(statement.order_by(Notice.id.desc()).limit(limit)).all()


def mark_read(session: Session, user_id: int, notice_id: int) -> Notice | None:
    """Note that a person has read a notice; None if this person has no such notice."""
    found = session.get(Notice, notice_id)
    if found is None or found.user_id != user_id:
        return None
    found.read_at = found.read_at or now()
    return found


def mark_all_read(session: Session, user_id: int, *, until: int) -> None:
    """Note that a person has read all notices up to one: what came since it was shown stays unread."""
    session.execute(
        update(Notice)
        .where(Notice.user_id == user_id, Notice.read_at.is_(None), Notice.id <= until)
        .values(read_at=now())
    )


def ways(session: Session, user_id: int, sorts: Sequence[Sort]) -> list[tuple[Sort, bool, bool]]:
    """Of each sort whether a person is told on the pages, and by mail."""
    chosen = session.scalars(select(NoticeChoice).where(NoticeChoice.user_id == user_id))
    choices = {choice.sort: choice for choice in chosen}
    return [(sort, _in_app(choices.get(sort.name)), _by_mail(sort, choices.get(sort.name))) for sort in sorts]


def choose_ways(
    session: Session, user_id: int, sorts: Sequence[Sort], in_app: Sequence[str], mail: Sequence[str]
) -> None:
    """Keep how a person wants to be told of these sorts."""
    rows = [
        {"user_id": user_id, "sort": sort.name, "in_app": sort.name in in_app, "mail": sort.name in mail}
        for sort in sorts
    ]
    if rows:
        statement = insert(NoticeChoice)
        set_ = {"in_app": statement.excluded.in_app, "mail": statement.excluded.mail}
        session.execute(statement.on_conflict_do_update(index_elements=["user_id", "sort"], set_=set_), rows)


def forget_read(session: Session, before: datetime) -> int:
    """Delete notices that were read before an instant; returns how many."""
    gone = session.execute(delete(Notice).where(Notice.read_at < before))
    return gone.rowcount  # type: ignore[attr-defined,no-any-return]


@handles(MAIL, label=_l("Sending notices by mail"))
def _mail(run: JobRun) -> dict[str, Any]:
    sort = sort_named(run.payload["sort"])
    session = tenant_session()
    people = select(User.email).where(
        User.id.in_(run.payload["people"]), User.active.is_(True), User.email.is_not(None)
    )
    addresses = [address for address in session.scalars(people) if address] if sort is not None else []
    tenant = current_tenant()
    words = sort.words(run.payload["data"]) if sort is not None else ""
    ending = gettext("You choose which notices come by mail: %(url)s", url=f"{tenant.url}/notices/ways")
    mail = {
        "channel": "mail",
        "subject": f"{tenant.name}: {words}"[:200],
        "body": f"{words}\n\n{tenant.url}{run.payload['url']}\n\n{ending}\n",
    }
    enqueue_many(session, MESSAGE, [mail | {"recipient": address} for address in addresses])
    run.complete(session, {"mails": len(addresses)})
    session.commit()
    return {}


@when_failed
def _tell_failed(session: Session, run: JobRun, why: str) -> None:
    """Tell whoever asked for a job that it has failed for good, in the transaction that says so."""
    if run.origin.user is None or run.name in (MAIL, MESSAGE):
        return
    data = {"job": run.name, "why": why[:300]}
    tell(session, JOB_FAILED, [run.origin.user], data=data, url="/work/", key=f"job.{run.id}.failed.{run.attempt}")


def _in_app(choice: NoticeChoice | None) -> bool:
    return choice.in_app if choice is not None else True


def _by_mail(sort: Sort, choice: NoticeChoice | None) -> bool:
    return choice.mail if choice is not None else sort.mail
