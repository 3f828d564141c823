"""Daily and hourly work on companies: reminds of papers that run out, and looks after domains."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import structlog
from flask_babel import force_locale, gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from trilend.company.inspection import mail_administrators, papers_url
from trilend.company.models import PaperIndex, PaperState
from trilend.company.papers import EXPIRING_DAYS, index_papers, paper_kind, today_in_china
from trilend.errors import TrilendError
from trilend.jobs.rounds import Round, declare_round
from trilend.jobs.service import JobRun, Queue, handles
from trilend.tenancy.context import BoundTenant, RegistrySession, bound, tenant_session
from trilend.tenancy.domains.service import check_domain, domains_due
from trilend.tenancy.lifecycle.service import PLATFORM, log_event
from trilend.tenancy.service import tenant_by_id

log = structlog.get_logger(__name__)

WATCH_PAPERS, CHECK_DOMAINS = "company.watch_papers", "company.check_domains"
THRESHOLDS = (60, 30, 7, 0)


declare_round(Round(WATCH_PAPERS, "30 8 * * *"))
declare_round(Round(CHECK_DOMAINS, "*/10 * * * *", lambda registry: bool(domains_due(registry))))


@handles(WATCH_PAPERS, label=_l("Reminders of papers that run out"), queue=Queue.BATCH)
def watch_papers(run: JobRun) -> dict[str, Any]:
    """Remind, once at each threshold, of the papers that run out; a second run on the same day sends nothing."""
    today = today_in_china()
    reminded = 0
    for tenant_id, papers in _running_out(today).items():
        try:
            reminded += _remind(tenant_by_id(tenant_id), papers, today)
        except (TrilendError, SQLAlchemyError):
            # A company that cannot be read now keeps nobody else from being reminded; it is tomorrow's.
            log.exception("company not reminded", tenant=tenant_id)
    return {"reminded": reminded}


@handles(CHECK_DOMAINS, label=_l("Check of domains"), queue=Queue.BATCH)
def check_domains(run: JobRun) -> dict[str, Any]:
    """Look for the records of all domains that are due; one name server that is slow costs its own domains only."""
    with RegistrySession() as registry:
        due = domains_due(registry)
    for number, (tenant_id, domain_id) in enumerate(due, start=1):
        with RegistrySession() as registry:
            check_domain(registry, tenant_id, domain_id)
        run.progress(number, len(due))
    return {"checked": len(due)}


def threshold_of(valid_until: date, today: date) -> int:
    """The last threshold, in days before the end, that has been reached."""
    left = (valid_until - today).days
    return min(threshold for threshold in THRESHOLDS if left <= threshold) if left >= 0 else 0


def _running_out(today: date) -> dict[str, list[tuple[str, date]]]:
    found: dict[str, list[tuple[str, date]]] = {}
    soon = today + timedelta(days=EXPIRING_DAYS)
    with RegistrySession() as registry:
        rows = registry.execute(
            select(PaperIndex.tenant_id, PaperIndex.kind, PaperIndex.valid_until, PaperIndex.reminded_days)
            .where(PaperIndex.state != PaperState.SUBMITTED, PaperIndex.valid_until <= soon)
            .order_by(PaperIndex.tenant_id, PaperIndex.kind)
        ).all()
    for row in rows:
        threshold = threshold_of(row.valid_until, today)
        if row.reminded_days is None or row.reminded_days > threshold:
            found.setdefault(row.tenant_id, []).append((row.kind, row.valid_until))
    return found


def _remind(tenant: BoundTenant, papers: Sequence[tuple[str, date]], today: date) -> int:
    with bound(tenant), force_locale("zh_Hans"):
        session = tenant_session()
        index_papers(session, tenant)
        for kind_name, valid_until in papers:
            label = paper_kind(kind_name).label
            mail_administrators(
                session,
                tenant,
                gettext("A paper of your company runs out"),
                gettext(
                    "%(paper)s is valid until %(day)s. Send the new one at %(url)s",
                    paper=label,
                    day=valid_until.isoformat(),
                    url=papers_url(tenant),
                ),
            )
            _mark(tenant.id, kind_name, valid_until, today)
    return len(papers)


def _mark(tenant_id: str, kind_name: str, valid_until: date, today: date) -> None:
    with RegistrySession() as registry:
        registry.execute(
            update(PaperIndex)
            .where(PaperIndex.tenant_id == tenant_id, PaperIndex.kind == kind_name)
            .values(reminded_days=threshold_of(valid_until, today))
        )
        log_event(registry, tenant_id, "paper_expiring", PLATFORM, kind=kind_name, valid_until=valid_until.isoformat())
        registry.commit()
