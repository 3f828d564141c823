"""What a loan is found by: its number, which is that of its contract, and its customer."""

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from trilend.parties.finding import PARTIES
from trilend.search.service import Hit, Source, Words, declare_source
from trilend.search.words import words_of_number
from trilend.web.formats import money
from trilend_microfinance.labels import LOAN_STATES
from trilend_microfinance.servicing.models import Loan


def _hit(found: Loan) -> Hit:
    note = f"{found.party.name} · {money(found.principal)} · {LOAN_STATES[found.state]}"
    return Hit(found.number, note, url_for("LoansView.detail", loan_id=found.id))


LOANS = declare_source(
    Source(
        name="loan",
        label=_l("Loans and contracts"),
        icon="cash",
        permission=("can_show", "Loans"),
        entity=Loan,
        hit=_hit,
        words=lambda found: Words(found.id, words_of_number(found.number), found.number),
        options=(joinedload(Loan.party),),
        also=(PARTIES.name, Loan.party_id),
        kind="microfinance",
    )
)
