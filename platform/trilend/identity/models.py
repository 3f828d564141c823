"""Programs that call the API, and the tokens they hold; people are FAB's `ab_user`."""

from datetime import datetime

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase

# Names of people belong in reports; their passwords and addresses do not.
User.__table__.info["reports"] = ("id", "first_name", "last_name", "username", "active")


class ApiClient(Created, TenantBase):
    """A program of the tenant; its secret is kept as a digest only."""

    __tablename__ = "api_client"

    id: Mapped[BigKey]
    client_id: Mapped[str] = mapped_column(String(48), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[str] = mapped_column(String(1000))
    active: Mapped[bool] = mapped_column(default=True)


class ApiToken(Created, TenantBase):
    """An access token, kept as a digest; it is worth nothing outside of this tenant's schema."""

    __tablename__ = "api_token"
    __table_args__ = (Index("api_token_expiry", "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("api_client.id", ondelete="CASCADE"))
    scopes: Mapped[str] = mapped_column(String(1000))
    expires_at: Mapped[datetime]
    revoked: Mapped[bool] = mapped_column(default=False)
