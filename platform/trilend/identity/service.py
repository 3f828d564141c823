"""Adds people and programs to a tenant, and says who acts."""

import secrets
from collections.abc import Iterable, Sequence
from hashlib import sha256

from flask import g
from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from trilend.audit.changes import changed, snapshot
from trilend.audit.service import SYSTEM, Actor, record
from trilend.errors import NotFound
from trilend.identity.models import ApiClient, ProgramKind

_CLIENT = ("client_id", "name", "kind", "redirect_uris", "scopes", "active")


def add_person(session: Session, *, username: str, name: str, email: str, password: str, roles: Iterable[str]) -> User:
    """Add a person with these roles (by name)."""
    person = User(
        username=username,
        first_name=name,
        last_name="",
        email=email,
        active=True,
        password=generate_password_hash(password),
    )
    person.roles = list(session.scalars(select(Role).where(Role.name.in_(list(roles)))))
    session.add(person)
    session.flush()
    return person


def add_api_client(
    session: Session,
    actor: Actor,
    *,
    name: str,
    scopes: Sequence[str],
    kind: ProgramKind = ProgramKind.SERVICE,
    redirect_uris: Sequence[str] = (),
) -> tuple[ApiClient, str]:
    """Add a program; returns it with its secret, which is never shown again (empty for a native program)."""
    secret = "" if kind == ProgramKind.NATIVE else secrets.token_urlsafe(32)
    client = ApiClient(
        client_id=f"tc_{secrets.token_hex(12)}",
        secret_hash=sha256(secret.encode()).hexdigest() if secret else "",
        name=name,
        scopes=" ".join(sorted(scopes)),
        kind=kind,
        redirect_uris="\n".join(redirect_uris),
        created_by=actor.user_id,
    )
    session.add(client)
    session.flush()
    changes = changed(None, snapshot(client, *_CLIENT))
    record(session, actor, "api_client.added", "api_client", client.id, changes=changes, name=name)
    return client, secret


def revoke_api_client(session: Session, actor: Actor, client_id: int) -> None:
    """Refuse a program from now on; raises `NotFound`."""
    client = session.get(ApiClient, client_id)
    if client is None:
        raise NotFound(_l("This program does not exist."), id=client_id)
    before = snapshot(client, *_CLIENT)
    client.active = False
    changes = changed(before, snapshot(client, *_CLIENT))
    record(session, actor, "api_client.revoked", "api_client", client.id, changes=changes, name=client.name)


def signed_in_actor() -> Actor:
    """The person or program behind the running request, or the person through the program."""
    client = getattr(g, "api_client", None)
    if client is not None and client.person is None:
        return Actor(f"API {client.name}", answers=client.created_by)
    user = g.user
    if client is not None:
        return Actor(f"{f'{user.first_name} {user.last_name}'.strip()} (API {client.name})"[:100], user.id)
    return Actor(f"{user.first_name} {user.last_name}".strip(), user.id)


def actor_of(session: Session, user_id: int | None) -> Actor:
    """The person with this user id as an actor, for work done in their name; the system where there is none."""
    person = session.get(User, user_id) if user_id is not None else None
    return Actor(f"{person.first_name} {person.last_name}".strip(), person.id) if person else SYSTEM


def person_names(session: Session, user_ids: Iterable[int | None]) -> dict[int, str]:
    """Names of people by user id, in one query."""
    wanted = {user_id for user_id in user_ids if user_id is not None}
    rows = session.execute(select(User.id, User.first_name, User.last_name).where(User.id.in_(wanted)))
    return {row.id: f"{row.first_name} {row.last_name}".strip() for row in rows}
