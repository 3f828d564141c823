"""FAB's security manager as Trilend uses it: no database work at start, one query per request for permissions."""

from flask import g
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_appbuilder.security.sqla.models import (
    Permission,
    PermissionView,
    ViewMenu,
    assoc_permissionview_role,
    assoc_user_role,
)
from sqlalchemy import select

from trilend.identity.views import RolesView, UsersView
from trilend.tenancy.context import current_tenant, tenant_session
from trilend.tenancy.errors import not_admitted


class TenantSecurityManager(SecurityManager):  # type: ignore[misc]
    """Registers only the views that Trilend has made its own; `trilend.access.security` adds how people sign in.

    FAB's token endpoint (`/api/v1/security/login`) is left out on purpose: its tokens would name a user id alone and
    so be good in every tenant.
    """

    userdbmodelview = UsersView
    rolemodelview = RolesView

    def create_db(self) -> None:
        """Nothing: schemas come from the blueprint."""

    def register_views(self) -> None:
        """Add sign-in, users, roles and own password."""
        self.auth_view = self.authdbview()
        self.appbuilder.add_view_no_menu(self.auth_view)
        self.appbuilder.add_view_no_menu(self.resetpasswordview())
        self.appbuilder.add_view_no_menu(self.resetmypasswordview())
        self.user_view = self.appbuilder.add_view_no_menu(self.userdbmodelview)
        self.appbuilder.add_view_no_menu(self.rolemodelview)

    def update_user(self, user: object, commit: bool = True) -> object:
        """As FAB does, which answers False to whatever went wrong; a tenant that may only be read says so instead."""
        updated = super().update_user(user, commit)
        admission = current_tenant().admission
        if updated is False and not admission.is_open:
            raise not_admitted(admission)
        return updated

    def _has_view_access(self, user: object, permission_name: str, view_name: str) -> bool:
        return (permission_name, view_name) in self.permissions_of(user.id)  # type: ignore[attr-defined]

    def permissions_of(self, user_id: int) -> frozenset[tuple[str, str]]:
        """All (permission, view) pairs of a user, read once per request."""
        held: dict[int, frozenset[tuple[str, str]]] = g.setdefault("trilend_permissions", {})
        if user_id not in held:
            held[user_id] = frozenset(
                (row.permission, row.view)
                for row in tenant_session.execute(
                    select(Permission.name.label("permission"), ViewMenu.name.label("view"))
                    .join(PermissionView, PermissionView.permission_id == Permission.id)
                    .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
                    .join(
                        assoc_permissionview_role, assoc_permissionview_role.c.permission_view_id == PermissionView.id
                    )
                    .join(assoc_user_role, assoc_user_role.c.role_id == assoc_permissionview_role.c.role_id)
                    .where(assoc_user_role.c.user_id == user_id)
                )
            )
        return held[user_id]
