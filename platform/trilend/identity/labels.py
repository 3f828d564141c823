"""What roles and permissions are called on pages."""

from collections.abc import Iterator

from flask_appbuilder.security.sqla.models import PermissionView
from flask_appbuilder.security.sqla.models import Role as RoleRow
from flask_babel import LazyString, gettext
from flask_babel import lazy_gettext as _l

from trilend.identity.seeds import ADMINISTRATOR
from trilend.kinds import Role, kinds
from trilend.tenancy.context import tenant_or_none
from trilend.web.names import name_of

SUBJECTS: dict[str, LazyString] = {
    "Company": _l("Company"),
    "ApiClients": _l("API clients"),
    "Applications": _l("Applications"),
    "Archives": _l("Export"),
    "AuditLog": _l("Audit log"),
    "Books": _l("Books"),
    "Connections": _l("Connections"),
    "Contracts": _l("Contracts"),
    "KeptFiles": _l("Files and holds"),
    "Loans": _l("Loans"),
    "MenuApi": _l("Menu"),
    "MyPassword": _l("Own password"),
    "Organization": _l("Departments and people"),
    "Parameters": _l("Parameters"),
    "Parties": _l("Customers"),
    "Products": _l("Products"),
    "Roles": _l("Roles"),
    "SignInRules": _l("Sign-in and security"),
    "Statements": _l("Bank statement"),
    "Users": _l("People"),
    "Webhooks": _l("Events to other programs"),
    "Work": _l("Background work"),
}
ACTS: dict[str, LazyString] = {
    "can_add": _l("add"),
    "can_check": _l("have all of it checked"),
    "can_collect": _l("collect repayments"),
    "can_decide": _l("approve and refuse"),
    "can_delete": _l("delete"),
    "can_disburse": _l("pay out"),
    "can_download": _l("export"),
    "can_edit": _l("change"),
    "can_export": _l("take it out as a file"),
    "can_get": _l("read"),
    "can_hand_over": _l("hand over to a colleague"),
    "can_hold": _l("put files under a legal hold"),
    "can_import": _l("import"),
    "can_lift": _l("lift legal holds"),
    "can_list": _l("see the list"),
    "can_prepay": _l("agree prepayments"),
    "can_reveal": _l("reveal masked fields"),
    "can_see_account": _l("see bank accounts in full"),
    "can_see_mobile": _l("see mobile numbers in full"),
    "can_show": _l("see one in full"),
    "can_this_form_get": _l("open the password form"),
    "can_this_form_post": _l("save the password form"),
    "can_userinfo": _l("see the own account"),
    "copyrole": _l("copy"),
    "resetmypassword": _l("change the own password"),
    "resetpasswords": _l("set somebody's password"),
    "userinfoedit": _l("change the own account"),
}


def permission_label(permission: str, view: str) -> str:
    """A permission on a view in words: `can_list` on `Parties` is “Customers: see the list”."""
    subject, act = SUBJECTS.get(view, view), ACTS.get(permission, permission)
    return str(gettext("%(subject)s: %(act)s", subject=subject, act=act))


def role_label(name: str) -> str:
    """The label of a default role; a role that the company has made is called as the company calls it."""
    if name == ADMINISTRATOR:
        return str(gettext("Administrator"))
    return next((str(role.label) for role in _default_roles() if role.name == name), name)


@name_of.register
def _role_name(role: RoleRow) -> str:
    return role_label(role.name)


@name_of.register
def _permission_name(held: PermissionView) -> str:
    return permission_label(held.permission.name, held.view_menu.name)


def _default_roles() -> Iterator[Role]:
    tenant = tenant_or_none()
    return iter(kinds()[tenant.kind].roles if tenant else ())
