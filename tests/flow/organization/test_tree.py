"""Departments move, merge and close without losing people or work; people move with their customers and leave."""

from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.conftest import HostClient
from tests.flow.lending import STAFF_PASSWORD, add_staff
from tests.flow.organization.conftest import Branches, ids, new_file

from trilend.audit.models import AuditEntry
from trilend.audit.service import SYSTEM, Actor, history
from trilend.errors import Invalid, NotFound
from trilend.identity.administrators import LastAdministrator
from trilend.identity.duties import DutiesSeparated, require_other_person
from trilend.organization.departments import (
    MOST_LEVELS,
    add_department,
    close_department,
    department,
    merge_department,
    move_department,
    rename_department,
    tree,
)
from trilend.organization.errors import DepartmentNameTaken, DepartmentRefused, PersonRefused
from trilend.organization.handing_over import hand_over, hand_over_one, leave, reinstate
from trilend.organization.models import ROOT, Department, HandOver
from trilend.organization.people import members, place_person
from trilend.organization.sight import seen_by
from trilend.parameters.service import business_date, set_parameter
from trilend.parties.errors import RevealsUsedUp
from trilend.parties.models import Party
from trilend.parties.service import party, reveal, reveals_left
from trilend.tenancy.context import bound, tenant_session


def names(session: Session) -> list[tuple[int, str]]:
    """The tree as it is read: levels and names."""
    return [(branch.level, branch.name) for branch in tree(session)]


def test_the_tree_begins_with_the_company(space: Session, branches: Branches) -> None:
    assert names(space) == [(0, branches.tenant.name), (1, "东区"), (2, "东区一组"), (1, "西区")]
    people = {branch.name: (branch.people, branch.people_below, branch.holdings) for branch in tree(space)}
    assert people["东区"] == (1, 2, 1)
    assert people[branches.tenant.name] == (1, 4, 0)


def test_a_moved_department_takes_those_below_along(space: Session, branches: Branches) -> None:
    move_department(space, SYSTEM, branches.east, branches.west)
    assert names(space)[1:] == [(1, "西区"), (2, "东区"), (3, "东区一组")]
    assert department(space, branches.team).path == f"/{ROOT}/{branches.west}/{branches.east}/{branches.team}/"
    with seen_by(branches.officers["other"].user_id):
        assert ids(space, Party) == {file.party for file in branches.files.values()}
    moved = history(space, "department", branches.east)[-1]
    assert (moved.act, moved.changes) == ("department.moved", {"parent": [branches.tenant.name, "西区"]})


def test_a_department_is_not_put_below_itself(space: Session, branches: Branches) -> None:
    before = names(space)
    for to in (branches.east, branches.team):
        with pytest.raises(DepartmentRefused):
            move_department(space, SYSTEM, branches.east, to)
    with pytest.raises(DepartmentRefused):
        move_department(space, SYSTEM, ROOT, branches.west)
    assert names(space) == before


def test_a_merged_department_hands_everything_over(space: Session, branches: Branches) -> None:
    merge_department(space, SYSTEM, branches.east, branches.west)
    assert names(space)[1:] == [(1, "西区"), (2, "东区一组")]
    assert {member.user.username for member in members(space, branches.west)} == {"lead", "other"}
    assert space.get_one(Department, branches.east).closed_into == branches.west
    with seen_by(branches.officers["other"].user_id):
        assert ids(space, Party) == {file.party for file in branches.files.values()}


def test_a_closed_department_hands_over_and_one_with_departments_below_is_not_closed(
    space: Session, branches: Branches
) -> None:
    with pytest.raises(DepartmentRefused):
        close_department(space, SYSTEM, branches.east, branches.west)
    close_department(space, SYSTEM, branches.team, branches.east)
    assert names(space)[1:] == [(1, "东区"), (1, "西区")]
    with pytest.raises(NotFound):
        department(space, branches.team)
    assert space.scalar(select(Party.department_id).where(Party.id == branches.files["member"].party)) == branches.east
    with seen_by(branches.officers["member"].user_id):
        assert ids(space, Party) == {branches.files[name].party for name in ("lead", "member")}


