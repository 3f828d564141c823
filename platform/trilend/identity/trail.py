"""Leaves a trace in the audit log of what Flask-AppBuilder's pages change in people and roles."""

from collections.abc import Iterable
from typing import Any

from flask import g
from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from trilend.audit.changes import Changes, Snapshot, changed
from trilend.audit.service import record
from trilend.identity.service import signed_in_actor

_FIELDS = {User: ("first_name", "username", "email", "active", "roles"), Role: ("name", "permissions")}
_ACTS = {
    User: {
        "added": "person.added",
        "changed": "person.changed",
        "removed": "person.removed",
        "password": "person.password_set",
    },
    Role: {"added": "role.added", "changed": "role.changed", "removed": "role.removed"},
}


def trace_added(session: Session, item: Any) -> None:
    """Log a person or role that is about to be added; it is given its key, which the line needs."""
    with session.no_autoflush:
        item.id = session.scalar(select(inspect(type(item)).columns["id"].default.next_value()))
        changes = changed(None, _now(item))
    _trace(session, item, "added", changes)


def remember(item: Any) -> None:
    """Keep what a person or role is before a form is put into it: filling in one field may write another one already."""
    g.trilend_before = _now(item)


def trace_changed(session: Session, item: Any) -> None:
    """Log what a form has changed since `remember`."""
    with session.no_autoflush:
        changes = changed(g.trilend_before, _now(item))
    _trace(session, item, "changed", changes)


def trace_removed(session: Session, item: Any) -> None:
    """Log that a person or role is about to be removed."""
    _trace(session, item, "removed", changed(_now(item), None))


def trace_password(session: Session, item: Any) -> None:
    """Log that somebody's password is about to be set; nothing of it is stored."""
    _trace(session, item, "password", {})


def _trace(session: Session, item: Any, verb: str, changes: Changes) -> None:
    act = _ACTS[type(item)][verb]
    name = item.username if isinstance(item, User) else item.name
    subject = act.partition(".")[0]
    record(session, signed_in_actor(), act, subject, item.id, changes=_differing(changes), name=name)


def _now(item: Any) -> Snapshot:
    return Snapshot({field: _named(getattr(item, field)) for field in _FIELDS[type(item)]})


def _named(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, list) else value


def _differing(changes: Changes) -> Changes:
    """Of a role's many permissions only those that were taken (before) and given (after)."""
    if "permissions" not in changes:
        return changes
    before, after = (part or [] for part in changes["permissions"])
    return changes | {"permissions": [_without(before, after), _without(after, before)]}


def _without(some: Iterable[str], others: Iterable[str]) -> list[str]:
    return sorted(set(some) - set(others))
