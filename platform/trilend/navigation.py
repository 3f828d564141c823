"""The navigation of a tenant's pages: what its kind brings and what all have, as far as the person may go."""

from collections.abc import Collection

from flask import request, url_for
from flask_babel import lazy_gettext as _l

from trilend.kinds import MenuEntry, MenuGroup, Permission, TenantKind
from trilend.web.shell import NavGroup, NavItem

_SHARED = (
    MenuGroup(
        _l("Books"),
        (
            MenuEntry(_l("Journals"), "BooksView.journals", "book", ("can_list", "Books")),
            MenuEntry(_l("Bank statement"), "StatementsView.entries", "building-bank", ("can_list", "Statements")),
        ),
    ),
    MenuGroup(
        _l("Company"),
        (
            MenuEntry(_l("Papers, plan, domains"), "CompanyView.overview", "building", ("can_list", "Company")),
            MenuEntry(
                _l("Departments and people"), "OrganizationView.overview", "hierarchy", ("can_list", "Organization")
            ),
            MenuEntry(_l("People"), "UsersView.list", "users", ("can_list", "Users")),
            MenuEntry(_l("Roles"), "RolesView.list", "shield-lock", ("can_list", "Roles")),
            MenuEntry(
                _l("Sign-in and security"), "SignInRulesView.overview", "fingerprint", ("can_list", "SignInRules")
            ),
            MenuEntry(_l("Connections"), "ConnectionsView.overview", "plug", ("can_list", "Connections")),
            MenuEntry(_l("Parameters"), "ParametersView.overview", "adjustments", ("can_list", "Parameters")),
            MenuEntry(_l("Background work"), "WorkView.overview", "clock", ("can_list", "Work")),
            MenuEntry(_l("Export"), "ArchivesView.overview", "download", ("can_export", "Archives")),
            MenuEntry(_l("Files and holds"), "KeptFilesView.overview", "archive", ("can_list", "KeptFiles")),
            MenuEntry(_l("API clients"), "ApiClientsView.overview", "api", ("can_list", "ApiClients")),
            MenuEntry(_l("Events out"), "WebhooksView.overview", "send", ("can_list", "Webhooks")),
            MenuEntry(_l("Audit log"), "AuditLogView.overview", "history", ("can_list", "AuditLog")),
        ),
    ),
)


def navigation_for(kind: TenantKind, held: Collection[Permission]) -> tuple[NavGroup, ...]:
    """The groups and lines that somebody with these permissions sees, the present page marked."""
    home = NavGroup(
        "", (NavItem(str(_l("Overview")), url_for("HomeView.index"), "home", request.endpoint == "HomeView.index"),)
    )
    groups = [home]
    for group in (*kind.menu, *_SHARED):
        items = tuple(_item(entry) for entry in group.entries if entry.permission in held)
        if items:
            groups.append(NavGroup(str(group.label), items))
    return tuple(groups)


def _item(entry: MenuEntry) -> NavItem:
    view = entry.endpoint.partition(".")[0]
    return NavItem(str(entry.label), url_for(entry.endpoint), entry.icon, (request.blueprint or "") == view)
