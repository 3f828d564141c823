"""A microfinance company ready to lend, and the steps of a loan, each done by the service its staff would use."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session
from tests.numbers import new_card, new_mobile, new_resident_id

import trilend_microfinance.demonstration
from trilend.audit.service import SYSTEM, Actor
from trilend.embedded.demo import connect_bank, connect_seal
from trilend.identity.service import add_person
from trilend.jobs.models import Job, JobState
from trilend.jobs.service import run_job, sweep
from trilend.messages.service import recent
from trilend.parameters.service import business_date, set_parameter
from trilend.parties.models import Party, PartyKind
from trilend.parties.service import PartyData, add_party
from trilend.signing.models import SignatoryRole
from trilend.signing.service import new_link, send_code, sign_with_code, signatory_by_token
from trilend.tenancy.context import BoundTenant, current_tenant
from trilend_microfinance.applications.models import Application
from trilend_microfinance.applications.service import ApplicationData, approve, submit
from trilend_microfinance.contracts.service import contract_envelope, make_contract
from trilend_microfinance.disbursement.service import order
from trilend_microfinance.importing.service import ImportOutcome, import_applications
from trilend_microfinance.products.service import default_products
from trilend_microfinance.servicing.service import loan
from trilend_sandbox.bank.admin_client import BankAdmin
from trilend_sandbox.bank.process import BankProcess

SAMPLE_WORKBOOK = Path(trilend_microfinance.demonstration.__file__).with_name("applicants.xlsx")
STAFF_PASSWORD = "correct horse battery"
_CODE = re.compile(r"\b\d{6}\b")


@dataclass(frozen=True)
class Lender:
    """A company with a seal, an account at the sandbox bank, and one member of staff for each step."""

    tenant: BoundTenant
    bank: BankAdmin
    account: str
    officer: Actor
    approver: Actor
    cashier: Actor

    def balance(self) -> Decimal:
        """What the company has at the bank (yuan)."""
        return Decimal(self.bank.account(self.account)["balance"])

    def money_sent(self, key: str) -> int:
        """How often the bank has moved money out of the company's account under this idempotency key."""
        settled = [found for found in self.bank.transfers(key) if found["status"] == "settled"]
        return len(settled)


def open_lender(
    session: Session, tenant: BoundTenant, bank: BankProcess, *, balance: str = "100000000.00", reading_seconds: int = 0
) -> Lender:
    """Equip the bound company to lend: seal, bank, staff, net assets of 300 million, no time to read. Commits."""
    connect_seal(session, tenant)
    account = connect_bank(session, tenant, bank.admin, base_url=bank.base_url, ca_pem=bank.ca_pem, balance=balance)
    since = business_date(session)
    set_parameter(
        session,
        SYSTEM,
        name="net_assets",
        value=Decimal(300_000_000),
        unit="CNY",
        effective_from=since,
        legal_basis="审计报告",
    )
    set_parameter(
        session, SYSTEM, name="reading_seconds", value=Decimal(reading_seconds), unit="seconds", effective_from=since
    )
    officer, approver, cashier = (
        add_staff(session, username, name, role)
        for username, name, role in (
            ("officer", "陈信", "Officer"),
            ("approver", "周正", "Approver"),
            ("cashier", "林珊", "Cashier"),
        )
    )
    session.commit()
    return Lender(tenant, bank.admin, account, officer, approver, cashier)


def add_staff(session: Session, username: str, name: str, role: str) -> Actor:
    """A member of staff with one role; the password is `STAFF_PASSWORD`."""
    mail = f"{username}@example.com"
    person = add_person(session, username=username, name=name, email=mail, password=STAFF_PASSWORD, roles=[role])
    return Actor(name, person.id)


def import_sample(session: Session, lender: Lender) -> ImportOutcome:
    """Import the sample workbook. Commits."""
    outcome = import_applications(session, lender.officer, SAMPLE_WORKBOOK.read_bytes())
    session.commit()
    return outcome


def new_borrower(session: Session, lender: Lender, name: str = "张三") -> Party:
    """A person with an account of the same name at the sandbox bank. Commits."""
    number = new_card()
    lender.bank.open_account(name, balance="20000.00", number=number, bank_name="示范银行")
    data = PartyData(PartyKind.PERSON, name, new_resident_id(), new_mobile(), number, "示范银行")
    party = add_party(session, lender.officer, data, on=business_date(session))
    session.commit()
    return party


