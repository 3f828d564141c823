"""Posts journals, many at once, and reads balances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trilend.ledger.models import Account, Journal, JournalLine

ZERO = Decimal(0)


@dataclass(frozen=True)
class Line:
    """An amount in yuan on one account: positive is a debit, negative a credit."""

    account: str
    amount: Decimal


@dataclass(frozen=True)
class Posting:
    """A journal to be posted; `key` makes a repeated posting do nothing."""

    key: str
    kind: str
    business_date: date
    value_date: date
    source_type: str
    source_id: int
    lines: tuple[Line, ...]
    memo: str = ""


class Unbalanced(ValueError):
    """Lines do not add up to zero: a fault of ours, nothing has been posted."""


def post(session: Session, postings: Sequence[Posting]) -> int:
    """Post journals in sets, however many there are; returns how many were new.

    Lines of zero are left out, a posting without any other is skipped. Raises `Unbalanced`.
    """
    prepared = [(posting, lines) for posting in postings if (lines := _lines(posting))]
    if not prepared:
        return 0
    ids = _insert_journals(session, [_journal(posting, lines) for posting, lines in prepared])
    entries = [
        {
            "journal_id": ids[posting.key],
            "number": number,
            "account_code": line.account,
            "debit": max(line.amount, ZERO),
            "credit": max(-line.amount, ZERO),
        }
        for posting, lines in prepared
        if posting.key in ids
        for number, line in enumerate(lines, start=1)
    ]
    if entries:
        session.execute(insert(JournalLine), entries)
    return len(ids)


def balances(session: Session) -> Mapping[str, Decimal]:
    """Debit balance of every account that has been used (negative for a credit balance), in yuan."""
    totals = select(
        JournalLine.account_code, func.sum(JournalLine.debit - JournalLine.credit).label("balance")
    ).group_by(JournalLine.account_code)
    return {row.account_code: row.balance for row in session.execute(totals)}


def accounts(session: Session) -> Sequence[Account]:
    """The chart of accounts."""
    return session.scalars(select(Account).order_by(Account.code)).all()


@dataclass(frozen=True)
class JournalView:
    """A journal with its lines, for reading."""

    journal: Journal
    lines: tuple[tuple[JournalLine, str], ...]


def journals(
    session: Session, *, source_type: str | None = None, source_id: int | None = None, offset: int = 0, limit: int = 50
) -> tuple[Sequence[JournalView], int]:
    """A page of journals, newest first, and how many there are; two queries whatever the page holds."""
    statement = select(Journal)
    if source_type is not None:
        statement = statement.where(Journal.source_type == source_type, Journal.source_id == source_id)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    page = session.scalars(statement.order_by(Journal.id.desc()).offset(offset).limit(limit)).all()
    found = session.execute(
        select(JournalLine, Account.name)
        .join(Account, Account.code == JournalLine.account_code)
        .where(JournalLine.journal_id.in_([journal.id for journal in page]))
        .order_by(JournalLine.journal_id, JournalLine.number)
    )
    lines: dict[int, list[tuple[JournalLine, str]]] = {}
    for line, name in found:
        lines.setdefault(line.journal_id, []).append((line, name))
    return [JournalView(journal, tuple(lines.get(journal.id, ()))) for journal in page], total


def _lines(posting: Posting) -> tuple[Line, ...]:
    lines = tuple(line for line in posting.lines if line.amount)
    if sum((line.amount for line in lines), ZERO) != ZERO:
        raise Unbalanced(f"{posting.key}: {lines}")
    return lines


def _insert_journals(session: Session, rows: Sequence[dict[str, object]]) -> Mapping[str, int]:
    """Ids of the journals that were not there yet, by key.

    Parameters are given apart from the statement, so that it is compiled once and sent in large portions.
    """
    statement = upsert(Journal).on_conflict_do_nothing(index_elements=["key"]).returning(Journal.id, Journal.key)
    return {row.key: row.id for row in session.execute(statement, rows)}


def _journal(posting: Posting, lines: Sequence[Line]) -> dict[str, object]:
    return {
        "key": posting.key,
        "kind": posting.kind,
        "business_date": posting.business_date,
        "value_date": posting.value_date,
        "source_type": posting.source_type,
        "source_id": posting.source_id,
        "memo": posting.memo,
        "total": sum((line.amount for line in lines if line.amount > 0), ZERO),
    }
