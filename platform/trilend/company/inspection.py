"""The narrow way by which operators of the platform see a company's papers and decide on them.

An operator has no entry to a tenant. Each function here binds the tenant for one purpose, says in the tenant's own audit
log who looked at what, and returns plain values; nothing else of the tenant can be reached through them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import LazyString, force_locale, gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from trilend.audit.service import Actor, record
from trilend.company.errors import PaperDecided
from trilend.company.models import CompanyPaper, PaperState
from trilend.company.papers import index_papers, paper_file, paper_kind, paper_of, paper_statuses, today_in_china
from trilend.db.base import now
from trilend.errors import TrilendError
from trilend.identity.seeds import ADMINISTRATOR
from trilend.messages.service import send
from trilend.tenancy.context import BoundTenant, RegistrySession, bookkeeping, bound, tenant_session
from trilend.tenancy.lifecycle.errors import PapersMissing, ReasonNeeded, SecondPersonNeeded
from trilend.tenancy.lifecycle.labels import event_label
from trilend.tenancy.lifecycle.moves import VERIFY, Move
from trilend.tenancy.lifecycle.service import By, log_event, make_move
from trilend.tenancy.models import Tenant
from trilend.tenancy.plans.service import people_used, storage_used
from trilend.tenancy.service import tenant_by_id

log = structlog.get_logger(__name__)

_SUBJECT = "company_paper"


@dataclass(frozen=True)
class Comparison:
    """One fact on the paper beside what the registry knows; `equal` None where there is nothing to compare with."""

    label: str | LazyString
    entered: str
    expected: str
    equal: bool | None
    is_date: bool = False


@dataclass(frozen=True)
class Inspection:
    """A paper as an operator reads it."""

    id: int
    kind: str
    label: str | LazyString
    state: str
    media_type: str
    file_name: str
    submitter: str
    submitted_at: datetime
    comparisons: Sequence[Comparison]
    decider: str
    decided_at: datetime | None
    reason: str


def inspect_paper(tenant_id: str, kind_name: str, by: By) -> Inspection | None:
    """The newest paper of a kind with what was entered, or None; the look at the facts is logged with the tenant."""
    with _entered(tenant_id) as (tenant, session):
        status = next((each for each in paper_statuses(session) if each.kind.name == kind_name), None)
        paper = status.newest if status else None
        if paper is None:
            return None
        _log(session, by, "company.paper_inspected", paper)
        session.commit()
        return _inspection(tenant, paper)


def inspected_file(tenant_id: str, paper_id: int, by: By) -> tuple[str, bytes]:
    """Media type and bytes of a paper; the look is logged before they are given out."""
    with _entered(tenant_id) as (_, session):
        paper, content = paper_file(session, paper_id)
        _log(session, by, "company.paper_inspected", paper)
        found = paper.media_type, content
        session.commit()
        return found


def accept_paper(tenant_id: str, paper_id: int, by: By) -> None:
    """Accept a paper: it is in force, and the one before it no longer; raises `PaperDecided`."""
    with _entered(tenant_id) as (tenant, session):
        paper = _waiting(session, paper_id)
        for earlier in session.scalars(
            select(CompanyPaper).where(CompanyPaper.kind == paper.kind, CompanyPaper.state == PaperState.ACCEPTED)
        ):
            earlier.state = PaperState.REPLACED
        _decide(session, paper, PaperState.ACCEPTED, by, "")
        session.commit()
        index_papers(session, tenant)
        _tell_registry(tenant, "paper_accepted", by, paper.kind, "")


def reject_paper(tenant_id: str, paper_id: int, by: By, reason: str) -> None:
    """Send a paper back with a reason that the company reads; raises `ReasonNeeded`, `PaperDecided`."""
    reason = " ".join(reason.split())
    if not reason:
        raise ReasonNeeded
    with _entered(tenant_id) as (tenant, session):
        paper = _waiting(session, paper_id)
        _decide(session, paper, PaperState.REJECTED, by, reason)
        label = paper_kind(paper.kind).label
        session.commit()
        index_papers(session, tenant)
        _tell_registry(tenant, "paper_rejected", by, paper.kind, reason)
        with force_locale("zh_Hans"):
            mail_administrators(
                session,
                tenant,
                gettext("A paper of your company was sent back"),
                gettext(
                    "%(paper)s: %(reason)s Send it again at %(url)s", paper=label, reason=reason, url=papers_url(tenant)
                ),
            )


def move_company(tenant_id: str, move: Move, by: By, reason: str = "") -> Tenant:
    """Make a move by hand and mail the company's administrators what it means and why.

    Raises what `make_move` raises, and for a verification `PapersMissing` and `SecondPersonNeeded`.
    """
    if move is VERIFY:
        _check_papers(tenant_id, by)
    with RegistrySession() as registry:
        tenant = make_move(registry, tenant_id, move, by, reason=reason)
        registry.commit()
        registry.refresh(tenant)
        registry.expunge(tenant)
    _mail_about(tenant_id, move, " ".join(reason.split()))
    return tenant


def _check_papers(tenant_id: str, by: By) -> None:
    with _entered(tenant_id) as (_, session):
        statuses = paper_statuses(session)
        lacking = [status.kind.label for status in statuses if not status.counts]
        deciders = {status.in_force.decided_by for status in statuses if status.in_force}
    if lacking:
        raise PapersMissing(lacking)
    if by.operator_id in deciders:
        raise SecondPersonNeeded


def _mail_about(tenant_id: str, move: Move, reason: str) -> None:
    """Where the space cannot be read now nobody is mailed; the move stands, and the log tells of it."""
    tenant = tenant_by_id(tenant_id)
    try:
        with bound(tenant), force_locale("zh_Hans"):
            body = " ".join(str(part) for part in (move.consequence, reason, papers_url(tenant)) if part)
            mail_administrators(tenant_session(), tenant, str(event_label(move.name)), body)
    except (TrilendError, SQLAlchemyError):
        log.exception("company not told of a move", tenant=tenant_id)


def use_of_space(tenant_id: str) -> tuple[int, int]:
    """How many people may sign in and how many bytes of files there are: two figures, nothing of the business."""
    with bound(tenant_by_id(tenant_id)):
        session = tenant_session()
        return people_used(session), storage_used(session)


def mail_administrators(session: Session, tenant: BoundTenant, subject: str, body: str) -> None:
    """Queue a mail to the active administrators of the bound tenant; it goes by the registry, whatever the door says."""
    addresses = session.scalars(
        select(User.email).join(User.roles).where(Role.name == ADMINISTRATOR, User.active.is_(True), User.email != "")
    ).all()
    with RegistrySession() as registry:
        for address in addresses:
            send(registry, channel="mail", recipient=address, subject=f"{tenant.name}：{subject}", body=body)
        registry.commit()


def papers_url(tenant: BoundTenant) -> str:
    """Where a company's people find its papers."""
    return f"{tenant.url}/company/"