def new_application(
    session: Session,
    lender: Lender,
    party: Party,
    *,
    amount: Decimal = Decimal("120000.00"),
    periods: int = 12,
    annual_rate: Decimal = Decimal("0.12"),
    method: str = "annuity",
    applied_on: date | None = None,
) -> Application:
    """An application entered by the officer. Commits."""
    data = ApplicationData(
        party_id=party.id,
        product=default_products(session)[method],
        amount=amount,
        periods=periods,
        annual_rate=annual_rate,
        purpose="经营周转",
        applied_on=applied_on or business_date(session),
    )
    application = submit(session, lender.officer, data)
    session.commit()
    return application


def contract(session: Session, lender: Lender, application_id: int) -> int:
    """Approve an application and make its contract, sealed by the company; returns the loan's id. Commits."""
    approve(session, lender.approver, application_id, "同意")
    loan_id = make_contract(session, lender.officer, application_id).id
    session.commit()
    return loan_id


def sign_as_borrower(session: Session, loan_id: int) -> None:
    """Sign a loan's contract with a new link and the code that is sent to the borrower's mobile. Commits."""
    envelope = contract_envelope(session, loan_id)
    borrower = next(found for found in envelope.signatories if found.role == SignatoryRole.BORROWER)
    signatory = signatory_by_token(session, new_link(session, SYSTEM, borrower))
    send_code(session, signatory)
    title, mobile = envelope.title, signatory.mobile
    session.commit()
    sign_with_code(session, signatory, code_sent(title, mobile), {"address": "127.0.0.1", "browser": "test"})
    session.commit()


def code_sent(title: str, mobile: str) -> str:
    """The newest signing code in the outbox for a contract and a mobile, once its message has left."""
    for _ in range(100):
        sweep(run_job, tenants=[current_tenant()])
        for message in recent(20):
            found = _CODE.search(message.body.replace(title, ""))
            if message.recipient == mobile and title in message.body and found and "http" not in message.body:
                return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no code for {title} was sent to {mobile}")


def signed_loan(session: Session, lender: Lender, *, name: str = "张三", **terms: Any) -> int:
    """A loan of a new borrower whose contract all have signed; returns its id. Commits."""
    party = new_borrower(session, lender, name)
    loan_id = contract(session, lender, new_application(session, lender, party, **terms).id)
    sign_as_borrower(session, loan_id)
    return loan_id


def disburse(session: Session, lender: Lender, loan_ids: Sequence[int]) -> Job:
    """Order the transfers of signed loans; the job is sent to the workers. Commits."""
    job = order(session, lender.cashier, loan_ids)
    session.commit()
    return job


def finish(session: Session, job: Job, *, patience: float = 60.0) -> JobState:
    """Do the waiting jobs of the bound company here and now until this one is done or failed; returns how it ended."""
    return wait_for(session, job.id, patience=patience, meanwhile=lambda: sweep(run_job, tenants=[current_tenant()]))


def wait_for(session: Session, job_id: int, *, patience: float = 60.0, meanwhile: Any = lambda: None) -> JobState:
    """Wait until a job is done or failed; returns which."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        meanwhile()
        session.expire_all()
        found = session.get_one(Job, job_id)
        state, note = found.state, found.note
        session.commit()
        if state in (JobState.DONE, JobState.FAILED):
            return JobState(state)
        time.sleep(0.05)
    raise AssertionError(f"job {job_id} is still {state} after {patience:.0f} s: {note}")


def active_loan(session: Session, lender: Lender, **terms: Any) -> int:
    """A loan that has been paid out on today's business date; returns its id. Commits."""
    loan_id = signed_loan(session, lender, **terms)
    if finish(session, disburse(session, lender, [loan_id])) != JobState.DONE:
        raise AssertionError(f"{loan(session, loan_id).number} was not paid out")
    return loan_id


def repay(session: Session, lender: Lender, loan_id: int, amount: str, booked_on: date | None = None) -> None:
    """The borrower transfers money to the company's account, naming the loan."""
    subject = loan(session, loan_id)
    payer, remark = {"number": subject.party.account_number}, f"还款 {subject.number}"
    lender.bank.pay_in(payer, {"number": lender.account}, amount, remark, booked_on=booked_on)
