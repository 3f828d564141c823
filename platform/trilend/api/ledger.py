"""The books: journals with their lines, and balances."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.api.fields import Answer, Day, Instant, Key, Line, Money
from trilend.api.operations import Call, Resource
from trilend.api.paging import Page, PageQuery, days_within, page_of
from trilend.ledger.models import Account, AccountType, Journal, JournalLine
from trilend.ledger.service import accounts, balances

LEDGER = Resource("ledger", _l("Journals and balances of the books."))


class JournalQuery(PageQuery):
    """Which journals."""

    source_type: Line = Field("", max_length=32, description="what the journal is about, such as `loan`")
    source_id: Key | None = None
    business_date: Day | None = None
    business_date_from: Day | None = None
    business_date_to: Day | None = Field(None, description="this day included")


class JournalLineAnswer(Answer):
    """One side of a journal on one account; one of the two amounts is 0.00."""

    account: str
    account_name: str
    debit: Money
    credit: Money


class JournalAnswer(Answer):
    """A journal entry; its debits equal its credits."""

    id: int
    kind: str
    business_date: date
    value_date: date
    source_type: str
    source_id: int
    memo: str
    total: Money
    posted_at: Instant
    lines: list[JournalLineAnswer]


class BalanceAnswer(Answer):
    """An account of the chart; the balance is positive for a debit balance, negative for a credit balance."""

    account: str
    name: str
    type: AccountType
    balance: Money


class BalancesAnswer(Answer):
    """Every account, by code."""

    items: list[BalanceAnswer]


@LEDGER.get("/journals", scope="ledger:read", summary=_l("List journals"))
def list_journals(call: Call, query: JournalQuery) -> Page[JournalAnswer]:
    """Newest first, with their lines."""
    statement = select(Journal)
    if query.source_type:
        statement = statement.where(Journal.source_type == query.source_type)
    if query.source_id is not None:
        statement = statement.where(Journal.source_id == query.source_id)
    if query.business_date is not None:
        statement = statement.where(Journal.business_date == query.business_date)
    statement = statement.where(*days_within(Journal.business_date, query, "business_date_from", "business_date_to"))
    return page_of(call.session, statement, Journal.id, query, lambda rows: _shown(call.session, rows))


@LEDGER.get("/balances", scope="ledger:read", summary=_l("Read the balances"))
def read_balances(call: Call) -> BalancesAnswer:
    """As of now; an account that was never used has 0.00."""
    amounts = balances(call.session)
    return BalancesAnswer(
        items=[
            BalanceAnswer(account=row.code, name=row.name, type=row.type, balance=amounts.get(row.code, Decimal(0)))
            for row in accounts(call.session)
        ]
    )


def _shown(session: Session, rows: Sequence[Journal]) -> list[JournalAnswer]:
    """Journals with their lines, in one query for all."""
    lines: dict[int, list[JournalLineAnswer]] = {row.id: [] for row in rows}
    found = session.execute(
        select(JournalLine, Account.name)
        .join(Account, Account.code == JournalLine.account_code)
        .where(JournalLine.journal_id.in_(lines))
        .order_by(JournalLine.journal_id, JournalLine.number)
    )
    for line, name in found:
        shown = JournalLineAnswer(account=line.account_code, account_name=name, debit=line.debit, credit=line.credit)
        lines[line.journal_id].append(shown)
    return [_answer(row, lines[row.id]) for row in rows]


def _answer(row: Journal, lines: list[JournalLineAnswer]) -> JournalAnswer:
    return JournalAnswer(
        id=row.id,
        kind=row.kind,
        business_date=row.business_date,
        value_date=row.value_date,
        source_type=row.source_type,
        source_id=row.source_id,
        memo=row.memo,
        total=row.total,
        posted_at=row.created_at,
        lines=lines,
    )
