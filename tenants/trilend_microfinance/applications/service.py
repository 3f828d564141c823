"""Takes applications in, checks the limits of law, and lets a second person decide."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session, joinedload

from trilend.audit.service import Actor, record
from trilend.credit.errors import InvalidTerms
from trilend.credit.limits import LimitCheck, all_in_cost_ceiling, single_borrower_limit
from trilend.db.base import now
from trilend.errors import Invalid, NotFound
from trilend.organization.sight import past_scope
from trilend.parameters.errors import ParameterMissing
from trilend.parameters.service import Figure, business_date, figures
from trilend.parties.models import Party
from trilend.tenancy.context import current_tenant
from trilend.webhooks.events import emit
from trilend_microfinance.applications.errors import (
    AlreadyDecided,
    InvalidApplication,
    LimitExceeded,
    NumberTaken,
    SecondPersonNeeded,
)
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.cost import cost_of
from trilend_microfinance.products.models import Product
from trilend_microfinance.servicing.models import Loan
from trilend_microfinance.terms import terms_of
from trilend_sdk.events import EventKind

RATE_PLACES = Decimal("0.0001")


@dataclass(frozen=True)
class ApplicationData:
    """What is asked for; `annual_rate` is a fraction a year, `amount` in yuan."""

    party_id: int
    product: Product
    amount: Decimal
    periods: int
    annual_rate: Decimal
    purpose: str
    applied_on: date
    number: str = ""


def submit(session: Session, actor: Actor, data: ApplicationData) -> Application:
    """Take an application in; raises `InvalidApplication`, `NumberTaken`."""
    check_against_product(data)
    number = data.number or next_number(session)
    if taken_numbers(session, [number]):
        raise NumberTaken(number)
    application = as_row(data, number, actor)
    session.add(application)
    session.flush()
    record(session, actor, "application.submitted", "loan_application", application.id, number=number)
    return application


def taken_numbers(session: Session, numbers: Collection[str]) -> set[str]:
    """Which of these numbers an application has already, seen by who asks or not: a number is given once."""
    with past_scope():
        return set(session.scalars(select(Application.number).where(Application.number.in_(numbers))))


def as_row(data: ApplicationData, number: str, actor: Actor) -> Application:
    """The row of a checked application."""
    return Application(
        number=number,
        party_id=data.party_id,
        product_id=data.product.id,
        amount=data.amount,
        periods=data.periods,
        annual_rate=data.annual_rate,
        purpose=data.purpose.strip(),
        applied_on=data.applied_on,
        created_by=actor.user_id,
        checks=[],
    )


def check_against_product(data: ApplicationData) -> None:
    """Raise `InvalidApplication` for an amount, term or rate that the product does not allow."""
    offered = data.product
    if not offered.min_amount <= data.amount <= offered.max_amount:
        low, high = f"{offered.min_amount:,.0f}", f"{offered.max_amount:,.0f}"
        message = _l("The product lends between %(low)s and %(high)s yuan.", low=low, high=high)
        raise InvalidApplication("amount", message)
    if not offered.min_periods <= data.periods <= offered.max_periods:
        message = _l(
            "The product runs between %(low)d and %(high)d months.", low=offered.min_periods, high=offered.max_periods
        )
        raise InvalidApplication("periods", message)
    if not 0 < data.annual_rate <= offered.max_annual_rate:
        message = _l("The annual rate may be at most %(rate)s %%.", rate=f"{offered.max_annual_rate * 100:.2f}")
        raise InvalidApplication("annual_rate", message)
    try:
        terms_of(
            offered, principal=data.amount, annual_rate=data.annual_rate, periods=data.periods, start=data.applied_on
        )
    except InvalidTerms as error:
        raise InvalidApplication("amount", _l("These terms make no sense: %(why)s", why=str(error))) from error


def next_number(session: Session) -> str:
    """The next number of the tenant's own series; two at the same time never get the same."""
    value = session.execute(text("SELECT nextval('loan_application_number')")).scalar_one()
    return f"SQ{business_date(session):%y}{value:06d}"


def application(session: Session, application_id: int, *, lock: bool = False) -> Application:
    """One application with its party and product; raises `NotFound`."""
    statement = _with_relations(select(Application)).where(Application.id == application_id)
    found = session.scalar(statement.with_for_update(of=Application) if lock else statement)
    if found is None:
        raise NotFound(_l("This application does not exist."), id=application_id)
    return found


def list_applications(
    session: Session, *, state: str = "", search: str = "", offset: int = 0, limit: int = 50
) -> tuple[Sequence[Application], int]:
    """A page of applications, newest first, and how many match."""
    statement = select(Application)
    if state:
        statement = statement.where(Application.state == state)
    if search:
        by_name = Application.party_id.in_(select(Party.id).where(Party.name.contains(search, autoescape=True)))
        statement = statement.where(by_name | (Application.number == search.upper()))
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    page = _with_relations(statement).order_by(Application.id.desc()).offset(offset).limit(limit)
    return session.scalars(page).all(), total


