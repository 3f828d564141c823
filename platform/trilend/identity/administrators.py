"""Sees to it that a company keeps somebody who can let the others in."""

from collections.abc import Callable

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.errors import Refused
from trilend.identity.seeds import ADMINISTRATOR

Guard = Callable[[Session], None]

_guards: list[Guard] = []


class LastAdministrator(Refused):
    """Nobody would be left who may add people and give roles."""

    code = "last_administrator"

    def __init__(self) -> None:
        super().__init__(_l("This is the last administrator. Make somebody else one first."))


class AdministratorStays(Refused):
    """An administrator is to be removed, with all that points to who he or she was."""

    code = "administrator_stays"

    def __init__(self) -> None:
        super().__init__(_l("Take the administrator's role away first; then this person can be removed."))


class RoleFixed(Refused):
    """The administrator's role holds everything, and is found by its name."""

    code = "role_fixed"

    def __init__(self) -> None:
        super().__init__(_l("The administrator's role is fixed. Add another role and change that."))


def guards_administrators(guard: Guard) -> Guard:
    """Declare what else must hold of the administrators that are left; it raises where it does not."""
    _guards.append(guard)
    return guard


def check_administrators(session: Session) -> None:
    """Refuse a change of people that is in the session already; raises `LastAdministrator`, or what a guard raises.

    The administrators are locked until the caller's transaction ends: of two that take each other's role away, the
    second finds itself the last.
    """
    session.flush()
    left = select(User.id).join(User.roles).where(Role.name == ADMINISTRATOR, User.active.is_(True))
    if not session.scalars(left.order_by(User.id).with_for_update(of=User)).all():
        raise LastAdministrator
    for guard in _guards:
        guard(session)
