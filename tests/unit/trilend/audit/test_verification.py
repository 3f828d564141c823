"""What somebody with every right in the database does to a log is found, named and placed."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from trilend.audit.chain import CONTENT
from trilend.audit.service import SYSTEM, Actor, record
from trilend.audit.verification import Problem, ProblemKind, verify_chain

LINES = 10


@pytest.fixture
def log(session: Session) -> Session:
    for number in range(1, LINES + 1):
        record(session, Actor("陈静", 3), f"act.{number}", "party", number, reason="原因", amount="12.50")
        session.commit()
    return session


@pytest.fixture
def attack(log: Session, tenant: Any, installation: Any) -> Any:
    """Runs SQL as a superuser with all triggers off."""

    def run(*statements: str) -> None:
        with psycopg.connect(installation.database.superuser_url, autocommit=True) as superuser:
            superuser.execute(f"SET search_path TO {tenant.schema}".encode())
            superuser.execute("SET session_replication_role = replica")
            for statement in statements:
                superuser.execute(statement.encode())

    return run


def found(session: Session) -> tuple[ProblemKind, int] | None:
    problem = verify_chain(session).problem
    return (problem.kind, problem.number) if problem else None


def test_a_log_that_nobody_touched_is_intact(log: Session) -> None:
    report = verify_chain(log)
    assert (report.end, report.intact, report.problem) == (LINES, LINES, None)


def test_an_empty_log_is_intact(session: Session) -> None:
    assert verify_chain(session).problem is None


def test_a_check_goes_on_from_a_number(log: Session, attack: Any) -> None:
    attack("UPDATE audit_entry SET act = 'x' WHERE act = 'act.3'")
    assert verify_chain(log, after=3).problem is None
    attack("UPDATE audit_entry SET act = 'x' WHERE act = 'act.7'")
    report = verify_chain(log, after=3)
    assert report.problem is not None
    assert (report.checked_from, report.problem.kind, report.problem.number) == (3, ProblemKind.CHANGED, 7)


@pytest.mark.parametrize("portion", [3, 20_000])
@pytest.mark.parametrize(
    ("statement", "kind", "number"),
    [
        ("UPDATE audit_entry SET act = 'nothing' WHERE act = 'act.4'", ProblemKind.CHANGED, 4),
        ("UPDATE audit_entry SET actor = '别人' WHERE act = 'act.1'", ProblemKind.CHANGED, 1),
        ("UPDATE audit_entry SET actor_id = NULL WHERE act = 'act.10'", ProblemKind.CHANGED, 10),
        (
            "UPDATE audit_entry SET created_at = created_at - interval '1 us' WHERE act = 'act.5'",
            ProblemKind.CHANGED,
            5,
        ),
        ("UPDATE audit_entry SET details = '{\"amount\":\"12.50\"}' WHERE act = 'act.5'", ProblemKind.CHANGED, 5),
        ("UPDATE audit_link SET hash = sha256('x') WHERE number = 6", ProblemKind.CHANGED, 6),
        ("UPDATE audit_head SET hash = sha256('x')", ProblemKind.CHANGED, 10),
        ("DELETE FROM audit_entry WHERE act = 'act.4'", ProblemKind.MISSING, 4),
        ("DELETE FROM audit_entry WHERE act = 'act.10'", ProblemKind.MISSING, 10),
        ("DELETE FROM audit_link WHERE number = 1", ProblemKind.MISSING, 1),
        ("DELETE FROM audit_link WHERE number = 7", ProblemKind.MISSING, 7),
        ("DELETE FROM audit_link WHERE number = 10", ProblemKind.MISSING, 10),
        ("DELETE FROM audit_link WHERE number > 3", ProblemKind.MISSING, 4),
        ("DELETE FROM audit_link", ProblemKind.MISSING, 1),
        ("DELETE FROM audit_head", ProblemKind.MISSING, 1),
        (
            "UPDATE audit_head SET number = 8, hash = (SELECT hash FROM audit_link WHERE number = 8)",
            ProblemKind.ADDED,
            9,
        ),
        ("UPDATE audit_head SET number = 12", ProblemKind.MISSING, 11),
    ],
)
def test_one_statement_of_a_superuser_is_found(
    log: Session, attack: Any, monkeypatch: pytest.MonkeyPatch, portion: int, statement: str, kind: str, number: int
) -> None:
    monkeypatch.setattr("trilend.audit.verification.PORTION", portion)
    attack(statement)
    assert found(log) == (kind, number)


def test_a_line_that_was_removed_with_its_place_is_missing(log: Session, attack: Any) -> None:
    attack("DELETE FROM audit_entry WHERE act = 'act.6'", "DELETE FROM audit_link WHERE number = 6")
    assert found(log) == (ProblemKind.MISSING, 6)


def test_a_line_that_is_in_no_chain_was_added(log: Session, attack: Any) -> None:
    attack(
        "INSERT INTO audit_entry (actor, act, subject_type, subject_id, reason, details) VALUES ('a', 'b', 'c', 1, '', '{}')"
    )
    problem = verify_chain(log).problem
    assert problem is not None
    assert problem.kind == ProblemKind.ADDED
    assert "is not in the chain" in problem.why


def test_a_line_that_was_put_in_with_a_hash_of_its_own_was_added(log: Session, attack: Any) -> None:
    attack(
        "INSERT INTO audit_entry (id, actor, act, subject_type, subject_id, reason, details) VALUES (900, 'a', 'b', 'c', 1, '', '{}')",
        "UPDATE audit_link SET number = number + 1000 WHERE number > 4",
        "UPDATE audit_link SET number = number - 999 WHERE number > 1000",
        f"""INSERT INTO audit_link (number, entry_id, hash)
            SELECT 5, 900, sha256((SELECT hash FROM audit_link WHERE number = 4) || convert_to({CONTENT}, 'UTF8'))
            FROM audit_entry AS entry WHERE id = 900""",
        "UPDATE audit_head SET number = 11",
    )
    assert found(log) == (ProblemKind.ADDED, 5)


def test_two_lines_that_changed_places_are_reordered(log: Session, attack: Any) -> None:
    attack("UPDATE audit_link SET number = CASE number WHEN 4 THEN -5 WHEN 5 THEN -4 END WHERE number IN (4, 5)")
    attack("UPDATE audit_link SET number = -number WHERE number < 0")
    problem = verify_chain(log).problem
    assert problem == Problem(ProblemKind.REORDERED, 4, "the line that belongs here is now no. 5")


def test_two_lines_whose_entries_changed_places_are_reordered(log: Session, attack: Any) -> None:
    attack(
        "UPDATE audit_link SET entry_id = -entry_id WHERE number IN (2, 9)",
        """UPDATE audit_link AS here SET entry_id = -(SELECT entry_id FROM audit_link AS other
           WHERE other.number = 11 - here.number) WHERE number = 2""",
        "UPDATE audit_link SET entry_id = (SELECT min(id) + 1 FROM audit_entry) WHERE number = 9",
    )
    assert found(log) == (ProblemKind.REORDERED, 2)


def test_a_chain_hashed_anew_looks_intact_by_itself(log: Session, attack: Any) -> None:
    """What anchors are for: see the flow tests of auditing."""
    attack("UPDATE audit_entry SET act = 'nothing' WHERE act = 'act.4'", REWRITE)
    assert found(log) is None


REWRITE = f"""
DO $$
DECLARE line record; last bytea := decode(repeat('00', 32), 'hex');
BEGIN
  FOR line IN SELECT number, convert_to({CONTENT}, 'UTF8') AS content
    FROM audit_link JOIN audit_entry AS entry ON entry.id = entry_id ORDER BY number LOOP
    last := sha256(last || line.content);
    UPDATE audit_link SET hash = last WHERE number = line.number;
  END LOOP;
  UPDATE audit_head SET hash = last;
END $$"""


def test_lines_of_several_writers_verify(log: Session) -> None:
    record(log, SYSTEM, "one more", "loan", 1)
    log.execute(text("SELECT 1"))
    log.commit()
    assert verify_chain(log).end == LINES + 1
