"""Begins a sign-up, checks its code, and provisions the tenant in a job that survives any crash."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from trilend.db.base import now
from trilend.jobs.forgetting import Holder, declare_holder
from trilend.jobs.models import RegistryJob
from trilend.jobs.service import JobRun, Queue, enqueue, handles
from trilend.messages.service import send
from trilend.signup.errors import TooManySignUpCodes, UnknownSignUp, WrongSignUpCode
from trilend.signup.models import SignUp, SignUpState
from trilend.storage.keys import new_wrapped_key
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.errors import CompanyTaken, SlugTaken
from trilend.tenancy.names import check_slug, normal_uscc
from trilend.tenancy.provisioning import FirstAdministrator, provision
from trilend.tenancy.service import is_company_free, is_slug_free, register_tenant
from trilend.tenancy.spares import REFILL, refill_spares

CODE_MINUTES = 15
MAX_FAILURES = 5
MAX_CODES = 5
_STEPS = 3


@dataclass(frozen=True)
class SignUpData:
    """What the company enters; the form has checked each field by itself."""

    kind: str
    company: str
    uscc: str
    slug: str
    admin_name: str
    admin_username: str
    admin_email: str
    password: str


def begin(session: Session, data: SignUpData) -> SignUp:
    """Record a sign-up and send its code; raises `SlugTaken`, `CompanyTaken`, `InvalidSlug`."""
    slug, uscc = check_slug(data.slug), normal_uscc(data.uscc)
    if not is_slug_free(session, slug):
        raise SlugTaken(slug)
    if not is_company_free(session, uscc):
        raise CompanyTaken(uscc)
    sign_up = SignUp(
        token=secrets.token_urlsafe(32),
        kind=data.kind,
        company=" ".join(data.company.split()),
        uscc=uscc,
        slug=slug,
        admin_name=data.admin_name.strip(),
        admin_username=data.admin_username.strip(),
        admin_email=data.admin_email.strip(),
        password_hash=generate_password_hash(data.password),
        codes_sent=0,
    )
    session.add(sign_up)
    session.flush()
    send_code(session, sign_up)
    return sign_up


def sign_up_by_token(session: Session, token: str) -> SignUp:
    """The sign-up with this token; raises `UnknownSignUp`."""
    found = session.scalar(select(SignUp).where(SignUp.token == token))
    if found is None:
        raise UnknownSignUp
    return found


def send_code(session: Session, sign_up: SignUp) -> None:
    """Send a new code by mail; raises `TooManySignUpCodes`."""
    if sign_up.codes_sent >= MAX_CODES:
        raise TooManySignUpCodes
    code = f"{secrets.randbelow(1_000_000):06d}"
    sign_up.code_digest = _digest(sign_up, code)
    sign_up.code_expires_at = now() + timedelta(minutes=CODE_MINUTES)
    sign_up.codes_sent += 1
    send(
        session,
        channel="mail",
        recipient=sign_up.admin_email,
        subject=gettext("Your Trilend code: %(code)s", code=code),
        body=gettext(
            "Enter the code %(code)s to sign %(company)s up. It is good for %(minutes)d minutes.",
            code=code,
            company=sign_up.company,
            minutes=CODE_MINUTES,
        ),
    )


def confirm(session: Session, sign_up: SignUp, code: str) -> None:
    """Check the code, reserve the names and start provisioning; a second confirmation does nothing.

    Raises `WrongSignUpCode` (the failure is counted: commit all the same), `TooManySignUpCodes`, `SlugTaken`,
    `CompanyTaken` if somebody was faster in the meantime.
    """
    session.refresh(sign_up, with_for_update=True)
    if sign_up.state != SignUpState.CODE:
        return
    if sign_up.code_failures >= MAX_FAILURES:
        raise TooManySignUpCodes
    expired = sign_up.code_expires_at is None or sign_up.code_expires_at < now()
    if expired or not hmac.compare_digest(sign_up.code_digest, _digest(sign_up, code.strip())):
        sign_up.code_failures += 1
        raise WrongSignUpCode
    tenant = register_tenant(
        session,
        slug=sign_up.slug,
        kind=sign_up.kind,
        name=sign_up.company,
        uscc=sign_up.uscc,
        wrapped_key=new_wrapped_key(),
    )
    sign_up.tenant_id, sign_up.state = tenant.id, SignUpState.PROVISIONING
    sign_up.job_id = enqueue(session, "signup.provision", {"sign_up": sign_up.id}).id
    enqueue(session, REFILL, {})


def provisioning_job(session: Session, sign_up: SignUp) -> RegistryJob | None:
    """The job that provisions the tenant of a confirmed sign-up."""
    return session.get(RegistryJob, sign_up.job_id) if sign_up.job_id else None


@handles("signup.provision", label=_l("Setting a company's space up"))
def _provision(run: JobRun) -> None:
    with RegistrySession() as session:
        sign_up = session.get_one(SignUp, run.payload["sign_up"])
        session.expunge(sign_up)
    run.progress(1, _STEPS, note="schema")
    person = FirstAdministrator(
        username=sign_up.admin_username,
        name=sign_up.admin_name,
        email=sign_up.admin_email,
        password_hash=sign_up.password_hash,
    )
    provision(str(sign_up.tenant_id), person)
    run.progress(2, _STEPS, note="door")
    with RegistrySession() as session:
        session.get_one(SignUp, sign_up.id).state = SignUpState.READY
        session.commit()
    run.progress(_STEPS, _STEPS)


@handles(REFILL, label=_l("Preparing spaces for new companies"), queue=Queue.BATCH)
def _refill(run: JobRun) -> dict[str, int]:
    return {"made": refill_spares()}


declare_holder(
    Holder(
        lambda: select(SignUp.job_id).where(SignUp.state == SignUpState.PROVISIONING, SignUp.job_id.is_not(None)),
        of=lambda kind: kind is None,
    )
)


def _digest(sign_up: SignUp, code: str) -> str:
    return sha256(f"{sign_up.token}:{code}".encode()).hexdigest()
