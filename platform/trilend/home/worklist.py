"""What waits for the person signed in: items of the kind and of all companies, counted in one statement."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import url_for
from flask_babel import ngettext
from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session

from trilend.company.models import CompanyPaper, PaperState
from trilend.db.base import now
from trilend.jobs.models import Job, JobState
from trilend.kinds import Permission, TenantKind, WorkItem
from trilend.plugin_host.models import Connection, ConnectionState

_PAPERS_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Waiting:
    """A line of the work list: how many wait, how many of them too long, and where they are seen to."""

    name: str
    words: str
    icon: str
    url: str
    count: int
    overdue: int


def waiting_for(session: Session, user_id: int, kind: TenantKind, held: Collection[Permission]) -> Sequence[Waiting]:
    """What waits for a person, what has waited too long first; one statement."""
    items = [item for item in (*kind.work(), *_SHARED) if item.permission in held]
    if not items:
        return []
    counts: list[object] = []
    for item in items:
        counts.append(item.count(user_id).scalar_subquery().label(item.name))
        late = item.overdue(user_id).scalar_subquery() if item.overdue else literal(0)
        counts.append(late.label(f"{item.name}_late"))
    row = session.execute(select(*counts)).one()._mapping  # type: ignore[call-overload]
    lines = [_line(item, int(row[item.name]), int(row[f"{item.name}_late"])) for item in items if row[item.name]]
    return sorted(lines, key=lambda line: line.overdue == 0)


def _line(item: WorkItem, count: int, overdue: int) -> Waiting:
    url = url_for(item.endpoint, **dict[str, Any](item.arguments))
    return Waiting(item.name, str(item.words(count)), item.icon, url, count, overdue)


def _failed_jobs(_user_id: int) -> Select[int]:
    return select(func.count(Job.id)).where(Job.state == JobState.FAILED)


def _failed_late(user_id: int) -> Select[int]:
    return _failed_jobs(user_id).where(Job.finished_at < now() - timedelta(days=1))


def _papers(_user_id: int) -> Select[int]:
    """The newest papers of each kind that were sent back, or run out soon."""
    ending = (CompanyPaper.state == PaperState.ACCEPTED) & (CompanyPaper.valid_until < (now() + _PAPERS_WITHIN).date())
    return select(func.count(CompanyPaper.id)).where(
        CompanyPaper.id.in_(select(func.max(CompanyPaper.id)).group_by(CompanyPaper.kind)),
        (CompanyPaper.state == PaperState.REJECTED) | ending,
    )


def _papers_late(user_id: int) -> Select[int]:
    return _papers(user_id).where(
        (CompanyPaper.state == PaperState.REJECTED) | (CompanyPaper.valid_until < now().date())
    )


def _broken(_user_id: int) -> Select[int]:
    """Connections that were tested, and do not work."""
    return select(func.count(Connection.id)).where(
        Connection.state == ConnectionState.DRAFT, Connection.checked_at.is_not(None)
    )


_SHARED = (
    WorkItem(
        "jobs",
        lambda count: ngettext("%(num)d failed job in the background", "%(num)d failed jobs in the background", count),
        "clock",
        ("can_list", "Work"),
        "WorkView.overview",
        _failed_jobs,
        _failed_late,
    ),
    WorkItem(
        "papers",
        lambda count: ngettext("%(num)d company paper to renew", "%(num)d company papers to renew", count),
        "building",
        ("can_edit", "Company"),
        "CompanyView.overview",
        _papers,
        _papers_late,
    ),
    WorkItem(
        "connections",
        lambda count: ngettext("%(num)d connection that does not work", "%(num)d connections that do not work", count),
        "plug",
        ("can_edit", "Connections"),
        "ConnectionsView.overview",
        _broken,
    ),
)
