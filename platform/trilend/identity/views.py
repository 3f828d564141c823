"""People and roles of a tenant on FAB's views."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, count
from typing import Any, cast

from flask import abort, flash, g, redirect, request
from flask_appbuilder.actions import action
from flask_appbuilder.security.forms import SelectDataRequired
from flask_appbuilder.security.sqla.models import Role, User
from flask_appbuilder.security.views import RoleModelView, UserDBModelView
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response
from wtforms import ValidationError

from trilend.errors import Refused
from trilend.identity.access import page
from trilend.identity.administrators import AdministratorStays, RoleFixed, check_administrators
from trilend.identity.duties import KeepsDutiesApart, KeepsGrantsApart, refuse_exclusive, warnings_for
from trilend.identity.labels import role_label
from trilend.identity.leaving import end_access
from trilend.identity.seeds import ADMINISTRATOR
from trilend.identity.trail import remember, trace_added, trace_changed, trace_removed
from trilend.tenancy.context import TenantSession, tenant_session
from trilend.tenancy.plans.errors import PeopleUsedUp
from trilend.tenancy.plans.service import check_people, take_place
from trilend.web.names import full_name

_LONGEST_ROLE = 64


class KnownActions:
    """Mixin: an action that a list does not have is not found; the library would stumble over it."""

    actions: Mapping[str, Any]

    def get_action_permission_name(self, name: str) -> str:
        """The permission of an action."""
        if name not in self.actions:
            abort(404)
        return str(super().get_action_permission_name(name))  # type: ignore[misc]


class UsersView(KnownActions, UserDBModelView):  # type: ignore[misc]
    """The people of the company."""

    class_permission_name = "Users"
    route_base = "/people"
    base_order = ("first_name", "asc")
    list_title = _l("People")
    show_title = _l("Staff member")
    add_title = _l("Add a person")
    edit_title = _l("Change a person")
    list_columns = ["first_name", "username", "email", "active", "roles"]
    add_columns = ["first_name", "username", "email", "active", "roles", "password", "conf_password"]
    edit_columns = ["first_name", "username", "email", "active", "roles"]
    search_columns = ["first_name", "username", "email", "active", "roles"]
    show_fieldsets = [
        (_l("Staff member"), {"fields": ["first_name", "username", "email", "active", "roles"]}),
        (_l("Activity"), {"fields": ["last_login", "login_count", "created_on"], "expanded": True}),
    ]
    user_show_fieldsets = show_fieldsets
    label_columns = {
        "first_name": _l("Full name"),
        "username": _l("User name"),
        "email": _l("E-mail"),
        "active": _l("May sign in"),
        "roles": _l("Roles"),
        "last_login": _l("Last sign-in"),
        "login_count": _l("Number of sign-ins"),
        "created_on": _l("Added on"),
    }
    # FAB's own check asks for a role or a group, and stumbles where a form has no groups.
    validators_columns = {"roles": [SelectDataRequired(_l("Choose at least one role.")), KeepsDutiesApart()]}
    description_columns = {
        "username": _l("Used to sign in"),
        "active": _l("Somebody who has left keeps the past work, but may not sign in"),
        "roles": _l("Roles decide what a person sees and does"),
    }

    @page("/add", permission="add", methods=("GET", "POST"))
    def add(self) -> str | Response:
        """Add a person; where the plan is used up, the form stays as it was entered and says so."""
        try:
            check_people(tenant_session())
        except PeopleUsedUp as error:
            flash(str(error), "warning")
            if request.method == "POST":
                widgets = self._get_add_widget(form=self.add_form.refresh())
                return cast(str, self.render_template(self.add_template, title=self.add_title, widgets=widgets))
        return cast("str | Response", super().add())

    def pre_update(self, item: Any) -> None:
        """Refuse to let one more person sign in than the plan allows; log what changes."""
        # In the session of the request the form's values may have been flushed already.
        with TenantSession() as before:
            comes_back = item.active and not before.scalar(select(User.active).where(User.id == item.id))
        if comes_back:
            take_place(tenant_session(), item.id)
        trace_changed(tenant_session(), item)
        super().pre_update(item)
        _keep_administrators()
        if not item.active:
            end_access(tenant_session(), item.id)
        _warn_of_duties(item)

    def pre_add(self, item: Any) -> None:
        """Take a place of the plan; keep the family name FAB asks for empty: the full name is one field."""
        if item.active:
            take_place(tenant_session())
        item.last_name = ""
        super().pre_add(item)
        trace_added(tenant_session(), item)
        _warn_of_duties(item)

    def process_form(self, form: Any, is_created: bool) -> None:
        """Keep what there was before."""
        if not is_created:
            remember(self.datamodel.get(form._id))

    def pre_delete(self, item: Any) -> None:
        """Log that the person is removed; an administrator stays."""
        if item.active and any(role.name == ADMINISTRATOR for role in item.roles):
            raise AdministratorStays
        super().pre_delete(item)
        trace_removed(tenant_session(), item)


class RolesView(KnownActions, RoleModelView):  # type: ignore[misc]
    """Roles and what they may do."""

    class_permission_name = "Roles"
    route_base = "/roles"
    list_title = _l("Roles")
    show_title = edit_title = _l("Role")
    add_title = _l("Add a role")
    list_columns = search_columns = ["name"]
    label_columns = {"name": _l("Name"), "permissions": _l("Permissions")}
    formatters_columns = {"name": role_label}
    validators_columns = {"permissions": [KeepsGrantsApart()]}

    @action("copyrole", _l("Copy"), _l("Copy the chosen roles?"), icon="fa-copy", single=False)  # type: ignore[untyped-decorator]
    def copy_role(self, items: Sequence[Any]) -> Response:
        """Add a role with the same permissions for each that was chosen, and log it; none that nobody may hold."""
        self.update_redirect()
        session = tenant_session()
        originals = session.scalars(
            select(Role)
            .where(Role.id.in_([item.id for item in items]))
            .order_by(Role.id)
            .options(selectinload(Role.permissions))
        ).all()
        try:
            for original in originals:
                refuse_exclusive({(pair.permission.name, pair.view_menu.name) for pair in original.permissions})
        except ValidationError as error:
            flash(str(error), "danger")
            return redirect(self.get_redirect())
        taken = set(session.scalars(select(Role.name)))
        for original in originals:
            copy = Role(name=_free_name(original.name, taken), permissions=list(original.permissions))
            taken.add(copy.name)
            trace_added(session, copy)
            session.add(copy)
        session.commit()
        flash(ngettext("%(num)d role is copied.", "%(num)d roles are copied.", len(originals)), "success")
        return redirect(self.get_redirect())

    def pre_add(self, item: Any) -> None:
        """Log the new role."""
        trace_added(tenant_session(), item)

    def process_form(self, form: Any, is_created: bool) -> None:
        """Keep what there was before."""
        if not is_created:
            remember(self.datamodel.get(form._id))

    def pre_update(self, item: Any) -> None:
        """Log what changes; the administrator's role is fixed."""
        if g.trilend_before.values["name"] == ADMINISTRATOR:
            tenant_session.rollback()
            raise RoleFixed
        trace_changed(tenant_session(), item)

    def pre_delete(self, item: Any) -> None:
        """Log that the role is removed; the administrator's role is fixed."""
        if item.name == ADMINISTRATOR:
            raise RoleFixed
        super().pre_delete(item)
        trace_removed(tenant_session(), item)


def _free_name(name: str, taken: Collection[str]) -> str:
    """What the copy of a role is called: a copy of a copy is numbered."""
    wanted = str(gettext("%(name)s (copy)", name=role_label(name)))[:_LONGEST_ROLE]
    numbered = (f"{wanted[: _LONGEST_ROLE - 4]} {number}" for number in count(2))
    return next(each for each in chain([wanted], numbered) if each not in taken)


def _keep_administrators() -> None:
    try:
        check_administrators(tenant_session())
    except Refused:
        tenant_session.rollback()
        raise


def _warn_of_duties(person: User) -> None:
    for warning in warnings_for(person.roles):
        flash(warning, "warning")


def person_name() -> str:
    """Name of the person signed in, or an empty text."""
    user = getattr(g, "user", None)
    if user is None or not user.is_authenticated:
        return ""
    return full_name(user.first_name or "", user.last_name or "")
