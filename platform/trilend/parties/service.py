"""Adds parties, finds them, and reveals what is masked, with a reason and a trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trilend.audit.changes import changed, snapshot
from trilend.audit.models import AuditEntry
from trilend.audit.service import Actor, record
from trilend.errors import Invalid, NotFound
from trilend.organization.people import home_of
from trilend.organization.seeds import REVEALS
from trilend.organization.sight import past_scope
from trilend.parameters.service import business_date, figures
from trilend.parties.errors import InvalidParty, PartyExists, RevealsUsedUp
from trilend.parties.identifiers import (
    checked_account,
    checked_identifier,
    checked_mobile,
    has_resident_id_form,
    require_adult,
)
from trilend.parties.models import Party, PartyKind
from trilend.storage.sealed import blind_index

_CHINA = ZoneInfo("Asia/Shanghai")
REVEALABLE = ("identifier", "mobile", "account_number")


@dataclass(frozen=True)
class PartyData:
    """What is entered about a party, before it is checked."""

    kind: PartyKind
    name: str
    identifier: str
    mobile: str
    account_number: str
    account_bank: str = ""
    legal_representative: str = ""
    identifier_doubtful: bool = False


def checked(data: PartyData, on: date) -> PartyData:
    """The data in their one form; raises `InvalidParty` for the first field that is wrong.

    A doubtful identifier is taken as it is if only its check digit is wrong.
    """
    name = " ".join(data.name.split())
    if not name:
        raise InvalidParty("name", _l("Enter the name."))
    doubtful = data.identifier_doubtful and has_resident_id_form(data.identifier)
    identifier = data.identifier if doubtful else checked_identifier(data.kind, data.identifier)
    if data.kind == PartyKind.PERSON:
        require_adult(identifier, on)
    return PartyData(
        kind=data.kind,
        name=name,
        identifier=identifier,
        mobile=checked_mobile(data.mobile),
        account_number=checked_account(data.account_number),
        account_bank=data.account_bank.strip(),
        legal_representative=data.legal_representative.strip(),
        identifier_doubtful=doubtful,
    )


def add_party(session: Session, actor: Actor, data: PartyData, *, on: date) -> Party:
    """Add a party; raises `InvalidParty`, `PartyExists`."""
    data = checked(data, on)
    if is_recorded(session, data.identifier):
        raise PartyExists
    party = _party(data, actor.user_id, home_of(session, actor))
    session.add(party)
    session.flush()
    record(session, actor, "party.added", "party", party.id, changes=changed(None, snapshot(party)), name=party.name)
    return party


def find_party(session: Session, identifier: str) -> Party | None:
    """The party with this identifier, if there is one that is seen by who asks."""
    return session.scalar(select(Party).where(Party.identifier_index == blind_index(identifier)))


def is_recorded(session: Session, identifier: str) -> bool:
    """Whether some party has this identifier, seen by who asks or not: “taken” is all that is said."""
    return bool(recorded(session, [identifier]))


def recorded(session: Session, identifiers: Sequence[str]) -> set[str]:
    """Which of these identifiers some party has, seen by who asks or not."""
    indexes = {blind_index(identifier): identifier for identifier in identifiers}
    with past_scope():
        found = session.scalars(select(Party.identifier_index).where(Party.identifier_index.in_(indexes))).all()
    return {indexes[index] for index in found}


def parties_by_identifier(session: Session, identifiers: Sequence[str]) -> dict[str, Party]:
    """Parties that hold one of these identifiers and are seen by who asks, by identifier: one query for many."""
    indexes = {blind_index(identifier): identifier for identifier in identifiers}
    found = session.scalars(select(Party).where(Party.identifier_index.in_(indexes)))
    return {indexes[party.identifier_index]: party for party in found}


def add_parties(session: Session, actor: Actor, data: Sequence[PartyData]) -> list[Party]:
    """Add many checked, new parties at once; the actor looks after them."""
    home = home_of(session, actor)
    added = [_party(entry, actor.user_id, home) for entry in data]
    session.add_all(added)
    session.flush()
    return added


def party(session: Session, party_id: int) -> Party:
    """One party; raises `NotFound`."""
    found = session.scalar(select(Party).where(Party.id == party_id))
    if found is None:
        raise NotFound(_l("This customer does not exist."), id=party_id)
    return found


def list_parties(session: Session, *, search: str, offset: int, limit: int) -> tuple[Sequence[Party], int]:
    """A page of parties by name, newest first, and how many there are in all.

    `search` matches part of the name, or the whole of an identifier.
    """
    statement = select(Party)
    if search:
        by_name = Party.name.contains(search, autoescape=True)
        statement = statement.where(by_name | (Party.identifier_index == blind_index(search)))
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = session.scalars(statement.order_by(Party.id.desc()).offset(offset).limit(limit)).all()
    return rows, total


def reveal(session: Session, actor: Actor, subject: Party, field: str, reason: str) -> str:
    """The full value of a masked field; the reason is needed and logged with who looked."""
    if field not in REVEALABLE:
        raise NotFound(_l("This field is not masked."), field=field)
    if len(reason.strip()) < 4:
        raise Invalid(_l("Say in a few words why you need to see this."), field="reason")
    if reveals_left(session, actor, lock=True) == 0:
        raise RevealsUsedUp(reveal_quota(session))
    record(session, actor, "party.revealed", "party", subject.id, reason=reason.strip(), field=field)
    return str(getattr(subject, field))


def confirm_identifier(session: Session, actor: Actor, subject: Party) -> None:
    """Note that somebody has held a doubtful identifier against the document and found it right."""
    before = snapshot(subject, "identifier_doubtful")
    subject.identifier_doubtful = False
    changes = changed(before, snapshot(subject, "identifier_doubtful"))
    record(session, actor, "party.identifier_confirmed", "party", subject.id, changes=changes)


def reveal_quota(session: Session) -> int | None:
    """How many masked fields one person may reveal on a day; None if the company has set no figure."""
    found = figures(session, business_date(session)).get(REVEALS)
    return int(found.value) if found else None


def reveals_left(session: Session, actor: Actor, *, lock: bool = False) -> int | None:
    """How many reveals the actor has left today (by the clock in China); None if there is no quota.

    `lock` makes two reveals of one person at the same time follow each other.
    """
    quota = reveal_quota(session)
    if quota is None:
        return None
    if lock:
        session.execute(select(User.id).where(User.id == actor.user_id).with_for_update())
    midnight = datetime.combine(datetime.now(_CHINA).date(), time(), _CHINA)
    used = select(func.count()).where(
        AuditEntry.act == "party.revealed", AuditEntry.actor_id == actor.user_id, AuditEntry.created_at >= midnight
    )
    return max(0, quota - (session.scalar(used) or 0))


def _party(data: PartyData, owner_id: int | None, department_id: int) -> Party:
    return Party(
        owner_id=owner_id,
        department_id=department_id,
        kind=data.kind,
        name=data.name,
        identifier=data.identifier,
        identifier_index=blind_index(data.identifier),
        identifier_doubtful=data.identifier_doubtful,
        mobile=data.mobile,
        legal_representative=data.legal_representative,
        account_number=data.account_number,
        account_index=blind_index(data.account_number),
        account_bank=data.account_bank,
    )
