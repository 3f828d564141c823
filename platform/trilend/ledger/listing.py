"""The list of journals, by their lines."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from trilend.ledger.models import Account, Journal, JournalLine
from trilend.lists.grammar import Column, Filter, ListOf, declare_list
from trilend.tenancy.context import tenant_session

KINDS = {
    "disbursement": _l("Disbursement"),
    "receipt": _l("Money received"),
    "servicing": _l("Accrual and allocation"),
    "provision": _l("Loss provision"),
}
# The newest journal first, its lines in their own order.
_PLACE = -JournalLine.number


def _statement() -> Any:
    return (
        select(JournalLine, Journal, Account)
        .join(Journal, Journal.id == JournalLine.journal_id)
        .join(Account, Account.code == JournalLine.account_code)
    )


def _accounts() -> list[tuple[str, str]]:
    rows = tenant_session.execute(select(Account.code, Account.name).order_by(Account.code))
    return [(row.code, f"{row.code} {row.name}") for row in rows]


JOURNALS = declare_list(
    ListOf(
        name="journals",
        title=_l("Journals"),
        endpoint="BooksView.journals",
        permission=("can_list", "Books"),
        statement=_statement,
        key=(JournalLine.journal_id, _PLACE),
        row_id=lambda row: row[0].journal_id,
        search=lambda entered: Journal.memo.contains(entered, autoescape=True),
        search_label=_l("What for (a part of the memo)"),
        columns=(
            Column("number", _l("No."), lambda row: row[1].id),
            Column(
                "day",
                _l("Business date"),
                lambda row: row[1].business_date,
                kind="day",
                sort=Journal.business_date,
            ),
            Column("value", _l("Value date"), lambda row: row[1].value_date, kind="day", usual=False),
            Column(
                "kind", _l("What for"), lambda row: KINDS.get(row[1].kind, row[1].kind), note=lambda row: row[1].memo
            ),
            Column("memo", _l("Memo"), lambda row: row[1].memo, usual=False),
            Column("account", _l("Account"), lambda row: f"{row[2].code} {row[2].name}", sort=JournalLine.account_code),
            Column("debit", _l("Debit"), lambda row: row[0].debit or None, kind="money", sort=JournalLine.debit),
            Column("credit", _l("Credit"), lambda row: row[0].credit or None, kind="money", sort=JournalLine.credit),
        ),
        filters=(
            Filter("kind", _l("What for"), "choice", choices=lambda: list(KINDS.items()), column=Journal.kind),
            Filter("account", _l("Account"), "choice", choices=_accounts, column=JournalLine.account_code),
            Filter("booked", _l("Business date"), "days", column=Journal.business_date),
            Filter("total", _l("Total of the journal"), "amounts", column=Journal.total),
        ),
    )
)