def test_names_are_single_side_by_side_and_the_tree_is_not_endless(space: Session, branches: Branches) -> None:
    with pytest.raises(DepartmentNameTaken):
        add_department(space, SYSTEM, name=" 西区 ", parent_id=ROOT)
    with pytest.raises(DepartmentNameTaken):
        rename_department(space, SYSTEM, branches.east, "西区")
    with pytest.raises(Invalid):
        rename_department(space, SYSTEM, branches.east, "  ")
    parent = ROOT
    for level in range(1, MOST_LEVELS):
        parent = add_department(space, SYSTEM, name=f"第{level}层", parent_id=parent).id
    with pytest.raises(DepartmentRefused):
        add_department(space, SYSTEM, name="再下一层", parent_id=parent)
    with pytest.raises(DepartmentRefused):
        move_department(space, SYSTEM, branches.east, parent)


def test_a_person_moves_with_the_customers(space: Session, branches: Branches) -> None:
    member = branches.officers["member"].user_id or 0
    place_person(space, SYSTEM, member, department_id=branches.west, position="组长")
    assert space.scalar(select(Party.department_id).where(Party.id == branches.files["member"].party)) == branches.west
    line = history(space, "person", member)[-1]
    assert line.changes == {"department": ["东区一组", "西区"], "position": ["客户经理", "组长"]}


def test_what_is_handed_over_changes_its_owner_and_says_so(space: Session, branches: Branches) -> None:
    lead, member, other = (branches.officers[name] for name in ("lead", "member", "other"))
    second = new_file(space, member, "客户二")
    assert hand_over(space, lead, member.user_id or 0, other.user_id or 0, reason="调岗交接") == 2
    for file in (branches.files["member"], second):
        row = space.execute(select(Party.owner_id, Party.department_id).where(Party.id == file.party)).one()
        assert tuple(row) == (other.user_id, branches.west)
        line = history(space, "party", file.party)[-1]
        assert (line.act, line.actor, line.reason) == ("party.handed_over", lead.name, "调岗交接")
        assert line.changes == {"owner": [member.name, other.name]}


def test_who_hands_over_gives_no_more_than_is_seen(space: Session, branches: Branches) -> None:
    other, member = branches.officers["other"], branches.officers["member"]
    with seen_by(other.user_id):
        assert hand_over(space, other, member.user_id or 0, other.user_id or 0, reason="试一试") == 0
    owner = select(Party.owner_id).where(Party.id == branches.files["member"].party)
    assert space.scalar(owner) == member.user_id


def test_one_customer_is_handed_over(space: Session, branches: Branches) -> None:
    subject = party(space, branches.files["member"].party)
    lead = branches.officers["lead"]
    with pytest.raises(Invalid):
        hand_over_one(space, lead, subject, branches.officers["other"].user_id or 0, reason=" ")
    space.rollback()
    hand_over_one(space, lead, party(space, subject.id), branches.officers["other"].user_id or 0, reason="客户搬家")
    space.flush()
    space.expunge_all()
    with seen_by(branches.officers["member"].user_id), pytest.raises(NotFound):
        party(space, branches.files["member"].party)


@pytest.fixture
def manager(space: Session) -> Actor:
    """The administrator."""
    user = space.scalars(select(User).where(User.username == "admin")).one()
    return Actor("管理员", user.id)


def test_leaving_ends_access_at_once_and_can_be_taken_back(
    space: Session, branches: Branches, manager: Actor, application: Any
) -> None:
    leaver = add_staff(space, "leaver", "离小开", "Officer")
    file = new_file(space, leaver, "客户离")
    space.commit()
    host = f"{branches.tenant.slug}.localhost"
    browser = HostClient(application, host)
    token = _token(browser)
    browser.post("/login/", data={"csrf_token": token, "username": "leaver", "password": STAFF_PASSWORD})
    assert browser.get("/customers/").status_code == 200

    taker = branches.officers["lead"]
    leave(space, manager, leaver.user_id or 0, taker.user_id, reason="离职")
    space.commit()

    assert browser.get("/customers/").status_code == 302
    again = HostClient(application, host)
    refused = again.post(
        "/login/", data={"csrf_token": _token(again), "username": "leaver", "password": STAFF_PASSWORD}
    )
    assert "/login" in refused.headers.get("Location", "/login")
    owner = select(Party.owner_id).where(Party.id == file.party)
    assert space.scalar(owner) == taker.user_id
    with pytest.raises(PersonRefused):
        leave(space, manager, leaver.user_id or 0, taker.user_id, reason="再来一次")

    assert reinstate(space, manager, leaver.user_id or 0, reason="弄错了人") == 1
    assert space.scalar(owner) == leaver.user_id
    acts = [line.act for line in history(space, "person", leaver.user_id or 0)]
    assert acts == ["person.left", "person.reinstated"]
    space.rollback()


