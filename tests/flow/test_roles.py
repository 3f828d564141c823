"""What administrators do to roles on pages leaves its line in the log; every kind of company has somebody who only reads."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text
from tests.conftest import PASSWORD
from werkzeug.test import Client

from trilend.audit.models import AuditEntry
from trilend.identity.service import add_person
from trilend.tenancy.context import bound, tenant_session

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_HELD = text("""
    SELECT role.name, view.name || '.' || act.name FROM ab_role AS role
    JOIN ab_permission_view_role AS held ON held.role_id = role.id
    JOIN ab_permission_view AS pair ON pair.id = held.permission_view_id
    JOIN ab_permission AS act ON act.id = pair.permission_id
    JOIN ab_view_menu AS view ON view.id = pair.view_menu_id
""")


def sign_in(client: Client, name: str) -> None:
    token = _TOKEN.search(client.get("/login/?lang=en").get_data(as_text=True))
    assert token
    client.post("/login/", data={"csrf_token": token[1], "username": name, "password": PASSWORD})


def held(tenant: Any) -> dict[str, set[str]]:
    """What each role holds."""
    found: dict[str, set[str]] = {}
    with bound(tenant):
        for role, permission in tenant_session.execute(_HELD):
            found.setdefault(role, set()).add(permission)
    return found


def copy(client: Client, *ids: int) -> Any:
    token = _TOKEN.search(client.get("/people/add").get_data(as_text=True))
    form = {"action": "copyrole", "rowid": [str(each) for each in ids], "csrf_token": token[1] if token else ""}
    return client.post("/roles/action_post", data=form)


def test_a_copied_role_holds_the_same_and_is_in_the_log(tenant: Any, browse: Callable[[str], Client]) -> None:
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client, "admin")
    with bound(tenant):
        ids: dict[str, int] = {
            name: number for number, name in tenant_session.execute(text("SELECT id, name FROM ab_role"))
        }
    assert copy(client, ids["Cashier"], ids["Officer"]).status_code == 302
    assert copy(client, ids["Cashier"]).status_code == 302

    roles = held(tenant)
    made = {"Cashier (copy)", "Loan officer (copy)", "Cashier (copy) 2"}
    assert roles.keys() - ids.keys() == made
    assert roles["Cashier (copy)"] == roles["Cashier (copy) 2"] == roles["Cashier"]
    assert roles["Loan officer (copy)"] == roles["Officer"]
    with bound(tenant):
        lines = tenant_session.scalars(select(AuditEntry).where(AuditEntry.act == "role.added")).all()
        assert {line.details["name"] for line in lines} == made
        assert {line.actor for line in lines} == {"管理员"}
        assert all(line.changes["permissions"][1] for line in lines)


def test_who_may_not_copy_copies_nothing(tenant: Any, browse: Callable[[str], Client]) -> None:
    with bound(tenant):
        session = tenant_session()
        add_person(session, username="xin", name="信贷", email="x@example.com", password=PASSWORD, roles=["Officer"])
        session.commit()
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client, "xin")
    before = held(tenant)
    copy(client, 1)

    assert held(tenant) == before
    with bound(tenant):
        assert tenant_session.scalars(select(AuditEntry).where(AuditEntry.act == "role.added")).all() == []


@pytest.mark.parametrize("kind", ["microfinance", "guarantee", "broker"])
def test_every_kind_has_an_auditor_who_reads_and_changes_nothing(
    kind: str, new_tenant: Callable[..., Any], browse: Callable[[str], Client]
) -> None:
    tenant = new_tenant(kind)
    with bound(tenant):
        session = tenant_session()
        add_person(session, username="shen", name="审计", email="s@example.com", password=PASSWORD, roles=["Auditor"])
        session.commit()
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client, "shen")

    for path in ("/audit/", "/customers/", "/books/", "/parameters/", "/kept-files/"):
        assert client.get(path).status_code == 200, path
    assert client.get("/people/list/").status_code in (302, 403)
    writes = re.compile(r"\.can_(add|edit|delete|decide|disburse|collect|reveal|hold|lift|import|prepay)$")
    own = {permission for permission in held(tenant)["Auditor"] if writes.search(permission)}
    assert own == set()
