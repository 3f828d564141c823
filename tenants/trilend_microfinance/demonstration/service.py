"""Fills a demo company in by the very services that its staff would use."""

import re
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.service import SYSTEM, Actor
from trilend.identity.service import add_person
from trilend.jobs.models import Job, JobState
from trilend.jobs.service import run_job, sweep
from trilend.messages.service import recent
from trilend.parameters.service import business_date, set_parameter, start_business_on
from trilend.plugin_host.connections import active_connection
from trilend.signing.models import SignatoryRole
from trilend.signing.service import new_link, send_code, sign_with_code, signatory_by_token
from trilend.tenancy.context import current_tenant
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.applications.service import approve, refuse
from trilend_microfinance.contracts.service import contract_envelope, make_contract
from trilend_microfinance.disbursement.service import order
from trilend_microfinance.end_of_day.service import close_day
from trilend_microfinance.importing.service import import_applications
from trilend_microfinance.repayments.service import order_collection
from trilend_microfinance.servicing.models import Loan, LoanStage
from trilend_microfinance.servicing.service import loan

_WORKBOOK = Path(__file__).parent / "applicants.xlsx"
_STAFF = (("officer", "陈信", "Officer"), ("approver", "周正", "Approver"), ("cashier", "林珊", "Cashier"))
_DAYS_OF_HISTORY = 65
_APPROVED, _CONTRACTED, _PAID_OUT = 14, 10, 8
_CODE = re.compile(r"\b\d{6}\b")


def load_demo(session: Session, world: Any) -> None:
    """Import the sample workbook, lend to some, and live through two months of repayments. Commits as it goes."""
    if session.scalar(select(Loan.id).limit(1)) is not None:
        return
    today = business_date(session)
    start_business_on(session, today - timedelta(days=_DAYS_OF_HISTORY))
    _figures(session, business_date(session), reading_seconds=0)
    actors = {role: _person(session, username, name, role, world.password) for username, name, role in _STAFF}
    import_applications(session, actors["Officer"], _WORKBOOK.read_bytes())
    session.commit()
    loans = _lend(session, actors, world)
    _live(session, today, loans, world)
    _figures(session, today, reading_seconds=15)
    session.commit()


def _person(session: Session, username: str, name: str, role: str, password: str) -> Actor:
    known = session.scalar(select(User).where(User.username == username))
    mail = f"{username}@example.com"
    person = known or add_person(session, username=username, name=name, email=mail, password=password, roles=[role])
    return Actor(name, person.id)


def _figures(session: Session, since: date, *, reading_seconds: int) -> None:
    basis = "上年末经审计净资产"
    set_parameter(
        session,
        SYSTEM,
        name="net_assets",
        value=Decimal(300_000_000),
        unit="CNY",
        effective_from=since,
        legal_basis=basis,
    )
    set_parameter(
        session, SYSTEM, name="reading_seconds", value=Decimal(reading_seconds), unit="seconds", effective_from=since
    )


def _lend(session: Session, actors: dict[str, Actor], world: Any) -> list[int]:
    chosen = session.execute(
        select(Application.id, Application.annual_rate)
        .where(Application.state == ApplicationState.SUBMITTED, Application.annual_rate <= Decimal("0.13"))
        .order_by(Application.id)
        .limit(_APPROVED + 1)
    ).all()
    refuse(session, actors["Approver"], chosen[-1].id, "还款来源不足")
    for application_id, _rate in chosen[:_APPROVED]:
        approve(session, actors["Approver"], application_id, "同意")
    session.commit()
    loans = []
    for application_id, _rate in chosen[:_CONTRACTED]:
        loans.append(make_contract(session, actors["Officer"], application_id).id)
        session.commit()
    paid_out = loans[:_PAID_OUT]
    for loan_id in paid_out:
        party = loan(session, loan_id).party
        world.bank.open_account(party.name, number=party.account_number, bank_name="示范银行")
        _sign_as_borrower(session, loan_id)
    world.bank.set_book_date(business_date(session))
    _finish(session, order(session, actors["Cashier"], paid_out))
    return paid_out


def _sign_as_borrower(session: Session, loan_id: int) -> None:
    envelope = contract_envelope(session, loan_id)
    borrower = next(found for found in envelope.signatories if found.role == SignatoryRole.BORROWER)
    signatory = signatory_by_token(session, new_link(session, SYSTEM, borrower))
    send_code(session, signatory)
    title, mobile = envelope.title, signatory.mobile
    session.commit()
    sign_with_code(session, signatory, _code_sent(title, mobile), {"address": "127.0.0.1", "browser": "demo"})
    session.commit()


def _code_sent(title: str, mobile: str) -> str:
    """The newest code sent to a mobile, once its message has left."""
    for _ in range(100):
        sweep(run_job, tenants=[current_tenant()])
        for message in recent(20):
            found = _CODE.search(message.body.replace(title, ""))
            if message.recipient == mobile and title in message.body and found and "http" not in message.body:
                return found[0]
        time.sleep(0.1)
    raise RuntimeError("the signing code did not arrive")


def _live(session: Session, today: date, loans: list[int], world: Any) -> None:
    """Days pass; all but two borrowers pay on their due dates, and one of these pays late."""
    late, silent = loans[-2], loans[-1]
    account = active_connection(session, "bank").config["account_number"]
    while (day := business_date(session)) < today:
        world.bank.set_book_date(day)
        due = session.scalars(select(Loan).where(Loan.state == LoanStage.ACTIVE, Loan.id.in_(loans), Loan.id != silent))
        paying = [
            (subject.number, loan(session, subject.id).party.account_number, amount)
            for subject in due
            if (amount := _to_pay(subject, wait=9 if subject.id == late else 0))
        ]
        for number, payer, amount in paying:
            payer_balance = Decimal(world.bank.account(payer)["balance"])
            if payer_balance >= amount:
                world.bank.pay_in({"number": payer}, {"number": account}, str(amount), f"还款 {number}", booked_on=day)
        if paying:
            _finish(session, order_collection(session, SYSTEM))
        close_day(session, day)


def _to_pay(subject: Loan, *, wait: int) -> Decimal:
    """What a borrower pays today who pays `wait` days after the due date."""
    return subject.due_total if subject.due_total and subject.days_past_due == wait else Decimal(0)


def _finish(session: Session, job: Job) -> None:
    job_id = job.id
    session.commit()
    for _ in range(600):
        sweep(run_job, tenants=[current_tenant()])
        session.expire_all()
        state = session.get_one(Job, job_id).state
        session.commit()
        if state in (JobState.DONE, JobState.FAILED):
            return
        time.sleep(0.1)
    raise RuntimeError("a job of the demo did not end")
