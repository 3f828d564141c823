"""Keeps the way back open while passwords are off, whoever becomes the first administrator."""

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from trilend.access.errors import NoWayBack
from trilend.access.rules import first_administrator, has_second_factor, rules_of
from trilend.identity.administrators import guards_administrators


@guards_administrators
def _first_gets_in(session: Session) -> None:
    if rules_of(session).passwords_allowed:
        return
    first = first_administrator(session)
    if first is None or not first.password or not has_second_factor(session, first.id):
        raise NoWayBack(
            _l(
                "Passwords are switched off: %(name)s would become the first administrator, and needs a password and a"
                " second factor before.",
                name=first.first_name if first else "—",
            )
        )