def test_what_was_passed_on_meanwhile_stays_where_it_is(space: Session, branches: Branches, manager: Actor) -> None:
    member, lead, other = (branches.officers[name].user_id or 0 for name in ("member", "lead", "other"))
    leave(space, manager, member, lead, reason="离职了")
    hand_over_one(space, manager, party(space, branches.files["member"].party), other, reason="换人跟进")
    space.flush()
    assert reinstate(space, manager, member, reason="返聘回来") == 0
    assert space.scalar(select(Party.owner_id).where(Party.id == branches.files["member"].party)) == other


def test_nobody_leaves_work_behind_and_the_last_administrator_stays(
    space: Session, branches: Branches, manager: Actor
) -> None:
    member = branches.officers["member"]
    with pytest.raises(PersonRefused):
        leave(space, manager, member.user_id or 0, None, reason="离职了")
    with pytest.raises(LastAdministrator):
        leave(space, member, manager.user_id or 0, member.user_id, reason="离职了")
    with pytest.raises(PersonRefused):
        leave(space, manager, manager.user_id or 0, member.user_id, reason="离职了")
    with pytest.raises(Invalid):
        leave(space, manager, member.user_id or 0, branches.officers["lead"].user_id, reason="")
    space.rollback()
    assert space.scalars(select(User.active).where(User.username.in_(("admin", "member")))).all() == [True, True]
    assert (
        space.scalars(select(HandOver.id).where(HandOver.leaving, HandOver.from_user_id == member.user_id)).all() == []
    )


def test_reveals_are_counted_per_person_and_day(space: Session, branches: Branches) -> None:
    lead, subject = branches.officers["lead"], party(space, branches.files["lead"].party)
    set_parameter(
        space,
        SYSTEM,
        name="reveals_per_day",
        value=2,
        unit="times",
        effective_from=business_date(space),  # type: ignore[arg-type]
    )
    assert reveals_left(space, lead) == 2
    for _ in range(2):
        assert reveal(space, lead, subject, "mobile", "核对资料").startswith("1")
        space.flush()
    with pytest.raises(RevealsUsedUp):
        reveal(space, lead, subject, "identifier", "核对资料")
    space.flush()
    revealed = select(AuditEntry.id).where(AuditEntry.act == "party.revealed", AuditEntry.actor_id == lead.user_id)
    assert len(space.scalars(revealed).all()) == 2
    assert reveal(space, branches.officers["other"], subject, "mobile", "核对资料").startswith("1")


def test_nobody_pays_out_what_he_has_approved(space: Session, branches: Branches) -> None:
    actor = branches.officers["lead"]
    decide, pay = ("can_decide", "Applications"), ("can_disburse", "Loans")
    with pytest.raises(DutiesSeparated) as refused:
        require_other_person(actor, pay, {decide: actor.user_id})
    assert refused.value.details["rule"] == "decide_and_pay_out"
    require_other_person(actor, pay, {decide: branches.officers["other"].user_id})
    require_other_person(actor, decide, {pay: actor.user_id})
    require_other_person(SYSTEM, pay, {decide: None})


def _token(browser: HostClient, page: str = "/login/") -> str:
    import re

    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(page).get_data(as_text=True))
    assert found
    return found[1]


@pytest.fixture
def admin(application: Any, branches: Branches) -> HostClient:
    """The administrator's browser."""
    browser = HostClient(application, f"{branches.tenant.slug}.localhost")
    browser.post(
        "/login/", data={"csrf_token": _token(browser), "username": "admin", "password": "correct horse battery"}
    )
    return browser


