"""A sign-up under way; it holds the password as a hash only and ends with a tenant."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, RegistryBase


class SignUpState(StrEnum):
    """Waiting for the code, being provisioned, ready, or failed for a reason that is shown."""

    CODE = "code"
    PROVISIONING = "provisioning"
    READY = "ready"


class SignUp(Created, RegistryBase):
    """What a company entered; `token` is the unguessable name of this sign-up in addresses."""

    __tablename__ = "sign_up"

    id: Mapped[BigKey]
    token: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    company: Mapped[str] = mapped_column(String(200))
    uscc: Mapped[str] = mapped_column(String(18))
    slug: Mapped[str] = mapped_column(String(63))
    admin_name: Mapped[str] = mapped_column(String(100))
    admin_username: Mapped[str] = mapped_column(String(64))
    admin_email: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(200))
    state: Mapped[SignUpState] = mapped_column(String(16), default=SignUpState.CODE)
    code_digest: Mapped[str] = mapped_column(String(64), default="")
    code_expires_at: Mapped[datetime | None]
    code_failures: Mapped[int] = mapped_column(default=0)
    codes_sent: Mapped[int] = mapped_column(default=0)
    tenant_id: Mapped[str | None] = mapped_column(String(16))
    job_id: Mapped[int | None]
