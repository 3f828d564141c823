"""Departments as a tree, the place of each person in it, how far each role sees, and what was handed over."""

from datetime import datetime
from enum import StrEnum

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trilend.db.base import BigKey, Created, TenantBase

ROOT = 1
"""The department that stands for the whole company: made with the company's space, never moved, merged or closed."""
ROOT_PATH = f"/{ROOT}/"
_OPEN = text("closed_at IS NULL")


class Department(Created, TenantBase):
    """A department; `path` lists the ids from the root down to itself (`/1/7/`), so that a subtree is one prefix.

    A closed one stays for what is on record; `closed_into` took over its work. The root is named as the company is.
    """

    __tablename__ = "department"
    __table_args__ = (
        Index("department_path", "path", unique=True, postgresql_ops={"path": "text_pattern_ops"}),
        Index("department_name", "parent_id", "name", unique=True, postgresql_where=_OPEN),
    )

    id: Mapped[BigKey]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("department.id"))
    name: Mapped[str] = mapped_column(String(100))
    path: Mapped[str] = mapped_column(String(400))
    closed_at: Mapped[datetime | None]
    closed_into: Mapped[int | None] = mapped_column(ForeignKey("department.id"))


class Placement(TenantBase):
    """Where a person works, and as what; who has none works in the root."""

    __tablename__ = "placement"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("department.id"), index=True)
    position: Mapped[str] = mapped_column(String(60), default="")


class DataScope(StrEnum):
    """How far a role sees: what is the person's own, the own department's, that and those below, the whole company's."""

    OWN = "own"
    TEAM = "team"
    SUBTREE = "subtree"
    ALL = "all"

    @property
    def width(self) -> int:
        """Grows with what is seen: of several roles the widest counts."""
        return list(DataScope).index(self)


class RoleScope(TenantBase):
    """How far a role sees; one without a row sees what is the person's own."""

    __tablename__ = "role_scope"

    role_id: Mapped[int] = mapped_column(ForeignKey("ab_role.id", ondelete="CASCADE"), primary_key=True)
    scope: Mapped[DataScope] = mapped_column(String(8))


class ProgramDepartment(TenantBase):
    """The department, with those below it, to which a program of the API is held; one without a row sees everything."""

    __tablename__ = "program_department"

    client_id: Mapped[int] = mapped_column(ForeignKey("api_client.id", ondelete="CASCADE"), primary_key=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("department.id"))


class HandOver(Created, TenantBase):
    """Somebody's work given to somebody else, because of leaving or not; `undone_at` says when it was taken back."""

    __tablename__ = "hand_over"
    __table_args__ = (Index("hand_over_from", "from_user_id", "id"),)

    id: Mapped[BigKey]
    from_user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    to_user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    leaving: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(String(300), default="")
    undone_at: Mapped[datetime | None]
    from_user: Mapped[User] = relationship(foreign_keys=[from_user_id], lazy="raise")
    to_user: Mapped[User | None] = relationship(foreign_keys=[to_user_id], lazy="raise")


class HandOverItem(TenantBase):
    """One thing that was handed over."""

    __tablename__ = "hand_over_item"
    __table_args__ = ({"info": {"append_only": True}},)

    hand_over_id: Mapped[int] = mapped_column(ForeignKey("hand_over.id"), primary_key=True)
    subject_type: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