def test_the_pages_work_and_say_what_will_happen(admin: HostClient, branches: Branches) -> None:
    assert "东区一组" in admin.get("/organization/").get_data(as_text=True)
    page = admin.get(f"/organization/departments/{branches.team}").get_data(as_text=True)
    assert "王小东" in page
    assert 'data-dialog-open="close"' in page
    assert 'data-dialog-open="close"' not in admin.get(f"/organization/departments/{branches.east}").get_data(
        as_text=True
    )
    added = admin.post(
        "/organization/departments",
        data={"csrf_token": _token(admin, "/organization/"), "name": "南区", "parent": str(ROOT)},
    )
    assert added.status_code == 303
    south = int(added.headers["Location"].rpartition("/")[2])
    fields = {"csrf_token": _token(admin, "/organization/"), "to": str(branches.west)}
    assert admin.post(f"/organization/departments/{south}/close", data=fields).status_code == 303
    assert admin.get(f"/organization/departments/{south}").status_code == 404
    assert admin.get(f"/organization/people/{branches.officers['member'].user_id}").status_code == 200
    assert admin.get("/organization/people/987654").status_code == 404


def test_the_matrix_names_roles_acts_and_what_is_kept_apart(admin: HostClient, branches: Branches) -> None:
    page = admin.get("/organization/rights").get_data(as_text=True)
    assert page.count('class="rights-mark"') > 100
    for seen in ("客户经理", "本部门及下级", "全公司", "任何人都不得审批自己录入的申请"):
        assert seen in page


def test_roles_that_exclude_each_other_are_not_given_together(admin: HostClient, branches: Branches) -> None:
    from flask_appbuilder.security.sqla.models import Role

    with bound(branches.tenant):
        wanted = dict(tenant_session.execute(select(Role.name, Role.id)).all())
        user_id = branches.officers["other"].user_id
    fields = {"first_name": "西门雪", "username": "other", "email": "other@example.com", "active": "y"}

    def change(*roles: str) -> Any:
        token = _token(admin, f"/people/edit/{user_id}")
        return admin.post(
            f"/people/edit/{user_id}",
            data={**fields, "csrf_token": token, "roles": [str(wanted[role]) for role in roles]},
        )

    refused = change("Approver", "Cashier")
    assert "任何人都不得支付自己审批的贷款" in refused.get_data(as_text=True)
    with bound(branches.tenant):
        held = tenant_session.scalars(select(User).where(User.id == user_id)).one().roles
        assert [role.name for role in held] == ["Officer"]
    warned = change("Officer", "Approver")
    assert warned.status_code == 302
    assert "任何人都不得审批自己录入的申请" in admin.get(warned.headers["Location"]).get_data(as_text=True)
    assert change("Officer").status_code == 302


def test_a_role_is_given_its_scope_and_the_administrators_is_not(admin: HostClient, branches: Branches) -> None:
    from flask_appbuilder.security.sqla.models import Role

    from trilend.organization.models import RoleScope

    with bound(branches.tenant):
        wanted = dict(tenant_session.execute(select(Role.name, Role.id)).all())

    def scope_of(role: str) -> str | None:
        with bound(branches.tenant):
            return tenant_session.scalar(select(RoleScope.scope).where(RoleScope.role_id == wanted[role]))

    def choose(role: str, scope: str) -> None:
        token = _token(admin, "/organization/rights")
        admin.post(f"/organization/rights/{wanted[role]}", data={"csrf_token": token, "scope": scope})

    assert (scope_of("Officer"), scope_of("Auditor"), scope_of("Admin")) == ("subtree", "all", "all")
    choose("Officer", "team")
    choose("Admin", "own")
    choose("Auditor", "everything")
    assert (scope_of("Officer"), scope_of("Auditor"), scope_of("Admin")) == ("team", "all", "all")
    choose("Officer", "subtree")
    assert scope_of("Officer") == "subtree"


def test_accounts_are_shown_in_full_to_roles_that_need_them(
    application: Any, admin: HostClient, branches: Branches
) -> None:
    with bound(branches.tenant):
        subject = party(tenant_session(), branches.files["lead"].party)
        mobile, account = subject.mobile, subject.account_number
        add_staff(tenant_session(), "cashier", "林珊", "Cashier")
        tenant_session.commit()
    cashier = HostClient(application, f"{branches.tenant.slug}.localhost")
    cashier.post("/login/", data={"csrf_token": _token(cashier), "username": "cashier", "password": STAFF_PASSWORD})
    address = f"/customers/{branches.files['lead'].party}"
    for browser, sees_account in ((cashier, True), (admin, False)):
        page = browser.get(address).get_data(as_text=True)
        assert mobile not in page
        assert (account in page) == sees_account
        assert branches.files["lead"].identifier not in page
