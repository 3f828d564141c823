"""Recognises the program behind a call by its access token."""

from hashlib import sha256

from flask import request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trilend.api.errors import ScopeMissing, TokenMissing, TokenRefused
from trilend.api.operations import Program
from trilend.identity.models import ApiClient, ApiToken


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode()).hexdigest()


def calling_program(session: Session, scope: str | None) -> Program:
    """The program whose token the running request carries, in one query.

    Tokens are looked up in the tenant's own schema: one of another tenant does not exist here. Raises `TokenMissing`,
    `TokenRefused`, `ScopeMissing`.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise TokenMissing
    row = session.execute(
        select(ApiClient.id, ApiClient.name, ApiToken.scopes)
        .join(ApiToken, ApiToken.client_id == ApiClient.id)
        .where(
            ApiToken.digest == digest_of(token.strip()),
            ApiToken.revoked.is_(False),
            ApiToken.expires_at > func.now(),
            ApiClient.active.is_(True),
        )
    ).one_or_none()
    if row is None:
        raise TokenRefused
    program = Program(row.id, row.name, frozenset(row.scopes.split()))
    if scope is not None and scope not in program.scopes:
        raise ScopeMissing(scope)
    return program
