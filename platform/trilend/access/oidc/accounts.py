"""From what the provider says of somebody to a person here: found, linked or made, with the roles of the groups."""

import re
from collections.abc import Mapping
from typing import Any

from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trilend.access.errors import NoAccount
from trilend.access.models import Provider, ProviderIdentity
from trilend.access.rules import first_administrator
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.identity.seeds import ADMINISTRATOR
from trilend.tenancy.plans.service import take_place

_ACTOR = Actor("Sign-in service")


def person_of(session: Session, provider: Provider, claims: Mapping[str, Any]) -> User:
    """The person for whom the provider vouches, with roles as the groups say.

    A person known by the provider's own id comes first, then one with the same mail address if the provider has
    verified it, then a new account where the company wants that. Raises `NoAccount`, and then nothing has changed;
    `PeopleUsedUp` if the plan has no place for one more.
    """
    subject = str(claims["sub"])
    roles = _roles_of_groups(session, provider, claims)
    person = _known(session, provider, subject) or _linked(session, provider, claims, subject)
    if person is None:
        person = _made(session, provider, claims, subject, roles)
    else:
        _follow_groups(session, provider, person, roles)
    if not person.is_active or not person.roles:
        session.rollback()
        raise NoAccount
    provider.proved_at = now()
    session.flush()
    return person


def _known(session: Session, provider: Provider, subject: str) -> User | None:
    return session.scalars(
        select(User)
        .join(ProviderIdentity, ProviderIdentity.user_id == User.id)
        .where(ProviderIdentity.issuer == provider.issuer, ProviderIdentity.subject == subject)
    ).one_or_none()


def _linked(session: Session, provider: Provider, claims: Mapping[str, Any], subject: str) -> User | None:
    mail = claims.get(provider.email_claim)
    if claims.get("email_verified") is not True or not isinstance(mail, str) or not mail:
        return None
    other = select(ProviderIdentity.user_id).where(ProviderIdentity.issuer == provider.issuer)
    person = session.scalars(
        select(User).where(func.lower(User.email) == mail.lower(), User.id.not_in(other)).limit(1)
    ).one_or_none()
    if person is not None:
        _link(session, provider, person, subject)
    return person


def _made(session: Session, provider: Provider, claims: Mapping[str, Any], subject: str, roles: list[Role]) -> User:
    username, mail = _username(provider, claims, subject), claims.get(provider.email_claim)
    taken = select(func.count()).where((User.username == username) | (User.email == str(mail)))
    if not provider.makes_accounts or not roles or not mail or session.scalar(taken):
        raise NoAccount
    take_place(session)
    name = str(claims.get(provider.name_claim) or username)[:64]
    person = User(
        username=username, first_name=name, last_name="", email=str(mail)[:320], active=True, password=None, roles=roles
    )
    session.add(person)
    session.flush()
    record(session, _ACTOR, "person.joined", "person", person.id, name=username, roles=_names(roles))
    _link(session, provider, person, subject)
    return person


def _link(session: Session, provider: Provider, person: User, subject: str) -> None:
    session.add(ProviderIdentity(issuer=provider.issuer, subject=subject[:255], user_id=person.id))
    session.flush()
    record(session, _ACTOR, "person.linked", "person", person.id, name=person.username)


def _follow_groups(session: Session, provider: Provider, person: User, wanted: list[Role]) -> None:
    """Give and take the roles of which the mapping speaks; others stay, and the last way in is never taken."""
    if not provider.group_roles:
        return
    managed = {name for names in provider.group_roles.values() for name in names}
    first = first_administrator(session)
    if first is not None and first.id == person.id:
        managed.discard(ADMINISTRATOR)
    kept = [role for role in person.roles if role.name not in managed]
    before, after = _names(person.roles), _names({*kept, *wanted})
    if before == after:
        return
    person.roles = list({*kept, *wanted})
    session.flush()
    changes: dict[str, list[Any]] = {"roles": [before, after]}
    record(session, _ACTOR, "person.changed", "person", person.id, changes=changes, name=person.username)


def _roles_of_groups(session: Session, provider: Provider, claims: Mapping[str, Any]) -> list[Role]:
    said = claims.get(provider.groups_claim) or []
    groups = {said} if isinstance(said, str) else set(map(str, said))
    wanted = {name for group, names in provider.group_roles.items() if group in groups for name in names}
    return list(session.scalars(select(Role).where(Role.name.in_(wanted)))) if wanted else []


def _username(provider: Provider, claims: Mapping[str, Any], subject: str) -> str:
    said = str(claims.get(provider.username_claim) or claims.get(provider.email_claim) or subject)
    return re.sub(r"[^\w.@-]", "-", said)[:64]


def _names(roles: Any) -> list[str]:
    return sorted(role.name for role in roles)
