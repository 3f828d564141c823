"""Customers and other counterparts; identifiers go out masked only."""

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from pydantic import Field
from sqlalchemy import select

from trilend.api.fields import Answer, Body, Instant, Line
from trilend.api.operations import Call, Resource
from trilend.api.paging import Page, PageQuery, page_of
from trilend.parameters.service import business_date
from trilend.parties import service
from trilend.parties.identifiers import masked
from trilend.parties.models import Party, PartyKind
from trilend.storage.sealed import blind_index

PARTIES = Resource("parties", _l("Customers: people and organizations."))


class PartyQuery(PageQuery):
    """Which parties."""

    kind: PartyKind | None = None
    search: Line = Field("", max_length=200, description="part of the name, or the whole identifier")


class NewParty(Body):
    """A person or an organization to record."""

    model_config = {
        "json_schema_extra": {
            "example": {
                "kind": "organization",
                "name": "云杉商贸有限公司",
                "identifier": "91110105MA01A1B230",
                "mobile": "13900000000",
                "account_number": "11001085000012345678",
                "account_bank": "中国工商银行",
            }
        }
    }

    kind: PartyKind
    name: Line = Field(min_length=1, max_length=200)
    identifier: Line = Field(max_length=32, description="resident id of a person, credit code of an organization")
    mobile: Line = Field(max_length=32)
    account_number: Line = Field(max_length=40, description="loans are paid out to it, repayments from it recognised")
    account_bank: Line = Field("", max_length=100)
    legal_representative: Line = Field("", max_length=100)


class PartyAnswer(Answer):
    """A party; its identifiers are masked."""

    id: int
    kind: PartyKind
    name: str
    identifier: str = Field(examples=["110***********2345"])
    mobile: str
    account_number: str
    account_bank: str
    legal_representative: str
    created_at: Instant


@PARTIES.get("/parties", scope="parties:read", summary=_l("List customers"))
def list_parties(call: Call, query: PartyQuery) -> Page[PartyAnswer]:
    """Newest first."""
    statement = select(Party)
    if query.kind is not None:
        statement = statement.where(Party.kind == query.kind)
    if query.search:
        by_name = Party.name.contains(query.search, autoescape=True)
        statement = statement.where(by_name | (Party.identifier_index == blind_index(query.search)))
    return page_of(call.session, statement, Party.id, query, _shown)


@PARTIES.get("/parties/{party_id}", scope="parties:read", summary=_l("Read a customer"))
def read_party(call: Call, party_id: int) -> PartyAnswer:
    """Identifiers stay masked: to see one, a person gives a reason in the application."""
    return _answer(service.party(call.session, party_id))


@PARTIES.post("/parties", scope="parties:write", summary=_l("Record a customer"), status=201, location="/parties/{id}")
def add_party(call: Call, body: NewParty) -> PartyAnswer:
    """Refused with `party_exists` if the identifier is recorded already, with `invalid_party` if a number is wrong."""
    data = service.PartyData(**dict(body))
    return _answer(service.add_party(call.session, call.actor, data, on=business_date(call.session)))


def _shown(rows: Sequence[Party]) -> list[PartyAnswer]:
    return [_answer(row) for row in rows]


def _answer(row: Party) -> PartyAnswer:
    return PartyAnswer(
        id=row.id,
        kind=row.kind,
        name=row.name,
        identifier=masked(row.identifier),
        mobile=masked(row.mobile),
        account_number=masked(row.account_number),
        account_bank=row.account_bank,
        legal_representative=row.legal_representative,
        created_at=row.created_at,
    )
