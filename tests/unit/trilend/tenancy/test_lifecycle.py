"""Moves between states: the table decides, a reason is needed, the log cannot be changed, races have one winner."""

import threading
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from trilend.tenancy.context import RegistrySession
from trilend.tenancy.lifecycle.errors import MoveNotAllowed, ReasonNeeded
from trilend.tenancy.lifecycle.moves import MOVES, RESUME, SUSPEND_READING, SUSPEND_SHUT, UNVERIFY, VERIFY, Move
from trilend.tenancy.lifecycle.service import By, events_of, make_move
from trilend.tenancy.models import Door, Tenant, TenantState

WANG = By("王审", 7)


def move(tenant: Any, wanted: Move, reason: str = "年度检查") -> TenantState:
    with RegistrySession() as registry:
        moved = make_move(registry, tenant.id, wanted, WANG, reason=reason)
        registry.commit()
        return TenantState(moved.state)


def row(tenant: Any) -> tuple[str, str]:
    with RegistrySession() as registry:
        found = registry.get_one(Tenant, tenant.id)
        return str(found.state), str(found.suspension)


def acts(tenant: Any) -> list[tuple[str, str, str]]:
    with RegistrySession() as registry:
        return [(event.act, event.operator, event.reason) for event in events_of(registry, tenant.id)]


@pytest.mark.parametrize("first", [None, VERIFY])
def test_a_suspension_leads_back_to_where_the_company_was(tenant: Any, first: Move | None) -> None:
    before = move(tenant, first) if first else TenantState.TRIAL
    move(tenant, SUSPEND_READING)
    assert row(tenant) == ("suspended", Door.READ_ONLY)
    move(tenant, SUSPEND_SHUT)
    assert row(tenant) == ("suspended", Door.SHUT)

    assert move(tenant, RESUME) == before
    assert row(tenant) == (before, Door.OPEN)


def test_each_move_is_logged_with_operator_and_reason(tenant: Any) -> None:
    move(tenant, SUSPEND_SHUT, "许可证  被吊销")
    move(tenant, RESUME, "已恢复")

    assert acts(tenant) == [("resume", "王审", "已恢复"), ("suspend_shut", "王审", "许可证 被吊销")]


ALLOWED = {
    "trial": {"verify", "suspend_reading", "suspend_shut"},
    "verified": {"unverify", "suspend_reading", "suspend_shut"},
    "suspended": {"suspend_shut", "resume"},
    "closed": set(),
    "provisioning": set(),
}


@pytest.mark.parametrize("state", list(ALLOWED))
def test_no_move_but_those_of_the_table_is_made(tenant: Any, state: str) -> None:
    suspension = Door.READ_ONLY if state == "suspended" else Door.OPEN
    made = set()
    for wanted in (each for each in MOVES if each.by_hand):
        with RegistrySession() as registry:
            found = registry.get_one(Tenant, tenant.id)
            found.state, found.suspension = TenantState(state), suspension
            registry.flush()
            try:
                make_move(registry, tenant.id, wanted, WANG, reason="x")
                made.add(wanted.name)
            except MoveNotAllowed:
                assert (found.state, found.suspension) == (state, suspension)
            registry.rollback()
    assert made == ALLOWED[state]
    assert row(tenant)[0] == "trial"
    assert acts(tenant) == []


@pytest.mark.parametrize("wanted", [SUSPEND_READING, SUSPEND_SHUT])
def test_without_a_reason_nothing_happens(tenant: Any, wanted: Move) -> None:
    with pytest.raises(ReasonNeeded):
        move(tenant, wanted, "   ")
    assert row(tenant) == ("trial", "open")
    assert acts(tenant) == []


def test_of_two_operators_at_the_same_time_one_wins(tenant: Any) -> None:
    move(tenant, VERIFY)
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def attempt() -> None:
        barrier.wait()
        try:
            move(tenant, UNVERIFY)
            outcomes.append("made")
        except MoveNotAllowed:
            outcomes.append("refused")

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
    assert [act for act, _, _ in acts(tenant)] == ["unverify", "verify"]


@pytest.mark.parametrize("statement", ["UPDATE tenant_event SET reason = ''", "DELETE FROM tenant_event"])
def test_the_log_can_only_be_added_to(tenant: Any, statement: str) -> None:
    move(tenant, SUSPEND_SHUT)
    with RegistrySession() as registry, pytest.raises(ProgrammingError, match="permission denied"):
        registry.execute(text(statement))
    assert [act for act, _, _ in acts(tenant)] == ["suspend_shut"]


def test_the_command_line_suspends_and_resumes(tenant: Any, installation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from click.testing import CliRunner

    from trilend.cli.main import cli
    from trilend.console.service import add_operator

    with RegistrySession() as registry:
        add_operator(registry, username="wang", name="王审", password="x")
        registry.commit()

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["tenant", *arguments])

    suspended = run("suspend", tenant.slug, "--shut", "--reason", "核查", "--operator", "wang", "--json")
    assert json.loads(suspended.output) == {
        "id": tenant.id, "slug": tenant.slug, "state": "suspended", "suspension": "shut", "plan": "trial"
    }  # fmt: skip
    assert run("resume", tenant.slug, "--reason", "核查完毕", "--operator", "wang").exit_code == 0
    again = run("resume", tenant.slug, "--reason", "再来", "--operator", "wang")
    assert again.exit_code == 1
    assert run("suspend", tenant.slug, "--reason", "x", "--operator", "nobody").exit_code == 1
    assert run("suspend", "no-such", "--reason", "x", "--operator", "wang").exit_code == 1
    logged = json.loads(run("log", tenant.slug, "--json").output)
    assert [(line["act"], line["reason"]) for line in logged] == [("resume", "核查完毕"), ("suspend_shut", "核查")]
    refused = run("verify-company", tenant.slug, "--operator", "wang")
    assert refused.exit_code == 1
    assert row(tenant) == ("trial", "open")
    assert json.loads(run("plan", tenant.slug, "large", "--operator", "wang", "--json").output)["plan"] == "large"
    assert run("plan", tenant.slug, "golden", "--operator", "wang").exit_code == 1
