"""The end of a log is signed with the time every night, so that even the owner of the database cannot write it anew."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from tests.clock import time_comes
from tests.flow.auditing.authority import Authority, running
from tests.flow.auditing.conftest import Attack, write
from tests.unit.trilend.audit.test_verification import REWRITE

from trilend.audit.models import AnchorMethod, AuditAnchor, AuditCheck, RegistryAnchor
from trilend.audit.verification import ProblemKind
from trilend.auditing.anchors import fault_of, registry_anchors
from trilend.auditing.checks import check_log
from trilend.auditing.errors import TimestampRefused
from trilend.auditing.timestamps import verify_timestamp
from trilend.config import settings
from trilend.jobs.models import Job, JobState
from trilend.jobs.service import enqueue, run_job
from trilend.storage.keys import new_master_key
from trilend.tenancy.context import RegistrySession, bound, tenant_session


@pytest.fixture
def anchor(session: Session, tenant: Any) -> Callable[[], Job]:
    """Runs the nightly job of the test's own tenant."""

    def run() -> Job:
        job_id = enqueue(session, "auditing.anchor", {}).id
        session.commit()
        run_job(tenant.id, job_id)
        session.expire_all()
        return session.get_one(Job, job_id)

    return run


def test_the_end_is_signed_by_the_authority_and_kept_twice(
    session: Session, tenant: Any, authority: Authority, anchor: Callable[[], Job]
) -> None:
    write(session, "one", "two")
    job = anchor()

    assert (job.state, job.result) == (JobState.DONE, {"number": 2, "signed": True})
    own = session.scalars(select(AuditAnchor)).one()
    (held,) = registry_anchors(tenant.id)
    assert (own.number, own.method) == (2, AnchorMethod.TIMESTAMP)
    assert "测试时间戳机构" in own.signer
    assert (held.signature, held.statement) == (own.signature, own.statement)
    assert json.loads(own.statement)["company"] == tenant.uscc
    stamp = verify_timestamp(own.statement.encode(), own.signature)
    assert abs(stamp.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert check_log(session).problem is None


def test_nothing_new_is_not_signed_again(session: Session, authority: Authority, anchor: Callable[[], Job]) -> None:
    write(session, "one")
    anchor()
    asked = len(authority.asked)

    assert anchor().result == {"number": 1, "signed": False}
    assert len(authority.asked) == asked == 1
    assert session.scalar(select(func.count()).select_from(AuditAnchor)) == 1


def test_an_authority_that_is_away_is_asked_again_later(
    session: Session, tenant: Any, authority: Authority, anchor: Callable[[], Job]
) -> None:
    write(session, "one")
    authority.fault = "away"
    job = anchor()

    assert job.state == JobState.QUEUED
    assert job.not_before > datetime.now(UTC)
    assert registry_anchors(tenant.id) == []
    assert session.scalars(select(AuditAnchor)).all() == []


def test_a_timestamp_over_something_else_is_refused(
    session: Session, tenant: Any, authority: Authority, anchor: Callable[[], Job]
) -> None:
    write(session, "one")
    authority.fault = "other text"

    assert anchor().state == JobState.FAILED
    assert registry_anchors(tenant.id) == []


def test_an_authority_that_is_not_trusted_is_refused(
    session: Session, tenant: Any, authority: Authority, anchor: Callable[[], Job]
) -> None:
    write(session, "one")
    anchor()
    own = session.scalars(select(AuditAnchor)).one()
    with running("冒充的机构") as impostor:
        Path(_roots()).write_bytes(impostor.root_pem)
        with pytest.raises(TimestampRefused, match="does not lead to a trusted one"):
            verify_timestamp(own.statement.encode(), own.signature)
        write(session, "two")
        assert anchor().state == JobState.FAILED
    assert [held.number for held in registry_anchors(tenant.id)] == [1]


def _roots() -> str:
    from trilend.config import settings

    return str(settings().timestamp_certificates)


def test_without_an_authority_the_installation_signs_by_itself(
    session: Session, tenant: Any, anchor: Callable[[], Job]
) -> None:
    write(session, "one")
    anchor()

    (held,) = registry_anchors(tenant.id)
    assert held.method == AnchorMethod.OWN_KEY
    assert held.signer.startswith("own key ")
    assert fault_of(held, tenant) == ""
    assert check_log(session).problem is None


def test_an_exchange_of_the_master_key_leaves_what_was_signed_good(
    session: Session, tenant: Any, anchor: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(session, "one")
    anchor()
    former = os.environ["TRILEND_MASTER_KEY"]
    monkeypatch.setenv("TRILEND_MASTER_KEY", new_master_key())
    monkeypatch.setenv("TRILEND_MASTER_KEY_OTHER", former)
    settings.cache_clear()
    try:
        write(session, "two")
        anchor()
        first, second = registry_anchors(tenant.id)
        assert first.signer != second.signer
        assert [fault_of(each, tenant) for each in (first, second)] == ["", ""]
        assert fault_of(replace(first, signature=second.signature), tenant) == "its signature does not verify"
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_a_log_signed_by_ourselves_is_signed_by_the_authority_when_there_is_one(
    session: Session, tenant: Any, anchor: Callable[[], Job], request: pytest.FixtureRequest
) -> None:
    write(session, "one")
    anchor()
    request.getfixturevalue("authority")
    anchor()

    assert [held.method for held in registry_anchors(tenant.id)] == [AnchorMethod.OWN_KEY, AnchorMethod.TIMESTAMP]
    assert check_log(session).problem is None


def test_a_crash_between_the_two_places_is_made_good(
    session: Session, tenant: Any, anchor: Callable[[], Job], attack: Attack
) -> None:
    write(session, "one")
    anchor()
    attack("DELETE FROM audit_anchor")
    anchor()

    assert session.scalars(select(AuditAnchor.number)).all() == [1]
    assert len(registry_anchors(tenant.id)) == 1


def test_a_log_that_was_written_anew_is_found(
    session: Session, authority: Authority, anchor: Callable[[], Job], attack: Attack
) -> None:
    write(session, "one", "two")
    anchor()
    write(session, "three", "four")
    anchor()
    attack("UPDATE audit_entry SET act = 'nothing' WHERE act = 'three'", REWRITE)

    problem = check_log(session).problem
    assert problem is not None
    assert (problem.kind, problem.number) == (ProblemKind.REWRITTEN, 3)
    # even when the tenant's own copies of the anchors are gone
    attack("DELETE FROM audit_anchor")
    assert check_log(session).problem == problem


def test_a_tail_that_was_cut_off_is_found(
    session: Session, authority: Authority, anchor: Callable[[], Job], attack: Attack
) -> None:
    write(session, "one", "two", "three", "four")
    anchor()
    attack(
        "DELETE FROM audit_entry WHERE act IN ('three', 'four')",
        "DELETE FROM audit_link WHERE number > 2",
        "UPDATE audit_head SET number = 2, hash = (SELECT hash FROM audit_link WHERE number = 2)",
    )

    problem = check_log(session).problem
    assert problem is not None
    assert (problem.kind, problem.number) == (ProblemKind.TRUNCATED, 3)


def test_a_broken_log_is_not_signed(
    session: Session, tenant: Any, authority: Authority, anchor: Callable[[], Job], attack: Attack
) -> None:
    write(session, "one", "two")
    attack("UPDATE audit_entry SET act = 'nothing' WHERE act = 'two'")
    job = anchor()

    assert job.state == JobState.FAILED
    assert registry_anchors(tenant.id) == []
    assert authority.asked == []
    kept = session.scalars(select(AuditCheck).order_by(AuditCheck.id.desc())).first()
    assert kept is not None
    assert (kept.problem, kept.problem_number) == ("changed", 2)


def test_an_anchor_that_was_forged_in_the_schema_is_found(
    session: Session, authority: Authority, anchor: Callable[[], Job]
) -> None:
    write(session, "one", "two")
    anchor()
    session.add(
        AuditAnchor(
            number=1,
            hash=b"x",
            method="own_key",
            signer="me",
            statement="{}",
            signature=b"x",
            signed_at=datetime.now(UTC),
        )
    )
    session.commit()

    problem = check_log(session).problem
    assert problem is not None
    assert (problem.kind, problem.number) == (ProblemKind.ANCHOR, 1)


def test_an_anchor_that_was_forged_in_the_registry_is_found(
    session: Session, tenant: Any, authority: Authority, anchor: Callable[[], Job], attack: Attack
) -> None:
    write(session, "one", "two")
    anchor()
    attack("UPDATE audit_entry SET act = 'nothing' WHERE act = 'two'", REWRITE)
    forged = f"""hash = (SELECT hash FROM {tenant.schema}.audit_head),
        statement = replace(statement, encode(hash, 'hex'), encode((SELECT hash FROM {tenant.schema}.audit_head), 'hex'))"""
    attack(
        f"UPDATE trilend.audit_anchor SET {forged} WHERE tenant_id = '{tenant.id}'", f"UPDATE audit_anchor SET {forged}"
    )

    problem = check_log(session).problem
    assert problem is not None
    assert (problem.kind, problem.number) == (ProblemKind.ANCHOR, 2)
    assert "signature" in problem.why


def test_a_company_that_moves_in_brings_its_anchors(
    session: Session, tenant: Any, authority: Authority, anchor: Callable[[], Job], attack: Attack
) -> None:
    write(session, "one")
    anchor()
    attack(
        f"DELETE FROM trilend.audit_anchor WHERE tenant_id = '{tenant.id}'",
        """INSERT INTO audit_anchor (number, hash, method, signer, statement, signature, signed_at)
           SELECT number, hash, 'own_key', 'own key 0123456789abcdef', statement, 'x', signed_at FROM audit_anchor""",
    )

    assert check_log(session).problem is None
    assert [(held.number, held.method) for held in registry_anchors(tenant.id)] == [(1, AnchorMethod.TIMESTAMP)]
    write(session, "two")
    assert anchor().result == {"number": 2, "signed": True}
    assert check_log(session).problem is None


def test_the_registry_changes_no_anchor(session: Session, tenant: Any, anchor: Callable[[], Job]) -> None:
    write(session, "one")
    anchor()
    with RegistrySession() as registry:
        row = registry.scalars(select(RegistryAnchor).where(RegistryAnchor.tenant_id == tenant.id)).one()
        row.number = 7
        with pytest.raises(DBAPIError, match="append-only"):
            registry.commit()
        registry.rollback()
        registry.delete(registry.scalars(select(RegistryAnchor).where(RegistryAnchor.tenant_id == tenant.id)).one())
        with pytest.raises(DBAPIError, match="append-only"):
            registry.commit()
    assert [held.number for held in registry_anchors(tenant.id)] == [1]


def test_every_company_is_anchored_at_night(
    session: Session, new_tenant: Callable[..., Any], tenant: Any, run_jobs: Callable[[], int]
) -> None:
    other = new_tenant("broker", name="别的公司")
    write(session, "one")
    for each in (tenant, other):
        with bound(each):
            time_comes(tenant_session(), "anchor_audit_log")
    run_jobs()

    assert [held.number for held in registry_anchors(tenant.id)] == [1]
    assert registry_anchors(other.id) == []


def test_the_token_verifies_with_other_peoples_tools(
    session: Session, authority: Authority, anchor: Callable[[], Job], tmp_path: Path
) -> None:
    write(session, "one")
    anchor()
    own = session.scalars(select(AuditAnchor)).one()
    (tmp_path / "statement.txt").write_text(own.statement, encoding="utf-8")
    (tmp_path / "token.der").write_bytes(own.signature)
    verified = subprocess.run(
        ["openssl", "ts", "-verify", "-data", "statement.txt", "-in", "token.der", "-token_in", "-CAfile", _roots()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verification: OK" in verified.stdout + verified.stderr
    (tmp_path / "statement.txt").write_text(own.statement.replace('"number": 1', '"number": 2'), encoding="utf-8")
    again = subprocess.run(
        ["openssl", "ts", "-verify", "-data", "statement.txt", "-in", "token.der", "-token_in", "-CAfile", _roots()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode != 0
