"""What is kept of how people sign in: rules, factors, sessions, counted failures and things that are good for one use."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trilend.db.base import BigKey, Created, TenantBase
from trilend.storage.sealed import SealedText


class SecondFactorRule(StrEnum):
    """Who needs a second factor: who wants one, who may move money, everybody."""

    OPTIONAL = "optional"
    MONEY = "money"
    ALL = "all"


class SignInMethod(StrEnum):
    """By what somebody has shown who it is."""

    PASSWORD = "password"  # noqa: S105
    PASSWORD_AND_CODE = "password_code"  # noqa: S105
    PASSWORD_AND_PASSKEY = "password_passkey"  # noqa: S105
    PASSKEY = "passkey"
    PROVIDER = "provider"


class SignInRules(TenantBase):
    """The one row with the company's rules; where it is missing, these defaults hold.

    `required_since` is when the rule for second factors began to ask for one; who lacks it has `grace_days` from then,
    or from the own first day if that is later.
    """

    __tablename__ = "sign_in_rules"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    second_factor: Mapped[SecondFactorRule] = mapped_column(String(16), default=SecondFactorRule.OPTIONAL)
    required_since: Mapped[datetime | None]
    grace_days: Mapped[int] = mapped_column(default=14)
    idle_minutes: Mapped[int] = mapped_column(default=240)
    session_hours: Mapped[int] = mapped_column(default=24)
    password_length: Mapped[int] = mapped_column(default=10)
    passwords_allowed: Mapped[bool] = mapped_column(default=True)

    @property
    def idle(self) -> timedelta:
        """How long a browser may go unused."""
        return timedelta(minutes=self.idle_minutes)

    @property
    def longest(self) -> timedelta:
        """How long a sign-in is good at most."""
        return timedelta(hours=self.session_hours)


class SignInAccount(Created, TenantBase):
    """What one person signs in with, beside the password's hash, which is FAB's.

    `temporary` says that somebody else chose the password. `totp_last_step` is the newest time step whose code was taken.
    """

    __tablename__ = "sign_in_account"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    temporary: Mapped[bool] = mapped_column(default=False)
    password_set_at: Mapped[datetime | None]
    totp_secret: Mapped[str | None] = mapped_column(SealedText)
    totp_since: Mapped[datetime | None]
    totp_last_step: Mapped[int] = mapped_column(default=0)


class EarlierPassword(TenantBase):
    """The hash of a password that was in use, so that it does not come again."""

    __tablename__ = "earlier_password"
    __table_args__ = (Index("earlier_password_user", "user_id", "id"),)

    id: Mapped[BigKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    hash: Mapped[str] = mapped_column(String(256))
    set_at: Mapped[datetime]


class RecoveryCode(Created, TenantBase):
    """A code for the day on which the phone is lost, kept as a digest; good once."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "digest"),)

    id: Mapped[BigKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class Passkey(Created, TenantBase):
    """A key of somebody's device; `host` is the address at which it was made, and the only one where it opens."""

    __tablename__ = "passkey"
    __table_args__ = (Index("passkey_user", "user_id"),)

    id: Mapped[BigKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(default=0)
    host: Mapped[str] = mapped_column(String(253))
    name: Mapped[str] = mapped_column(String(60))
    last_used_at: Mapped[datetime | None]


class BrowserSession(Created, TenantBase):
    """A browser in which somebody is or was signed in; the cookie holds a token, this row its digest.

    `confirmed_at` is when the person last showed who it is; `device_digest` tells a device that is known from a new one.
    """

    __tablename__ = "browser_session"
    __table_args__ = (
        Index("browser_session_user", "user_id", "id"),
        Index("browser_session_device", "user_id", "device_digest"),
    )

    id: Mapped[BigKey]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    device: Mapped[str] = mapped_column(String(80))
    device_digest: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    method: Mapped[SignInMethod] = mapped_column(String(16))
    last_seen_at: Mapped[datetime]
    confirmed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    def is_over(self, rules: SignInRules, at: datetime, *, idles: bool = True) -> bool:
        """Whether it was ended, has idled too long (unless that does not count) or is too old."""
        return (
            self.ended_at is not None
            or (idles and at - self.last_seen_at > rules.idle)
            or at - self.created_at > rules.longest
        )


class Failures(TenantBase):
    """Failed tries under one key (an account, a name that nobody has, an address), and until when it is locked."""

    __tablename__ = "sign_in_failures"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]


class Ticket(Created, TenantBase):
    """Something that is good for one use: a link in a mail, a challenge, the way to the provider and back."""

    __tablename__ = "sign_in_ticket"
    __table_args__ = (Index("sign_in_ticket_expiry", "expires_at"), Index("sign_in_ticket_user", "user_id"))

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    content: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    expires_at: Mapped[datetime]


class Provider(TenantBase):
    """The one row with the company's own OpenID provider; the secret goes in and is never shown.

    `group_roles` maps a group of the provider to names of roles; `proved_at` is when somebody last came in through it.
    """

    __tablename__ = "sign_in_provider"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    label: Mapped[str] = mapped_column(String(60))
    issuer: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    client_secret: Mapped[str] = mapped_column(SealedText)
    scopes: Mapped[str] = mapped_column(String(200), default="openid profile email")
    username_claim: Mapped[str] = mapped_column(String(60), default="preferred_username")
    name_claim: Mapped[str] = mapped_column(String(60), default="name")
    email_claim: Mapped[str] = mapped_column(String(60), default="email")
    groups_claim: Mapped[str] = mapped_column(String(60), default="groups")
    group_roles: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    makes_accounts: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    proved_at: Mapped[datetime | None]


class ProviderIdentity(Created, TenantBase):
    """Who somebody is at a provider."""

    __tablename__ = "provider_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"), Index("provider_identity_user", "user_id"))

    id: Mapped[BigKey]
    issuer: Mapped[str] = mapped_column(String(300))
    subject: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    user: Mapped[User] = relationship()