@contextmanager
def _entered(tenant_id: str) -> Iterator[tuple[BoundTenant, Session]]:
    tenant = tenant_by_id(tenant_id)
    with bound(tenant), bookkeeping():
        yield tenant, tenant_session()


def _log(session: Session, by: By, act: str, paper: CompanyPaper, reason: str = "") -> None:
    actor = Actor(str(_l("Operator %(name)s", name=by.name))[:100])
    record(session, actor, act, _SUBJECT, paper.id, reason=reason, kind=paper.kind)


def _waiting(session: Session, paper_id: int) -> CompanyPaper:
    paper = paper_of(session, paper_id)
    session.refresh(paper, with_for_update=True)
    if paper.state != PaperState.SUBMITTED:
        raise PaperDecided
    return paper


def _decide(session: Session, paper: CompanyPaper, state: PaperState, by: By, reason: str) -> None:
    paper.state, paper.reason = state, reason[:500]
    paper.decided_by, paper.decider, paper.decided_at = by.operator_id, by.name, now()
    _log(session, by, f"company.paper_{state}", paper, paper.reason)


def _tell_registry(tenant: BoundTenant, act: str, by: By, kind: str, reason: str) -> None:
    with RegistrySession() as registry:
        log_event(registry, tenant.id, act, by, reason=reason, kind=kind)
        registry.commit()


def _inspection(tenant: BoundTenant, paper: CompanyPaper) -> Inspection:
    return Inspection(
        id=paper.id,
        kind=paper.kind,
        label=paper_kind(paper.kind).label,
        state=str(paper.state),
        media_type=paper.media_type,
        file_name=paper.file_name,
        submitter=paper.submitter,
        submitted_at=paper.created_at,
        comparisons=_comparisons(tenant, paper),
        decider=paper.decider,
        decided_at=paper.decided_at,
        reason=paper.reason,
    )


def _comparisons(tenant: BoundTenant, paper: CompanyPaper) -> Sequence[Comparison]:
    kind = paper_kind(paper.kind)
    holder, number = str(paper.facts["holder"]), str(paper.facts["number"])
    company = tenant.name if "company" in kind.checks else ""
    uscc = tenant.uscc if "uscc" in kind.checks else ""
    found = [
        Comparison(kind.holder, holder, company, _plain(holder) == _plain(company) if company else None),
        Comparison(kind.number, number, uscc, number == uscc if uscc else None),
    ]
    if kind.runs_out:
        found.append(Comparison(_l("Valid from"), _day(paper.valid_from), "", None))
        found.append(_end(paper.valid_until))
    return found


def _end(valid_until: date | None) -> Comparison:
    shown = _day(valid_until) if valid_until else str(_l("No end"))
    in_force = valid_until is None or valid_until >= today_in_china()
    return Comparison(_l("Valid until"), shown, "", in_force, is_date=True)


def _day(day: date | None) -> str:
    return day.isoformat() if day else "—"


def _plain(name: str) -> str:
    """A name without what printers write in one way or the other: blanks, and brackets of either width."""
    return "".join(name.split()).replace("（", "(").replace("）", ")")
