"""Programs that call the API, for whom they act, and the tokens they hold; people are FAB's `ab_user`."""

from datetime import datetime
from enum import StrEnum

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trilend.db.base import BigKey, Created, TenantBase

# Names of people belong in reports; their passwords and addresses do not.
User.__table__.info["reports"] = ("id", "first_name", "last_name", "username", "active")


class ProgramKind(StrEnum):
    """Acts for the company itself; for people, from a server that keeps a secret; for people, on their own device."""

    SERVICE = "service"
    WEB = "web"
    NATIVE = "native"


class ApiClient(Created, TenantBase):
    """A program of the tenant; its secret is kept as a digest only, and a native program has none.

    `redirect_uris` holds one address a line; a person's answer goes back to exactly one of these. `created_by` let it in.
    """

    __tablename__ = "api_client"

    id: Mapped[BigKey]
    client_id: Mapped[str] = mapped_column(String(48), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[str] = mapped_column(String(1000))
    active: Mapped[bool] = mapped_column(default=True)
    kind: Mapped[ProgramKind] = mapped_column(
        String(16), default=ProgramKind.SERVICE, server_default=ProgramKind.SERVICE
    )
    redirect_uris: Mapped[str] = mapped_column(String(4000), default="", server_default="")
    last_used_at: Mapped[datetime | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))


class ApiGrant(Created, TenantBase):
    """What a person allows a program to do in the person's name: one consent, and the family of all that came of it.

    Codes, refresh tokens and access tokens point here: with `revoked_at` all of them are worth nothing.
    """

    __tablename__ = "api_grant"
    __table_args__ = (Index("api_grant_user", "user_id"), Index("api_grant_client", "client_id"))

    id: Mapped[BigKey]
    client_id: Mapped[int] = mapped_column(ForeignKey("api_client.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    scopes: Mapped[str] = mapped_column(String(1000))
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    client: Mapped[ApiClient] = relationship()


class ApiCode(Created, TenantBase):
    """An authorization code, kept as a digest, with the challenge (S256) that its program has to answer."""

    __tablename__ = "api_code"
    __table_args__ = (Index("api_code_grant", "grant_id"), Index("api_code_expiry", "expires_at"))

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("api_grant.id", ondelete="CASCADE"))
    redirect_uri: Mapped[str] = mapped_column(String(500))
    challenge: Mapped[str] = mapped_column(String(128))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    grant: Mapped[ApiGrant] = relationship()


class ApiRefreshToken(Created, TenantBase):
    """A refresh token, kept as a digest; one that was used stays until it expires, so that a second use is noticed."""

    __tablename__ = "api_refresh_token"
    __table_args__ = (Index("api_refresh_token_grant", "grant_id"), Index("api_refresh_token_expiry", "expires_at"))

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("api_grant.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    grant: Mapped[ApiGrant] = relationship()


class ApiToken(Created, TenantBase):
    """An access token, kept as a digest; it is worth nothing outside of this tenant's schema.

    `grant_id` says for whom the program acts; without it, for the company.
    """

    __tablename__ = "api_token"
    __table_args__ = (Index("api_token_expiry", "expires_at"), Index("api_token_grant", "grant_id"))

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("api_client.id", ondelete="CASCADE"))
    scopes: Mapped[str] = mapped_column(String(1000))
    expires_at: Mapped[datetime]
    revoked: Mapped[bool] = mapped_column(default=False)
    grant_id: Mapped[int | None] = mapped_column(ForeignKey("api_grant.id", ondelete="CASCADE"))
    grant: Mapped[ApiGrant | None] = relationship()
