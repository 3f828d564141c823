"""Tokens and codes as they are stored: made, found again by their digests, and ended."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session, joinedload

from trilend.api.oauth.clients import Credentials
from trilend.api.programs import digest_of
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.identity.leaving import ends_access
from trilend.identity.models import ApiCode, ApiGrant, ApiRefreshToken, ApiToken

TOKEN_SECONDS = 3600
CODE_SECONDS = 120
REFRESH_DAYS = 30


def new_token(**_of: object) -> str:
    """An access token that nobody can guess, with a prefix by which scanners of leaked secrets know it."""
    return f"tt_{secrets.token_urlsafe(32)}"


def new_refresh_token(**_of: object) -> str:
    """A refresh token, as hard to guess."""
    return f"tr_{secrets.token_urlsafe(32)}"


@dataclass(frozen=True)
class HeldToken:
    """A stored token, of either sort, as Authlib sees it."""

    row: ApiToken | ApiRefreshToken

    @property
    def grant(self) -> ApiGrant | None:
        """What a person has allowed, if the token is of that."""
        return self.row.grant

    @property
    def client_key(self) -> int:
        """The row of the program that it was issued to."""
        if isinstance(self.row, ApiToken):
            return self.row.client_id
        return self.row.grant.client_id

    @property
    def expires_at(self) -> datetime:
        """Its last moment."""
        return self.row.expires_at

    def check_client(self, client: Credentials) -> bool:
        """Whether the token was issued to this client."""
        return client.row is not None and self.client_key == client.row.id

    def get_scope(self) -> str:
        """What it allows at most."""
        return self.row.scopes if isinstance(self.row, ApiToken) else self.row.grant.scopes

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.row.expires_at <= now()

    def is_revoked(self) -> bool:
        """Whether it was ended, by itself or with its family, or used up."""
        if self.grant is not None and self.grant.revoked_at is not None:
            return True
        return self.row.revoked if isinstance(self.row, ApiToken) else self.row.used_at is not None


def held_token(session: Session, token: str) -> HeldToken | None:
    """The token of this tenant with these characters, whatever its sort."""
    digest = digest_of(token)
    access = session.get(ApiToken, digest, options=[joinedload(ApiToken.grant)])
    if access is not None:
        return HeldToken(access)
    refresh = session.get(ApiRefreshToken, digest, options=[joinedload(ApiRefreshToken.grant)])
    return HeldToken(refresh) if refresh is not None else None


def _of_people_here() -> Select[ApiGrant]:
    """What people have allowed who may sign in: whoever may not lends no program anything."""
    return select(ApiGrant).join(User, (User.id == ApiGrant.user_id) & User.active.is_(True))


def locked_refresh_token(session: Session, token: str) -> ApiRefreshToken | None:
    """A refresh token with its family locked: of two that come with it at once, the second sees what the first did."""
    family = _of_people_here().join(ApiRefreshToken).where(ApiRefreshToken.digest == digest_of(token))
    if session.scalar(family.with_for_update(of=ApiGrant)) is None:
        return None
    return session.get(ApiRefreshToken, digest_of(token), populate_existing=True)


def locked_code(session: Session, code: str) -> ApiCode | None:
    """An authorization code, locked in the same way."""
    family = _of_people_here().join(ApiCode).where(ApiCode.digest == digest_of(code))
    if session.scalar(family.with_for_update(of=ApiGrant)) is None:
        return None
    return session.get(ApiCode, digest_of(code), populate_existing=True)


def keep_code(session: Session, grant: ApiGrant, code: str, *, redirect_uri: str, challenge: str) -> None:
    """Keep the digest of a code that is on its way to a program."""
    session.add(
        ApiCode(
            digest=digest_of(code),
            grant_id=grant.id,
            redirect_uri=redirect_uri,
            challenge=challenge,
            expires_at=now() + timedelta(seconds=CODE_SECONDS),
        )
    )


def keep_refresh_token(session: Session, grant: ApiGrant, token: str) -> None:
    """Keep the digest of a refresh token that is good for 30 days."""
    expires_at = now() + timedelta(days=REFRESH_DAYS)
    session.add(ApiRefreshToken(digest=digest_of(token), grant_id=grant.id, expires_at=expires_at))


def end_grant(session: Session, actor: Actor, grant: ApiGrant, reason: str) -> None:
    """Refuse a whole family from now on; one that has ended stays as it is."""
    if grant.revoked_at is None:
        grant.revoked_at = func.now()
        record(session, actor, "api_grant.revoked", "api_client", grant.client_id, user_id=grant.user_id, why=reason)


@ends_access
def _end_all(session: Session, user_id: int) -> None:
    """Whoever leaves allows no program anything any more."""
    session.execute(
        update(ApiGrant).where(ApiGrant.user_id == user_id, ApiGrant.revoked_at.is_(None)).values(revoked_at=func.now())
    )
