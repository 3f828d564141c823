"""What an application is found by: its number, and its customer."""

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from trilend.parties.finding import PARTIES
from trilend.search.service import Hit, Source, Words, declare_source
from trilend.search.words import words_of_number
from trilend.web.formats import money
from trilend_microfinance.applications.models import Application
from trilend_microfinance.labels import APPLICATION_STATES


def _hit(found: Application) -> Hit:
    note = f"{found.party.name} · {money(found.amount)} · {APPLICATION_STATES[found.state]}"
    return Hit(found.number, note, url_for("ApplicationsView.detail", application_id=found.id))


APPLICATIONS = declare_source(
    Source(
        name="loan_application",
        label=_l("Applications"),
        icon="file-text",
        permission=("can_show", "Applications"),
        entity=Application,
        hit=_hit,
        words=lambda found: Words(found.id, words_of_number(found.number), found.number),
        options=(joinedload(Application.party),),
        also=(PARTIES.name, Application.party_id),
        kind="microfinance",
    )
)
