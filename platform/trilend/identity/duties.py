"""Acts that one person must not do both: looked at when roles are given, and again when the second act is done."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import Role
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import ValidationError

from trilend.audit.service import Actor
from trilend.errors import Refused
from trilend.identity.seeds import ADMINISTRATOR
from trilend.kinds import Permission, SeparatedDuties, kinds
from trilend.tenancy.context import current_tenant


class DutiesSeparated(Refused):
    """Somebody is about to do the second of two acts of which he or she has done the first."""

    code = "duties_separated"

    def __init__(self, rule: SeparatedDuties) -> None:
        super().__init__(_l("%(why)s Ask a colleague who may do this.", why=rule.why), rule=rule.name)


def rules() -> Sequence[SeparatedDuties]:
    """The pairs that the bound company's kind of business keeps apart."""
    return kinds()[current_tenant().kind].separated


def require_other_person(actor: Actor, act: Permission, done: Mapping[Permission, int | None]) -> None:
    """Raise `DutiesSeparated` if the actor has done what rules out this act on the same thing.

    `done` says who did what on it, by user id. A program stands for whoever let it in and knows its secret.
    """
    for rule in rules():
        first = done.get(rule.first)
        if rule.second == act and first is not None and first in (actor.user_id, actor.answers):
            raise DutiesSeparated(rule)


def held_together(held: Collection[Permission]) -> Sequence[SeparatedDuties]:
    """The rules of which somebody with these permissions holds both sides."""
    return [rule for rule in rules() if rule.first in held and rule.second in held]


def permissions_of_roles(roles: Iterable[Role]) -> set[Permission]:
    """What roles grant together, without the administrator's: that one holds everything, and is held back when it acts."""
    return {
        (pair.permission.name, pair.view_menu.name)
        for role in roles
        if role.name != ADMINISTRATOR
        for pair in role.permissions
    }


class KeepsDutiesApart:
    """Check of a form's field of roles: together they must not hold both sides of an exclusive pair."""

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse with the reason of the first such pair."""
        refuse_exclusive(permissions_of_roles(field.data or ()))


class KeepsGrantsApart:
    """Check of a form's field of permissions: a role must not hold both sides of an exclusive pair."""

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse with the reason of the first such pair."""
        if getattr(form.name, "data", "") != ADMINISTRATOR:
            refuse_exclusive({(pair.permission.name, pair.view_menu.name) for pair in field.data or ()})


def refuse_exclusive(held: Collection[Permission]) -> None:
    """Raise wtforms' `ValidationError` for the first exclusive pair of which both sides are held."""
    for rule in held_together(held):
        if rule.exclusive:
            raise ValidationError(gettext("%(why)s Choose one of the two.", why=rule.why))


def warnings_for(roles: Iterable[Role]) -> Sequence[str]:
    """What an administrator should know of these roles: pairs that are allowed together but better kept apart."""
    return [
        gettext("%(why)s This person may now do both, but not on the same thing.", why=rule.why)
        for rule in held_together(permissions_of_roles(roles))
        if not rule.exclusive
    ]
