"""The list of customers."""

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select

from trilend.lists.grammar import Badge, Column, Filter, ListOf, declare_list
from trilend.parties.finding import PARTIES
from trilend.parties.identifiers import masked
from trilend.parties.models import Party, PartyKind
from trilend.parties.showing import shown
from trilend.search.service import condition_on

KINDS = {PartyKind.PERSON.value: _l("Person"), PartyKind.ORGANIZATION.value: _l("Organization")}


def _doubtful(statement: Select[Party], _value: str) -> Select[Party]:
    return statement.where(Party.identifier_doubtful.is_(True))


def _badges(party: Party) -> list[Badge]:
    return [Badge("doubtful_identifier", _l("To be verified"), "warning")] if party.identifier_doubtful else []


CUSTOMERS = declare_list(
    ListOf(
        name="customers",
        title=_l("Customers"),
        endpoint="PartiesView.overview",
        permission=("can_list", "Parties"),
        statement=lambda: select(Party),
        key=(Party.id,),
        search=lambda entered: condition_on(PARTIES.name, Party.id, entered),
        search_label=_l("Name, pinyin, or a whole number"),
        columns=(
            Column(
                "name",
                _l("Name or company name"),
                lambda party: party.name,
                sort=Party.name_order,
                url=lambda party: url_for("PartiesView.detail", party_id=party.id),
                badges=_badges,
            ),
            Column("kind", _l("Kind"), lambda party: KINDS[party.kind], sort=Party.kind),
            Column("identifier", _l("Identifier"), lambda party: masked(party.identifier)),
            Column("mobile", _l("Mobile"), lambda party: shown("mobile", party.mobile)),
            Column(
                "account", _l("Bank account"), lambda party: shown("account_number", party.account_number), usual=False
            ),
            Column("bank", _l("Bank"), lambda party: party.account_bank, usual=False),
            Column("legal", _l("Legal representative"), lambda party: party.legal_representative, usual=False),
            Column("created", _l("Recorded"), lambda party: party.created_at, kind="instant", sort=Party.created_at),
        ),
        filters=(
            Filter("kind", _l("Kind"), "choice", choices=lambda: list(KINDS.items()), column=Party.kind),
            Filter("doubtful", _l("Identifier to be verified"), "flag", apply=_doubtful),
        ),
    )
)
