"""Makes the contract of an approved application, has it sealed by the company, and sends it to the borrower."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select, text
from sqlalchemy.orm import Session, joinedload

from trilend.audit.service import Actor
from trilend.credit.disclosure import Disclosure
from trilend.credit.schedule import build_schedule
from trilend.credit.terms import Terms
from trilend.documents.models import Document
from trilend.documents.service import file_document
from trilend.documents.typesetting import typeset
from trilend.errors import NotFound, Refused
from trilend.messages.service import send
from trilend.money import format_yuan, in_words
from trilend.parameters.service import business_date, figure
from trilend.parties.identifiers import masked
from trilend.parties.models import PartyKind
from trilend.search.service import keep
from trilend.signing.models import Envelope, EnvelopeState, Signatory, SignatoryRole
from trilend.signing.service import Party, envelopes_of, new_link, open_envelope, seal_for_company
from trilend.tenancy.context import current_tenant
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.applications.service import application
from trilend_microfinance.cost import cost_of, percent
from trilend_microfinance.products.labels import CHINESE_DAY_COUNT_NAME, CHINESE_METHOD_NAME
from trilend_microfinance.servicing.finding import LOANS
from trilend_microfinance.servicing.models import Loan, LoanStage
from trilend_microfinance.terms import terms_of

_TEMPLATE = Path(__file__).parent / "typst" / "loan.typ"
SUBJECT = "loan"
_BATCH = 500  # the most that is paid out in one order


class NotApproved(Refused):
    """Only an approved application gets a contract."""

    code = "not_approved"

    def __init__(self) -> None:
        super().__init__(_l("Only an approved application gets a contract, and it gets one."))


def make_contract(session: Session, actor: Actor, application_id: int) -> Loan:
    """Make loan and contract of an approved application, put the company's seal on it and send the borrower a link.

    Raises `NotApproved`, `ConnectionNotReady` without a signature connection, and what the plugin raises.
    """
    subject = application(session, application_id, lock=True)
    if subject.state != ApplicationState.APPROVED:
        raise NotApproved
    made = _loan(session, subject)
    keep(session, LOANS, [made])
    contract, table = _typeset(session, subject, made)
    envelope, tokens = open_envelope(
        session,
        actor,
        contract=contract,
        parties=_parties(subject),
        disclosure=_shown(table),
        reading_seconds=int(figure(session, "reading_seconds", business_date(session)).value),
    )
    seal_for_company(session, actor, envelope)
    subject.state = ApplicationState.CONTRACTED
    for signatory in envelope.signatories:
        if signatory.id in tokens:
            _send_link(session, signatory, tokens[signatory.id])
    return made


def resend_link(session: Session, actor: Actor, loan_id: int) -> None:
    """Send the borrower a new link; the former one stops working."""
    envelope = contract_envelope(session, loan_id)
    signatory = next(found for found in envelope.signatories if found.role == SignatoryRole.BORROWER)
    _send_link(session, signatory, new_link(session, actor, signatory))


def contract_envelope(session: Session, loan_id: int) -> Envelope:
    """The envelope of a loan's contract; raises `NotFound`."""
    found = envelopes_of(session, SUBJECT, loan_id)
    if not found:
        raise NotFound(_l("This loan does not exist."))
    return found[0]


def ready_to_disburse(session: Session) -> Sequence[Loan]:
    """Loans whose contract all have signed and whose money has not been ordered, oldest first."""
    return session.scalars(
        select(Loan)
        .options(joinedload(Loan.party))
        .join(Envelope, (Envelope.subject_type == SUBJECT) & (Envelope.subject_id == Loan.id))
        .where(Loan.state == LoanStage.CONTRACTED, Envelope.state == EnvelopeState.COMPLETED)
        .order_by(Loan.id)
        .limit(_BATCH)
    ).all()


