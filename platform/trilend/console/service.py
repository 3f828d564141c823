"""Operators of the platform: who they are, and what they see of tenants."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from trilend.tenancy.models import Operator, Tenant

_NOBODY = generate_password_hash("nobody has this password")


def add_operator(session: Session, *, username: str, name: str, password: str) -> Operator:
    """Add an operator, or set the password of one that is there."""
    operator = session.scalar(select(Operator).where(Operator.username == username)) or Operator(username=username)
    operator.name, operator.password_hash, operator.active = name, generate_password_hash(password), True
    session.add(operator)
    session.flush()
    return operator


def authenticate(session: Session, username: str, password: str) -> Operator | None:
    """The operator with this name and password; takes as long for an unknown name."""
    operator = session.scalar(select(Operator).where(Operator.username == username, Operator.active.is_(True)))
    matches = check_password_hash(operator.password_hash if operator else _NOBODY, password)
    return operator if matches else None


def list_tenants(session: Session, *, search: str, offset: int, limit: int) -> tuple[Sequence[Tenant], int]:
    """A page of tenants, newest first, and how many match in all."""
    statement = select(Tenant)
    if search:
        by_text = Tenant.name.contains(search, autoescape=True) | Tenant.slug.contains(search, autoescape=True)
        statement = statement.where(by_text | (Tenant.uscc == search.upper()))
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    return session.scalars(statement.order_by(Tenant.created_at.desc()).offset(offset).limit(limit)).all(), total
