"""The list of what the bank has booked."""

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from trilend.lists.grammar import Badge, Column, Filter, ListOf, declare_list
from trilend.parties.showing import shown
from trilend.payments.models import EntryState, StatementEntryRow

STATES = {
    EntryState.UNMATCHED.value: (_l("Not assigned"), "warning"),
    EntryState.MATCHED.value: (_l("Assigned"), "success"),
    EntryState.SET_ASIDE.value: (_l("Set aside"), "neutral"),
}
_DIRECTIONS = (("in", _l("Money in")), ("out", _l("Money out")))

RECEIPTS = declare_list(
    ListOf(
        name="receipts",
        title=_l("Bank statement"),
        endpoint="StatementsView.entries",
        permission=("can_list", "Statements"),
        statement=lambda: select(StatementEntryRow),
        key=(StatementEntryRow.id,),
        search=lambda entered: (
            StatementEntryRow.counterparty_holder.contains(entered, autoescape=True)
            | StatementEntryRow.remark.contains(entered, autoescape=True)
        ),
        search_label=_l("Counterparty or remark"),
        columns=(
            Column(
                "day",
                _l("Booked on"),
                lambda entry: entry.booked_on,
                kind="day",
                sort=StatementEntryRow.booked_on,
            ),
            Column(
                "who",
                _l("Counterparty"),
                lambda entry: entry.counterparty_holder,
                sort=StatementEntryRow.counterparty_holder,
                note=lambda entry: shown("account_number", entry.counterparty_number),
            ),
            Column(
                "account", _l("Account"), lambda entry: shown("account_number", entry.counterparty_number), usual=False
            ),
            Column("remark", _l("Remark"), lambda entry: entry.remark),
            Column("in", _l("Money in"), lambda entry: entry.amount if entry.direction == "in" else None, kind="money"),
            Column(
                "out", _l("Money out"), lambda entry: entry.amount if entry.direction == "out" else None, kind="money"
            ),
            Column("amount", _l("Amount"), lambda entry: entry.amount, "money", StatementEntryRow.amount, usual=False),
            Column("balance", _l("Balance"), lambda entry: entry.balance, kind="money"),
            Column(
                "state",
                _l("State"),
                lambda entry: Badge(entry.state, *STATES[entry.state]),
                kind="badge",
                sort=StatementEntryRow.state,
            ),
        ),
        filters=(
            Filter(
                "state",
                _l("State"),
                "choice",
                choices=lambda: [(code, label) for code, (label, _tone) in STATES.items()],
                column=StatementEntryRow.state,
            ),
            Filter(
                "direction", _l("Direction"), "choice", choices=lambda: _DIRECTIONS, column=StatementEntryRow.direction
            ),
            Filter("booked", _l("Booked on"), "days", column=StatementEntryRow.booked_on),
            Filter("amount", _l("Amount"), "amounts", column=StatementEntryRow.amount),
        ),
    )
)
