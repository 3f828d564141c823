"""Verifies the chain through a tenant's audit log: what the database stores is hashed anew and compared.

The work is done where the rows are, in portions of the chain; one line comes back for each. Nothing that lies in the
tenant's schema but the rows themselves is trusted: the expressions are this release's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.orm import Session

from trilend.audit.chain import CONTENT, GENESIS
from trilend.audit.models import AuditHead, AuditLink

PORTION = 20_000
Progress = Callable[[int, int], None]


class ProblemKind(StrEnum):
    """What can be wrong with a chain."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    ANCHOR = "anchor"


@dataclass(frozen=True)
class Problem:
    """The first thing that is wrong: at which number, what, and why that is said."""

    kind: ProblemKind
    number: int
    why: str


@dataclass(frozen=True)
class ChainReport:
    """How far the chain was looked at and where it ends; `intact` is the last number before the problem."""

    checked_from: int
    end: int
    problem: Problem | None = None

    @property
    def intact(self) -> int:
        """The last number up to which everything is as it was written."""
        return self.problem.number - 1 if self.problem else self.end


def verify_chain(session: Session, *, after: int = 0, progress: Progress = lambda done, total: None) -> ChainReport:
    """Look at the lines after number `after`; stops at the first that is wrong. Ends the session's transactions.

    Each portion is a transaction of its own: rows of the chain never change, so that no snapshot need be held.
    """
    ends = session.execute(
        select(
            AuditHead.number,
            AuditHead.hash,
            select(AuditLink.number).order_by(AuditLink.number.desc()).limit(1).scalar_subquery(),
        )
    ).one_or_none()
    if ends is None:
        return ChainReport(after, after, Problem(ProblemKind.MISSING, after + 1, "the end of the chain is not there"))
    head, head_hash, last = ends.number, bytes(ends.hash), ends[2] or 0
    number, before = after, _hash_at(session, after)
    while number < head:
        until = min(head, number + PORTION)
        problem, before = _portion(session, number, until, before)
        session.rollback()
        if problem:
            return ChainReport(after, head, problem)
        number = until
        progress(number, head)
    return ChainReport(after, head, _of_the_end(head, head_hash, last, before) or _unlinked(session, after))


def _hash_at(session: Session, number: int) -> bytes:
    if number == 0:
        return GENESIS
    found = session.scalar(select(AuditLink.hash).where(AuditLink.number == number))
    return bytes(found) if found is not None else b""


def _portion(session: Session, after: int, until: int, before: bytes) -> tuple[Problem | None, bytes]:
    seen = session.execute(_JUDGED, {"after": after, "until": until, "before": before}).one()
    if seen.wrong is not None:
        return _diagnosis(session, after, seen.wrong, before), b""
    if seen.lines < until - after:
        return _gap(after + seen.lines + 1), b""
    return None, bytes(seen.hash)


def _diagnosis(session: Session, after: int, wrong: int, before: bytes) -> Problem:
    """Why the line at `wrong` is not what should be there."""
    row = session.execute(_LINE, {"number": wrong}).one()
    previous = session.scalar(text("SELECT max(number) FROM audit_link WHERE number < :number"), {"number": wrong})
    expected = max(previous or 0, after) + 1
    if wrong != expected:
        return _gap(expected)
    if row.id is None:
        return Problem(ProblemKind.MISSING, wrong, "its line has been removed, only its place in the chain is left")
    last = before if wrong == after + 1 else _hash_at(session, wrong - 1)
    if wrong >= 2 and _follows(session, wrong, _hash_at(session, wrong - 2)):
        return Problem(ProblemKind.ADDED, wrong - 1, "the line after it follows from the line before it")
    other = session.execute(_BELONGS, {"number": wrong, "last": last}).one_or_none()
    if other is not None:
        return Problem(ProblemKind.REORDERED, wrong, f"the line that belongs here is now no. {other.number}")
    return Problem(
        ProblemKind.CHANGED, wrong, "it does not give its hash: it was changed, or a line before it was removed"
    )


def _follows(session: Session, number: int, last: bytes) -> bool:
    return bool(session.scalar(_FITS, {"number": number, "last": last}))


def _gap(number: int) -> Problem:
    return Problem(ProblemKind.MISSING, number, "the chain has no line of this number")


def _of_the_end(head: int, head_hash: bytes, last: int, before: bytes) -> Problem | None:
    if last > head:
        return Problem(ProblemKind.ADDED, head + 1, "it lies beyond the end of the chain")
    if head_hash != before:
        return Problem(ProblemKind.CHANGED, head, "the end of the chain holds another hash")
    return None


def _unlinked(session: Session, after: int) -> Problem | None:
    """A line that never went through the chain."""
    # A line with a smaller id may have been committed later: a check that goes on from another looks back a bit.
    first = session.scalar(text("SELECT entry_id FROM audit_link WHERE number = :number"), {"number": after})
    found: Row[tuple[int, int]] | None = session.execute(
        _UNLINKED, {"everything": not after, "low": (first or 0) - PORTION}
    ).one_or_none()
    session.rollback()
    return (
        Problem(ProblemKind.ADDED, found.number, f"the line with id {found.id} is not in the chain") if found else None
    )


def _statement(sql: str) -> TextClause:
    """The SQL, the colons of its casts and time formats kept from being taken for parameters."""
    return text(sql.replace("::", r"\:\:").replace(":MI", r"\:MI").replace(":SS", r"\:SS"))


_JUDGED = _statement(f"""
SELECT count(*) AS lines, min(number) FILTER (WHERE wrong) AS wrong,
    (SELECT hash FROM audit_link WHERE number = :until) AS hash
FROM (
    SELECT link.number,
        entry.id IS NULL
        OR link.number <> coalesce(lag(link.number) OVER chain, :after) + 1
        OR link.hash IS DISTINCT FROM
            sha256(coalesce(lag(link.hash) OVER chain, CAST(:before AS bytea)) || convert_to({CONTENT}, 'UTF8')) AS wrong
    FROM audit_link AS link
    LEFT JOIN audit_entry AS entry ON entry.id = link.entry_id
    WHERE link.number > :after AND link.number <= :until
    WINDOW chain AS (ORDER BY link.number)
) AS judged
""")
_LINE = _statement("""
SELECT link.number, entry.id FROM audit_link AS link LEFT JOIN audit_entry AS entry ON entry.id = link.entry_id
WHERE link.number = :number
""")
_FITS = _statement(f"""
SELECT link.hash = sha256(CAST(:last AS bytea) || convert_to({CONTENT}, 'UTF8'))
FROM audit_link AS link JOIN audit_entry AS entry ON entry.id = link.entry_id WHERE link.number = :number
""")
# The line that would follow here: with the hash that is stored here, or with the hash that it brought along.
_BELONGS = _statement(f"""
SELECT other.number
FROM audit_link AS here, audit_link AS other
JOIN audit_entry AS entry ON entry.id = other.entry_id
WHERE here.number = :number AND other.number <> :number
    AND sha256(CAST(:last AS bytea) || convert_to({CONTENT}, 'UTF8')) IN (here.hash, other.hash)
ORDER BY other.number LIMIT 1
""")
_UNLINKED = _statement("""
SELECT entry.id, coalesce((SELECT max(number) FROM audit_link WHERE entry_id < entry.id), 0) + 1 AS number
FROM audit_entry AS entry LEFT JOIN audit_link AS link ON link.entry_id = entry.id
WHERE link.number IS NULL AND (:everything OR entry.id > :low)
ORDER BY entry.id LIMIT 1
""")
