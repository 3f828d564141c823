"""Gives somebody's work to somebody else; ends the access of who leaves, at once, and can take both back."""

from collections.abc import Sequence

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, insert, literal, select, update
from sqlalchemy.orm import Session, joinedload

from trilend.audit.models import AuditEntry
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.errors import Invalid, NotFound
from trilend.identity.administrators import check_administrators
from trilend.identity.leaving import end_access
from trilend.organization.errors import PersonRefused
from trilend.organization.models import HandOver, HandOverItem
from trilend.organization.people import department_of, holdings_of, name_of_person
from trilend.organization.scope import Owned, owned_models
from trilend.organization.sight import EVERYTHING, Sight, past_scope, sight_of
from trilend.tenancy.plans.service import take_place

_SHORTEST_REASON = 2  # 离职


def hand_over(session: Session, actor: Actor, from_id: int, to_id: int, *, reason: str) -> int:
    """Give all that one person looks after, as far as the actor sees it, to another; returns how much that was.

    Each thing gets a line in its history. Raises `NotFound`, `PersonRefused`, `Invalid` without a reason.
    """
    giver, taker = _person(session, from_id), _taker(session, from_id, to_id)
    return _give(session, actor, giver, taker, _checked_reason(reason), sight_of(session))[1]


def hand_over_one(session: Session, actor: Actor, subject: Owned, to_id: int, *, reason: str) -> None:
    """Give one customer to a person; raises `NotFound`, `PersonRefused`, `Invalid` without a reason."""
    taker = _taker(session, subject.owner_id or 0, to_id)
    former = session.get(User, subject.owner_id) if subject.owner_id else None
    subject.owner_id, subject.department_id = taker.id, department_of(session, taker.id)
    changes = {"owner": [name_of_person(former) if former else "", name_of_person(taker)]}
    record(
        session,
        actor,
        subject.hand_over_act,
        subject.scoped_as,
        subject.id,  # type: ignore[attr-defined]
        reason=_checked_reason(reason),
        changes=changes,
    )


def leave(session: Session, actor: Actor, user_id: int, to_id: int | None, *, reason: str) -> HandOver:
    """Somebody leaves: may not sign in from now on, open sessions and tokens end, and the work goes to a colleague.

    Raises `NotFound`, `LastAdministrator`, `PersonRefused` for oneself or if work is left with nobody to take it.
    """
    giver = _person(session, user_id, lock=True)
    if user_id == actor.user_id:
        raise PersonRefused(_l("You cannot do this to yourself: ask another administrator."))
    if not giver.active:
        raise PersonRefused(_l("This person has left already."))
    if to_id is None and holdings_of(session, user_id):
        raise PersonRefused(_l("Choose who takes over the customers."))
    taker = _taker(session, user_id, to_id) if to_id is not None else None
    with session.begin_nested():
        giver.active = False
        check_administrators(session)
    end_access(session, user_id)
    made, count = _give(session, actor, giver, taker, _checked_reason(reason), EVERYTHING)
    made.leaving = True
    to_name = name_of_person(taker) if taker else ""
    record(
        session, actor, "person.left", "person", user_id, reason=reason, name=giver.username, to=to_name, count=count
    )
    return made


def reinstate(session: Session, actor: Actor, user_id: int, *, reason: str) -> int:
    """Take a leaving back: the person may sign in again and gets what the colleague still looks after; returns how much.

    Raises `NotFound`, `PersonRefused`, `PeopleUsedUp`.
    """
    giver = _person(session, user_id, lock=True)
    made = last_leaving(session, user_id)
    if made is None or giver.active:
        raise PersonRefused(_l("This person has not left."))
    take_place(session, user_id)
    giver.active, made.undone_at = True, now()
    session.flush()
    count = 0
    for model in owned_models():
        still_there = select(model.id).where(  # type: ignore[attr-defined]
            model.owner_id == made.to_user_id,
            model.id.in_(_items(made, model)),  # type: ignore[attr-defined]
        )
        count += _change_owner(session, actor, model, still_there, made.to_user, giver, _checked_reason(reason))
    record(session, actor, "person.reinstated", "person", user_id, reason=reason, name=giver.username, count=count)
    return count


