"""The chain through the log: linked by the database at commit, in the order of commits, out of reach of a tenant's SQL."""

import threading
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from trilend.audit.chain import CONTENT, GENESIS
from trilend.audit.models import AuditEntry, AuditHead, AuditLink
from trilend.audit.service import Actor, record
from trilend.tenancy.context import TenantSession, bound

CLERK = Actor("陈静", 7)


def acts(session: Session) -> list[tuple[int, str]]:
    """Numbers and acts in the order of the chain."""
    statement = select(AuditLink.number, AuditEntry.act).join(AuditEntry, AuditEntry.id == AuditLink.entry_id)
    return [tuple(row) for row in session.execute(statement.order_by(AuditLink.number))]


def recomputed(session: Session) -> bytes:
    """The end of the chain, from the contents alone."""
    contents = session.execute(
        text(
            f"SELECT {CONTENT} FROM audit_link JOIN audit_entry AS entry ON entry.id = entry_id ORDER BY number".replace(
                ":", r"\:"
            )
        )
    ).scalars()
    last = GENESIS
    for content in contents:
        last = sha256(last + content.encode()).digest()
    return last


def test_lines_are_linked_when_their_transaction_commits(session: Session) -> None:
    record(session, CLERK, "first", "party", 1, reason="“引号”\n换行", name="李秀兰")
    session.flush()
    assert acts(session) == []
    record(session, CLERK, "second", "party", 1)
    session.commit()

    assert acts(session) == [(1, "first"), (2, "second")]
    head = session.scalars(select(AuditHead)).one()
    assert (head.number, head.hash) == (2, recomputed(session))


def test_a_line_that_is_rolled_back_leaves_no_gap(session: Session) -> None:
    record(session, CLERK, "kept", "party", 1)
    session.commit()
    record(session, CLERK, "lost", "party", 1)
    session.flush()
    session.rollback()
    with session.begin_nested() as savepoint:
        record(session, CLERK, "lost too", "party", 1)
        session.flush()
        savepoint.rollback()
    with session.begin_nested():
        record(session, CLERK, "inside of a savepoint", "party", 1)
    session.commit()

    assert acts(session) == [(1, "kept"), (2, "inside of a savepoint")]


def test_numbers_follow_the_order_of_commits(session: Session, tenant: Any) -> None:
    record(session, CLERK, "written first", "party", 1)
    session.flush()
    with TenantSession() as other:
        record(other, CLERK, "committed first", "party", 2)
        other.commit()
    session.commit()

    assert acts(session) == [(1, "committed first"), (2, "written first")]


def test_many_writers_at_once_make_one_chain(session: Session, tenant: Any) -> None:
    def write(writer: int) -> None:
        with bound(tenant), TenantSession() as own:
            for number in range(20):
                for _ in range(number % 3 + 1):
                    record(own, CLERK, f"w{writer}", "party", number)
                own.commit()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    numbers = session.scalars(select(AuditLink.number).order_by(AuditLink.number)).all()
    assert list(numbers) == list(range(1, len(numbers) + 1))
    assert len(numbers) == session.scalar(text("SELECT count(*) FROM audit_entry")) == 6 * 39
    assert session.scalars(select(AuditHead.hash)).one() == recomputed(session)


def test_constraints_made_immediate_link_earlier_and_as_well(session: Session) -> None:
    record(session, CLERK, "one", "party", 1)
    session.flush()
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    record(session, CLERK, "two", "party", 1)
    session.commit()

    assert acts(session) == [(1, "one"), (2, "two")]
    assert session.scalars(select(AuditHead.hash)).one() == recomputed(session)


@pytest.mark.parametrize(
    "attack",
    [
        "INSERT INTO audit_link (number, entry_id, hash) VALUES (2, 99, 'x')",
        "UPDATE audit_link SET hash = 'x'",
        "DELETE FROM audit_link",
        "UPDATE audit_head SET number = 0",
        "DELETE FROM audit_head",
        "INSERT INTO audit_entry (id, actor, act, subject_type, subject_id, reason, details) VALUES (1000, 'a', 'b', 'c', 1, '', '{}')",
        "INSERT INTO audit_entry (created_at, actor, act, subject_type, subject_id, reason, details) VALUES ('2001-01-01', 'a', 'b', 'c', 1, '', '{}')",
        "INSERT INTO audit_entry (transaction_id, actor, act, subject_type, subject_id, reason, details) VALUES (1, 'a', 'b', 'c', 1, '', '{}')",
        "UPDATE audit_entry SET act = 'nothing'",
        "SELECT link_audit_entries()",
        "ALTER TABLE audit_entry DISABLE TRIGGER link_at_commit",
        "SET session_replication_role = replica",
        "UPDATE audit_anchor SET number = 9",
    ],
)
def test_sql_of_a_tenant_cannot_touch_the_chain(session: Session, attack: str) -> None:
    record(session, CLERK, "only", "party", 1)
    session.commit()

    with pytest.raises(DBAPIError):
        session.execute(text(attack))
    session.rollback()

    assert acts(session) == [(1, "only")]
    assert session.scalars(select(AuditHead.hash)).one() == recomputed(session)
