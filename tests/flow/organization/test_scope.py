"""What a person may not see is kept out of every query, whatever it asks and how."""

from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import delete, func, insert, select, text, union_all, update
from sqlalchemy.orm import Session, aliased, joinedload, selectinload
from tests.flow.organization.conftest import Branches, ids

from trilend.errors import NotFound
from trilend.organization.models import DataScope, HandOverItem, RoleScope
from trilend.organization.scope import UnscopableStatement
from trilend.organization.sight import past_scope, seen_by
from trilend.parties.models import Party
from trilend.parties.service import find_party, is_recorded, list_parties, party
from trilend_microfinance.applications.models import Application
from trilend_microfinance.applications.service import application
from trilend_microfinance.servicing.models import Loan, LoanEvent
from trilend_microfinance.servicing.service import loan


def set_scope(session: Session, scope: DataScope, role: str = "Officer") -> None:
    """Let the officers' role see so far; not committed."""
    role_id = session.scalars(select(Role.id).where(Role.name == role)).one()
    session.merge(RoleScope(role_id=role_id, scope=scope))
    session.flush()


@pytest.mark.parametrize(
    ("scope", "who", "seen"),
    [
        (DataScope.OWN, "lead", {"lead"}),
        (DataScope.OWN, "member", {"member"}),
        (DataScope.TEAM, "lead", {"lead"}),
        (DataScope.TEAM, "member", {"member"}),
        (DataScope.SUBTREE, "lead", {"lead", "member"}),
        (DataScope.SUBTREE, "member", {"member"}),
        (DataScope.SUBTREE, "other", {"other"}),
        (DataScope.ALL, "member", {"lead", "member", "other"}),
    ],
)
def test_each_scope_shows_what_it_says(
    space: Session, branches: Branches, scope: DataScope, who: str, seen: set[str]
) -> None:
    set_scope(space, scope)
    wanted = [branches.files[each] for each in seen]
    with seen_by(branches.officers[who].user_id):
        assert ids(space, Party) == {file.party for file in wanted}
        assert ids(space, Application) == {file.application for file in wanted}
        assert ids(space, Loan) == {file.loan for file in wanted}
        assert set(space.scalars(select(LoanEvent.loan_id))) == {file.loan for file in wanted}
        assert list_parties(space, search="", offset=0, limit=50)[1] == len(wanted)
        assert space.scalar(select(func.count()).select_from(Application)) == len(wanted)
        assert space.scalar(select(func.count()).select_from(Loan)) == len(wanted)


def test_the_widest_of_several_roles_counts(space: Session, branches: Branches) -> None:
    set_scope(space, DataScope.OWN)
    set_scope(space, DataScope.SUBTREE, role="Approver")
    from flask_appbuilder.security.sqla.models import User

    lead = space.get_one(User, branches.officers["lead"].user_id)
    lead.roles = [*lead.roles, space.scalars(select(Role).where(Role.name == "Approver")).one()]
    space.flush()
    with seen_by(lead.id):
        assert ids(space, Party) == {branches.files[name].party for name in ("lead", "member")}


def test_a_role_without_a_scope_sees_what_is_the_persons_own(space: Session, branches: Branches) -> None:
    space.execute(delete(RoleScope))
    with seen_by(branches.officers["lead"].user_id):
        assert ids(space, Party) == {branches.files["lead"].party}


def _ways(hidden: int, party_id: int) -> dict[str, Any]:
    """Queries each of which would find the hidden loan, or change it."""
    other = aliased(Loan)
    return {
        "by id": select(Loan).where(Loan.id == hidden),
        "one column": select(Loan.number).where(Loan.id == hidden),
        "alias": select(other.id).where(other.id == hidden),
        "count": select(func.count()).select_from(Loan).where(Loan.id == hidden).having(func.count() > 0),
        "count of a subquery": select(func.count())
        .select_from(select(Loan).where(Loan.id == hidden).subquery())
        .having(func.count() > 0),
        "exists": select(1).where(select(Loan.id).where(Loan.id == hidden).exists()),
        "in a subquery": select(LoanEvent.id).where(LoanEvent.loan_id.in_(select(Loan.id).where(Loan.id == hidden))),
        "join": select(Party.id).join(Loan, Loan.party_id == Party.id).where(Loan.id == hidden),
        "outer join": select(Loan.id).outerjoin(Party, Loan.party_id == Party.id).where(Loan.id == hidden),
        "through the customer": select(Application.id).where(Application.party_id == party_id),
        "aggregate": select(func.max(Loan.id)).where(Loan.id == hidden).having(func.count() > 0),
        "common table": select(select(Loan.id).where(Loan.id == hidden).cte().c.id),
        "with relations": select(Loan).options(joinedload(Loan.party)).where(Loan.id == hidden),
        "locked": select(Loan).where(Loan.id == hidden).with_for_update(),
    }


