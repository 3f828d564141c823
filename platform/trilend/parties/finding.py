"""What a customer is found by."""

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import defer

from trilend.parties.identifiers import masked
from trilend.parties.models import Party
from trilend.search.service import Hit, Source, Words, declare_source
from trilend.search.words import words_of_name, words_of_secret

NAME_ALONE = tuple(defer(column) for column in (Party.identifier, Party.mobile, Party.account_number))
"""Options for what shows a customer's name only: nothing that is sealed is read and opened."""


def _words(party: Party) -> Words:
    words = words_of_name(party.name) | words_of_name(party.legal_representative)
    for secret in (party.identifier, party.mobile, party.account_number):
        words |= words_of_secret(secret)
    return Words(party.id, words, party.name)


def _hit(party: Party) -> Hit:
    return Hit(
        party.name,
        f"{masked(party.identifier)} · {masked(party.mobile)}",
        url_for("PartiesView.detail", party_id=party.id),
    )


PARTIES = declare_source(
    Source(
        name="party",
        label=_l("Customers"),
        icon="users",
        permission=("can_show", "Parties"),
        entity=Party,
        hit=_hit,
        words=_words,
    )
)
