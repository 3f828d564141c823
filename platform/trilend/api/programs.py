"""Recognises the program behind a call by its access token, and the person for whom it acts."""

from collections.abc import Collection
from hashlib import sha256

from flask import current_app, request
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from trilend.api.errors import PersonMayNot, ScopeMissing, TokenMissing, TokenRefused
from trilend.api.operations import Program
from trilend.identity.models import ApiClient, ApiGrant, ApiToken
from trilend.identity.scopes import scopes_within
from trilend.kinds import Permission


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode()).hexdigest()


def calling_program(session: Session) -> Program:
    """The program whose token the running request carries: in one query, and one more if it acts for a person.

    Tokens are looked up in the tenant's own schema: one of another tenant does not exist here. A program that acts for
    a person may do what both may: the scopes of its token as far as the person holds the permissions for them at this
    moment. Raises `TokenMissing`, `TokenRefused`.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise TokenMissing
    row = _row_of(session, token.strip())
    if row is None:
        raise TokenRefused
    granted = frozenset(row.scopes.split())
    if row.User is None:
        return Program(row.id, row.name, granted, granted, created_by=row.created_by)
    return Program(row.id, row.name, scopes_within(granted, _permissions_of(row.User.id)), granted, row.User)


def require_scope(program: Program, scope: str | None) -> None:
    """Raise `ScopeMissing` or, where the person could not do it either, `PersonMayNot`."""
    if scope is None or scope in program.scopes:
        return
    raise PersonMayNot(scope) if scope in program.granted else ScopeMissing(scope)


def _row_of(session: Session, token: str) -> Row[tuple[int, str, int | None, str, User | None]] | None:
    of_company = ApiToken.grant_id.is_(None)
    of_person = ApiGrant.revoked_at.is_(None) & User.active.is_(True)
    return session.execute(
        select(ApiClient.id, ApiClient.name, ApiClient.created_by, ApiToken.scopes, User)
        .select_from(ApiToken)
        .join(ApiClient, ApiToken.client_id == ApiClient.id)
        .outerjoin(ApiGrant, ApiGrant.id == ApiToken.grant_id)
        .outerjoin(User, User.id == ApiGrant.user_id)
        .where(
            ApiToken.digest == digest_of(token),
            ApiToken.revoked.is_(False),
            ApiToken.expires_at > func.now(),
            ApiClient.active.is_(True),
            or_(of_company, of_person),
        )
    ).one_or_none()


def _permissions_of(user_id: int) -> Collection[Permission]:
    held: Collection[Permission] = current_app.appbuilder.sm.permissions_of(user_id)  # type: ignore[attr-defined]
    return held