def _loan(session: Session, subject: Application) -> Loan:
    number = session.execute(text("SELECT nextval('loan_number')")).scalar_one()
    today = business_date(session)
    multiple = figure(session, "penalty_multiple", today).value
    product = subject.product
    made = Loan(
        number=f"DK{today:%y}{number:06d}",
        application_id=subject.id,
        party_id=subject.party_id,
        principal=subject.amount,
        annual_rate=subject.annual_rate,
        periods=subject.periods,
        method=product.method,
        day_count=product.day_count,
        interest_unit=product.interest_unit,
        rounding_mode=product.rounding_mode,
        rounding_places=product.rounding_places,
        holiday_rule=product.holiday_rule,
        penalty_rate=min(subject.annual_rate * multiple, Decimal(1)),
        grace_days=product.grace_days,
        contracted_on=today,
        state=LoanStage.CONTRACTED,
    )
    session.add(made)
    session.flush()
    return made


def _typeset(session: Session, subject: Application, made: Loan) -> tuple[Document, Disclosure]:
    terms = terms_of(
        made,
        principal=made.principal,
        annual_rate=made.annual_rate,
        periods=made.periods,
        start=business_date(session),
    )
    table = cost_of(terms, lender=current_tenant().name, penalty_rate=made.penalty_rate)
    title = f"借款合同 {made.number}"
    content = typeset(_TEMPLATE, _values(subject, made, terms, table, title))
    contract = file_document(
        session,
        subject_type=SUBJECT,
        subject_id=made.id,
        kind="contract",
        title=title,
        media_type="application/pdf",
        content=content,
    )
    return contract, table


def _parties(subject: Application) -> tuple[Party, Party]:
    tenant = current_tenant()
    return (
        Party(SignatoryRole.COMPANY, tenant.name, tenant.uscc),
        Party(SignatoryRole.BORROWER, subject.party.name, f"party-{subject.party_id}", subject.party.mobile),
    )


def _send_link(session: Session, signatory: Signatory, token: str) -> None:
    tenant = current_tenant()
    url = f"{tenant.url}/sign/{token}"
    body = gettext(
        "%(company)s asks you to read and sign “%(title)s”: %(url)s",
        company=tenant.name,
        title=signatory.envelope.title,
        url=url,
    )
    send(
        session,
        channel="sms",
        recipient=signatory.mobile,
        subject=gettext("Your contract is ready to be signed"),
        body=body,
    )


def _values(subject: Application, made: Loan, terms: Terms, table: Disclosure, title: str) -> Mapping[str, Any]:
    tenant, party = current_tenant(), subject.party
    person = party.kind == PartyKind.PERSON
    return _shown(table) | {
        "title": title,
        "number": made.number,
        "lender": tenant.name,
        "lender_uscc": tenant.uscc,
        "borrower": party.name,
        "borrower_identifier_name": "居民身份证" if person else "统一社会信用代码",
        "borrower_identifier": masked(party.identifier, head=6) if person else party.identifier,
        "borrower_mobile": masked(party.mobile),
        "account_bank": party.account_bank,
        "account_number": party.account_number,
        "principal": format_yuan(made.principal),
        "principal_words": in_words(made.principal),
        "periods": str(made.periods),
        "purpose": subject.purpose,
        "annual_rate": percent(made.annual_rate),
        "penalty_rate": percent(made.penalty_rate),
        "day_count": CHINESE_DAY_COUNT_NAME[made.day_count],
        "method": CHINESE_METHOD_NAME[made.method],
        "schedule": [
            {
                "number": str(row.number),
                "due": row.due.isoformat(),
                "principal": format_yuan(row.principal),
                "interest": format_yuan(row.interest),
                "total": format_yuan(row.total),
            }
            for row in build_schedule(terms)
        ],
    }


def _shown(table: Disclosure) -> dict[str, Any]:
    """The cost table as text, for the contract and for the page on which the borrower reads it."""
    return {
        "principal": format_yuan(table.principal),
        "charges": [
            {
                "name": charge.name,
                "payee": charge.payee,
                "method": charge.method,
                "standard": charge.standard,
                "amount": format_yuan(charge.amount),
            }
            for charge in table.charges
        ],
        "default_charges": [
            {"name": charge.name, "payee": charge.payee, "standard": charge.standard}
            for charge in table.default_charges
        ],
        "total_charges": format_yuan(table.total_charges),
        "simple": percent(table.cost.simple),
        "irr": percent(table.cost.irr),
    }