def test_no_query_finds_what_is_hidden(space: Session, branches: Branches) -> None:
    set_scope(space, DataScope.OWN)
    hidden, member = branches.files["other"], branches.officers["member"]
    for way, statement in _ways(hidden.loan, hidden.party).items():
        assert space.execute(statement).all() != [], way
        space.expunge_all()
        with seen_by(member.user_id):
            assert space.execute(statement).all() == [], way


def test_a_key_finds_nothing_hidden(space: Session, branches: Branches) -> None:
    set_scope(space, DataScope.OWN)
    hidden = branches.files["other"]
    with seen_by(branches.officers["member"].user_id):
        assert space.get(Loan, hidden.loan) is None
        assert space.get(Party, hidden.party) is None
        assert space.get(Application, hidden.application) is None
        assert find_party(space, hidden.identifier) is None
        for look in (party, application, loan):
            with pytest.raises(NotFound) as not_there:
                look(space, 10**9)
            with pytest.raises(NotFound) as hidden_one:
                look(space, {party: hidden.party, application: hidden.application, loan: hidden.loan}[look])
            assert str(hidden_one.value) == str(not_there.value)


def test_changes_by_condition_reach_nothing_hidden(space: Session, branches: Branches) -> None:
    set_scope(space, DataScope.OWN)
    with seen_by(branches.officers["member"].user_id):
        changed = space.execute(update(Loan).values(error="x").returning(Loan.id)).scalars().all()
        assert changed == [branches.files["member"].loan]
    with seen_by(branches.officers["other"].user_id):
        named = update(Party).where(Party.id == branches.files["member"].party).values(name="x")
        assert space.execute(named.returning(Party.id)).all() == []
    assert ids(space, Party) == {file.party for file in branches.files.values()}
    assert set(space.scalars(select(Loan.id).where(Loan.error == "x"))) == {branches.files["member"].loan}
    assert space.scalar(select(Party.name).where(Party.id == branches.files["member"].party)) == "客户member"


def test_what_cannot_be_held_is_refused(space: Session, branches: Branches) -> None:
    set_scope(space, DataScope.OWN)
    table: Any = Loan.__table__
    both = union_all(select(table.c.id), select(table.c.id))
    copied = insert(HandOverItem).from_select(
        ["hand_over_id", "subject_type", "subject_id"], select(table.c.id, table.c.number, table.c.id)
    )
    with seen_by(branches.officers["member"].user_id):
        for statement in (select(table.c.id), select(func.count()).select_from(table), both, copied):
            with pytest.raises(UnscopableStatement):
                space.execute(statement)


def test_a_union_of_models_is_held_or_refused(space: Session, branches: Branches) -> None:
    set_scope(space, DataScope.OWN)
    statement = union_all(select(Loan.number), select(Application.number))
    with seen_by(branches.officers["member"].user_id):
        try:
            found = set(space.scalars(statement))
        except UnscopableStatement:
            return
    assert found == set(branches.files["member"].numbers)


def test_loading_what_hangs_on_a_row_stays_within(space: Session, branches: Branches) -> None:
    set_scope(space, DataScope.SUBTREE)
    with seen_by(branches.officers["lead"].user_id):
        loans = space.scalars(select(Loan).options(selectinload(Loan.party))).all()
        assert {each.party.name for each in loans} == {"客户lead", "客户member"}


def test_taken_is_all_that_is_said_of_a_hidden_identifier(space: Session, branches: Branches) -> None:
    set_scope(space, DataScope.OWN)
    with seen_by(branches.officers["member"].user_id):
        assert is_recorded(space, branches.files["other"].identifier)
        assert list_parties(space, search=branches.files["other"].identifier, offset=0, limit=5) == ([], 0)


def test_work_in_nobodys_name_sees_everything(space: Session, branches: Branches) -> None:
    set_scope(space, DataScope.OWN)
    everything = {file.party for file in branches.files.values()}
    assert ids(space, Party) == everything
    with seen_by(None):
        assert ids(space, Party) == everything
    with seen_by(branches.officers["member"].user_id), past_scope():
        assert ids(space, Party) == everything


def test_who_may_not_sign_in_sees_nothing(space: Session, branches: Branches) -> None:
    space.execute(text("UPDATE ab_user SET active = false WHERE username = 'member'"))
    with seen_by(branches.officers["member"].user_id):
        assert ids(space, Party) == set()