def last_leaving(session: Session, user_id: int) -> HandOver | None:
    """The leaving of a person that has not been taken back."""
    return session.scalar(
        select(HandOver)
        .options(joinedload(HandOver.to_user), joinedload(HandOver.from_user))
        .where(HandOver.from_user_id == user_id, HandOver.leaving, HandOver.undone_at.is_(None))
        .order_by(HandOver.id.desc())
        .limit(1)
    )


def hand_overs_of(session: Session, user_id: int) -> Sequence[tuple[HandOver, int]]:
    """What was handed over from or to a person, newest first, each with how much it was."""
    items = select(func.count()).where(HandOverItem.hand_over_id == HandOver.id).scalar_subquery()
    rows = session.execute(
        select(HandOver, items)
        .options(joinedload(HandOver.to_user), joinedload(HandOver.from_user))
        .where((HandOver.from_user_id == user_id) | (HandOver.to_user_id == user_id))
        .order_by(HandOver.id.desc())
        .limit(20)
    )
    return [(made, count) for made, count in rows]


def _give(
    session: Session, actor: Actor, giver: User, taker: User | None, reason: str, sight: Sight
) -> tuple[HandOver, int]:
    """Hand over what is seen with this sight. The sight is a condition here, for it is not added to inserts."""
    made = HandOver(from_user_id=giver.id, to_user_id=taker.id if taker else None, reason=reason)
    session.add(made)
    session.flush()
    count = 0
    for model in owned_models() if taker is not None else ():
        row = model.__table__.c  # type: ignore[attr-defined]
        theirs = select(literal(made.id), literal(model.scoped_as), row.id).where(
            row.owner_id == giver.id, model.visible_to(row, sight)
        )
        with past_scope():
            session.execute(insert(HandOverItem).from_select(["hand_over_id", "subject_type", "subject_id"], theirs))
        count += _change_owner(session, actor, model, _items(made, model), giver, taker, reason)
    return made, count


def _items(made: HandOver, model: type[Owned]) -> Select[int]:
    return select(HandOverItem.subject_id).where(
        HandOverItem.hand_over_id == made.id, HandOverItem.subject_type == model.scoped_as
    )


def _change_owner(
    session: Session,
    actor: Actor,
    model: type[Owned],
    which: Select[int],
    former: User | None,
    owner: User | None,
    reason: str,
) -> int:
    """Give the rows to an owner and each a line in the log, in two statements however many there are."""
    if owner is None:
        return 0
    names = [name_of_person(former) if former else "", name_of_person(owner)]
    line = {
        "actor_id": actor.user_id,
        "actor": actor.name,
        "act": model.hand_over_act,
        "subject_type": model.scoped_as,
        "reason": reason,
        "details": {},
        "changes": {"owner": names},
    }
    columns = AuditEntry.__table__.c
    values = [literal(value, columns[name].type) for name, value in line.items()]
    chosen = which.subquery()
    with past_scope():
        count = session.scalar(select(func.count()).select_from(chosen)) or 0
        session.execute(
            insert(AuditEntry).from_select([*line, "subject_id"], select(*values, chosen.c[0]), include_defaults=False)
        )
        session.execute(
            update(model)
            .where(model.id.in_(select(chosen.c[0])))  # type: ignore[attr-defined]
            .values(owner_id=owner.id, department_id=department_of(session, owner.id))
            .execution_options(synchronize_session=False)
        )
    session.expire_all()
    return count


def _person(session: Session, user_id: int, *, lock: bool = False) -> User:
    found = session.get(User, user_id, with_for_update=lock)
    if found is None:
        raise NotFound(_l("This person does not exist."), id=user_id)
    return found


def _taker(session: Session, from_id: int, to_id: int) -> User:
    found = _person(session, to_id)
    if to_id == from_id or not found.active:
        raise PersonRefused(_l("Choose a colleague who may sign in."))
    return found


def _checked_reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if len(reason) < _SHORTEST_REASON:
        raise Invalid(_l("Say in a few words why."), field="reason")
    return reason[:300]
