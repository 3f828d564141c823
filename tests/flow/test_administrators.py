"""A company keeps somebody who lets the others in, and whoever may not sign in any more keeps nothing to come in by."""

import re
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import select
from tests.conftest import PASSWORD
from werkzeug.test import Client

from trilend.access.browser_sessions import Visit, open_session, presence
from trilend.access.models import SignInMethod
from trilend.api.oauth.tokens import held_token, locked_refresh_token
from trilend.api.programs import digest_of
from trilend.audit.service import SYSTEM, Actor
from trilend.db.base import now
from trilend.identity.duties import DutiesSeparated, require_other_person
from trilend.identity.models import ApiGrant, ApiRefreshToken
from trilend.identity.service import add_api_client, add_person
from trilend.tenancy.context import bound, tenant_session

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
PAY = ("can_disburse", "Loans")
DECIDE = ("can_decide", "Applications")


@pytest.fixture
def admin(tenant: Any, browse: Callable[[str], Client]) -> Client:
    client = browse(f"{tenant.slug}.localhost")
    client.post(
        "/login/", data={"csrf_token": token(client, "/login/?lang=en"), "username": "admin", "password": PASSWORD}
    )
    return client


@pytest.fixture
def here(tenant: Any) -> Iterator[Any]:
    with bound(tenant):
        yield tenant_session()


def token(client: Client, page: str) -> str:
    found = _TOKEN.search(client.get(page).get_data(as_text=True))
    assert found, page
    return found[1]


def change(client: Client, person: User, roles: list[int], *, active: bool) -> str:
    """Save the form of a person; what the next page says."""
    page = f"/people/edit/{person.id}"
    form = {
        "csrf_token": token(client, page),
        "first_name": person.first_name,
        "username": person.username,
        "email": person.email,
        "roles": [str(role) for role in roles],
    }
    client.post(page, data=form | ({"active": "y"} if active else {}))
    return client.get("/people/list/").get_data(as_text=True)


def roles_by_name(session: Any) -> dict[str, int]:
    return {role.name: role.id for role in session.scalars(select(Role))}


def test_the_last_administrator_keeps_the_role_and_the_door(admin: Client, here: Any) -> None:
    person, roles = here.scalars(select(User)).one(), roles_by_name(here)

    for wanted, active in (([roles["Auditor"]], True), ([roles["Admin"]], False)):
        assert "last administrator" in change(admin, person, wanted, active=active)
        here.expire_all()
        assert (person.active, [role.name for role in person.roles]) == (True, ["Admin"])

    admin.post(f"/people/delete/{person.id}", data={"csrf_token": token(admin, "/people/list/")})
    here.expire_all()
    assert here.get(User, person.id) is not None


def test_of_two_administrators_one_may_go(admin: Client, here: Any) -> None:
    second = add_person(here, username="b", name="乙", email="b@example.com", password=PASSWORD, roles=["Admin"])
    here.commit()

    change(admin, second, [roles_by_name(here)["Auditor"]], active=True)

    here.expire_all()
    assert [role.name for role in second.roles] == ["Auditor"]


def test_the_administrators_role_is_fixed(admin: Client, here: Any) -> None:
    role = here.scalars(select(Role).where(Role.name == "Admin")).one()
    before = len(role.permissions)
    page = f"/roles/edit/{role.id}"

    admin.post(page, data={"csrf_token": token(admin, page), "name": "Boss", "permissions": []})
    admin.post(f"/roles/delete/{role.id}", data={"csrf_token": token(admin, "/roles/list/")})

    here.expire_all()
    assert (role.name, len(role.permissions)) == ("Admin", before)
    other = here.scalars(select(Role).where(Role.name == "Auditor")).one()
    page = f"/roles/edit/{other.id}"
    kept = [str(pair.id) for pair in other.permissions[1:]]
    admin.post(page, data={"csrf_token": token(admin, page), "name": "Reader", "permissions": kept})
    here.expire_all()
    assert (other.name, len(other.permissions)) == ("Reader", len(kept))


def test_who_may_not_sign_in_any_more_keeps_neither_browser_nor_programs(admin: Client, here: Any) -> None:
    person = add_person(here, username="c", name="丙", email="c@example.com", password=PASSWORD, roles=["Auditor"])
    cookie, _ = open_session(here, person, SignInMethod.PASSWORD, Visit("192.0.2.1", "x", "x"))
    client, _ = add_api_client(here, SYSTEM, name=secrets.token_hex(4), scopes=["parties:read"])
    grant = ApiGrant(client_id=client.id, user_id=person.id, scopes="parties:read")
    here.add(grant)
    here.flush()
    refresh = secrets.token_urlsafe(16)
    here.add(ApiRefreshToken(digest=digest_of(refresh), grant_id=grant.id, expires_at=now() + timedelta(days=1)))
    here.commit()
    roles = [role.id for role in person.roles]

    change(admin, person, roles, active=False)
    here.expire_all()
    assert locked_refresh_token(here, refresh) is None
    here.rollback()
    change(admin, person, roles, active=True)

    here.expire_all()
    assert person.active
    assert presence(here, person.id, cookie) is None
    held = held_token(here, refresh)
    assert held is not None
    assert held.is_revoked()


def test_a_program_stands_for_whoever_let_it_in(here: Any) -> None:
    """One person decides and has the own program pay out: that is one person still."""
    decider = here.scalars(select(User)).one().id
    for actor in (Actor("甲", decider), Actor("API x", answers=decider)):
        with pytest.raises(DutiesSeparated):
            require_other_person(actor, PAY, {DECIDE: decider})
    require_other_person(Actor("API x", answers=decider + 1), PAY, {DECIDE: decider})
    require_other_person(SYSTEM, PAY, {DECIDE: decider})