def evaluate(session: Session, subject: Application) -> tuple[LimitCheck, ...]:
    """The limits of law for this application as of today's business date; raises `ParameterMissing`."""
    today = business_date(session)
    known = figures(session, today)
    net_assets, ratio, ceiling, penalty = (
        _figure(known, name, today)
        for name in ("net_assets", "single_borrower_ratio", "all_in_cost_ceiling", "penalty_multiple")
    )
    terms = terms_of(
        subject.product,
        principal=subject.amount,
        annual_rate=subject.annual_rate,
        periods=subject.periods,
        start=today,
    )
    cost = cost_of(terms, lender=current_tenant().name, penalty_rate=_penalty_rate(subject.annual_rate, penalty.value))
    return (
        single_borrower_limit(net_assets.value, ratio.value, borrowed(session, subject), subject.amount, ratio.basis),
        # Whole cents make the level payment of a 24 % loan cost 24.0003 %: rates compare to a hundredth of a percent.
        all_in_cost_ceiling(cost.cost.simple.quantize(RATE_PLACES), ceiling.value, ceiling.basis),
    )


def borrowed(session: Session, subject: Application) -> Decimal:
    """What the borrower owes or has been promised already, in yuan, without this application."""
    owed = session.scalar(
        select(func.coalesce(func.sum(Loan.principal_outstanding), 0)).where(Loan.party_id == subject.party_id)
    )
    waiting = session.scalar(
        select(func.coalesce(func.sum(Application.amount), 0)).where(
            Application.party_id == subject.party_id,
            Application.id != subject.id,
            (Application.state == ApplicationState.APPROVED)
            | Application.id.in_(select(Loan.application_id).where(Loan.state.in_(("contracted", "disbursing")))),
        )
    )
    return Decimal(owed or 0) + Decimal(waiting or 0)


def approve(session: Session, actor: Actor, application_id: int, note: str = "") -> Application:
    """Approve; raises `SecondPersonNeeded`, `AlreadyDecided`, `LimitExceeded`, `ParameterMissing`.

    The party's row is locked, so that two approvals for one borrower at the same time see each other.
    """
    subject = _open_for_decision(session, actor, application_id)
    session.execute(select(Party.id).where(Party.id == subject.party_id).with_for_update())
    checks = evaluate(session, subject)
    for check in checks:
        if not check.passes:
            raise LimitExceeded(check)
    _decide(subject, actor, ApplicationState.APPROVED, note, checks)
    record(session, actor, "application.approved", "loan_application", subject.id, reason=note)
    _tell(session, subject)
    return subject


def refuse(session: Session, actor: Actor, application_id: int, note: str) -> Application:
    """Refuse with a reason; raises `SecondPersonNeeded`, `AlreadyDecided`, `Invalid` without a reason."""
    if not note.strip():
        raise Invalid(_l("Say why the application is refused."), field="note")
    subject = _open_for_decision(session, actor, application_id)
    _decide(subject, actor, ApplicationState.REFUSED, note, ())
    record(session, actor, "application.refused", "loan_application", subject.id, reason=note)
    _tell(session, subject)
    return subject


def _tell(session: Session, subject: Application) -> None:
    emit(
        session,
        EventKind.APPLICATION_DECIDED,
        subject_type="application",
        subject_id=subject.id,
        number=subject.number,
        data={"decision": str(subject.state), "amount": f"{subject.amount:.2f}"},
    )


def block(session: Session, actor: Actor, application_id: int, error: LimitExceeded) -> None:
    """Note on an application that a limit forbids its approval; it stays undecided."""
    subject = application(session, application_id, lock=True)
    subject.block_rule, subject.decision_note = error.check.rule, str(error)[:500]
    record(session, actor, "application.blocked", "loan_application", subject.id, reason=str(error)[:500])


def _open_for_decision(session: Session, actor: Actor, application_id: int) -> Application:
    subject = application(session, application_id, lock=True)
    if subject.state != ApplicationState.SUBMITTED:
        raise AlreadyDecided
    if actor.user_id is None or actor.user_id == subject.created_by:
        raise SecondPersonNeeded
    return subject


def _decide(
    subject: Application, actor: Actor, state: ApplicationState, note: str, checks: Sequence[LimitCheck]
) -> None:
    subject.state, subject.decided_by, subject.decided_at = state, actor.user_id, now()
    subject.decision_note, subject.block_rule = note.strip()[:500], ""
    subject.checks = [as_json(check) for check in checks]


def as_json(check: LimitCheck) -> dict[str, Any]:
    """A check as it is kept with the decision."""
    return {
        "rule": check.rule,
        "basis": check.basis,
        "cap": str(check.cap),
        "used": str(check.used),
        "requested": str(check.requested),
        "passes": check.passes,
    }


def _penalty_rate(annual_rate: Decimal, multiple: Decimal) -> Decimal:
    return min(annual_rate * multiple, Decimal(1))


def _figure(known: Mapping[str, Figure], name: str, on: date) -> Figure:
    if name not in known:
        raise ParameterMissing(name, on)
    return known[name]


def _with_relations(statement: Select[Application]) -> Select[Application]:
    return statement.options(joinedload(Application.party), joinedload(Application.product))
