"""Checks a tenant's whole log: its chain, its anchors, and both copies of them against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.models import AuditAnchor, AuditCheck, AuditLink
from trilend.audit.verification import ChainReport, Problem, ProblemKind, Progress, verify_chain
from trilend.auditing.anchors import (
    Anchor,
    adopt_anchors,
    fault_of,
    is_of_another_installation,
    registry_anchors,
)
from trilend.db.base import now
from trilend.tenancy.context import current_tenant

_WHOLE_EVERY = timedelta(days=7)


@dataclass(frozen=True)
class Verdict:
    """What a check found: the chain's report with the first problem of all, and the newest sound anchor."""

    chain: ChainReport
    anchor: Anchor | None

    @property
    def problem(self) -> Problem | None:
        """The first thing that is wrong, if any."""
        return self.chain.problem


def check_log(session: Session, *, whole: bool = True, progress: Progress = lambda done, total: None) -> Verdict:
    """Check the bound tenant's log and keep the outcome; what is not whole goes on from the newest anchor.

    The registry's anchors are what the chain is held against: the tenant's copies lie where the chain lies.
    """
    tenant = current_tenant()
    anchors = registry_anchors(tenant.id) or adopt_anchors(session)
    after = 0 if whole or not anchors else anchors[-1].number
    report = verify_chain(session, after=after, progress=progress)
    problem = _first(
        report.problem, *(_against(session, report, anchors if whole else anchors[-1:])), _copies(session, anchors)
    )
    verdict = Verdict(ChainReport(after, report.end, problem), anchors[-1] if anchors else None)
    _keep(session, verdict)
    return verdict


def whole_check_is_due(session: Session) -> bool:
    """Whether the last check from the beginning is a week old."""
    last = session.scalar(
        select(AuditCheck.created_at).where(AuditCheck.from_number == 0).order_by(AuditCheck.id.desc()).limit(1)
    )
    return last is None or last < now() - _WHOLE_EVERY


def last_check(session: Session) -> AuditCheck | None:
    """The newest check; one that found something stays the newest until a later one finds nothing."""
    return session.scalar(select(AuditCheck).order_by(AuditCheck.id.desc()).limit(1))


def _against(session: Session, report: ChainReport, anchors: Sequence[Anchor]) -> list[Problem | None]:
    tenant = current_tenant()
    numbers = [anchor.number for anchor in anchors]
    found = session.execute(select(AuditLink.number, AuditLink.hash).where(AuditLink.number.in_(numbers)))
    hashes = {row.number: bytes(row.hash) for row in found}
    sound = 0
    for anchor in anchors:
        fault = fault_of(anchor, tenant)
        if fault:
            return [Problem(ProblemKind.ANCHOR, anchor.number, f"the registry's anchor is not sound: {fault}")]
        when = f"the anchor of {anchor.signed_at:%Y-%m-%d}"
        if anchor.number > report.end:
            why = f"the chain ends at no. {report.end}, {when} has no. {anchor.number}"
            return [Problem(ProblemKind.TRUNCATED, report.end + 1, why)]
        if hashes.get(anchor.number) != bytes(anchor.hash):
            why = f"the chain up to no. {anchor.number} is another one than {when} signed"
            return [Problem(ProblemKind.REWRITTEN, sound + 1, why)]
        sound = anchor.number
    return []


def _copies(session: Session, anchors: Sequence[Anchor]) -> Problem | None:
    """Every anchor in the tenant's schema must be one of the registry's, or have come along from elsewhere."""
    known = {(anchor.number, anchor.method, bytes(anchor.signature)) for anchor in anchors}
    for row in session.scalars(select(AuditAnchor).order_by(AuditAnchor.number)):
        found = (row.number, row.method, bytes(row.signature))
        if found not in known and not is_of_another_installation(Anchor.of(row)):
            return Problem(ProblemKind.ANCHOR, row.number, "the company's anchor is not one of the registry's")
    session.rollback()
    return None


def _first(*problems: Problem | None) -> Problem | None:
    found = [problem for problem in problems if problem is not None]
    return min(found, key=lambda problem: problem.number) if found else None


def _keep(session: Session, verdict: Verdict) -> None:
    problem = verdict.problem
    session.add(
        AuditCheck(
            from_number=verdict.chain.checked_from,
            to_number=verdict.chain.end,
            problem=problem.kind if problem else "",
            problem_number=problem.number if problem else 0,
        )
    )
    session.commit()
