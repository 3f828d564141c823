"""The page "Background work" of a company."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext, ngettext
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from trilend.db.base import now
from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.jobs.dead_letters import discard, failed_jobs, retry
from trilend.jobs.handlers import label_of
from trilend.jobs.models import Job, JobState, Schedule
from trilend.jobs.schedules import daily_time, declared, schedules_of, set_daily_time
from trilend.jobs.watch import look_by
from trilend.tenancy.context import current_tenant, tenant_session

PAGE_SIZE = 20
_AT_WORK = 20
_RECENT = 20


class WorkView(BaseView):  # type: ignore[misc]
    """What the company's background work is doing."""

    route_base = "/work"
    class_permission_name = "Work"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """Running, failed and scheduled work; htmx asks again for the part that moves."""
        session = tenant_session()
        open_jobs = _open_jobs(session)
        if request.headers.get("HX-Request"):
            return render_template("work/running.html", jobs=open_jobs, total=_count_open(session), label_of=label_of)
        number = max(1, request.args.get("page", 1, type=int))
        tenant = current_tenant()
        schedules = [(row, declared(row.name), daily_time(row)) for row in schedules_of(session, tenant, now())]
        session.commit()
        return render_template(
            "work/overview.html",
            jobs=open_jobs,
            total=_count_open(session),
            failed=failed_jobs(tenant, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE),
            failed_total=_count(session, JobState.FAILED),
            page=number,
            page_size=PAGE_SIZE,
            recent=_recent(session),
            schedules=schedules,
            label_of=label_of,
        )

    @page("/failed", permission="edit", methods=("POST",))
    def settle(self) -> Response:
        """Retry or give up what failed: what is marked, or all of it."""
        ids = None if request.form.get("all") else request.form.getlist("job", type=int)
        if ids is not None and not ids:
            flash(gettext("Mark the work first."), "warning")
            return redirect(url_for(".overview"), 303)
        if request.form.get("act") == "discard":
            count = discard(current_tenant(), ids, signed_in_actor(), request.form.get("reason", ""))
            flash(ngettext("%(num)d given up.", "%(num)d given up.", count), "success")
        else:
            count = retry(current_tenant(), ids, signed_in_actor())
            flash(ngettext("%(num)d is tried again.", "%(num)d are tried again.", count), "success")
        return redirect(url_for(".overview"), 303)

    @page("/schedules/<int:schedule_id>", permission="edit", methods=("POST",))
    def schedule(self, schedule_id: int) -> Response:
        """Change when scheduled work runs, or whether it does."""
        session = tenant_session()
        row = session.get(Schedule, schedule_id)
        if row is None:
            abort(404)
        set_daily_time(session, row, request.form.get("time", ""), enabled="enabled" in request.form, at=now())
        session.commit()
        look_by(current_tenant().id, row.next_at)
        flash(gettext("The time is set."), "success")
        return redirect(url_for(".overview"), 303)


def _open_jobs(session: Session) -> list[Job]:
    """What runs, and then what waits, the oldest first."""
    is_open = Job.state.in_((JobState.RUNNING, JobState.QUEUED))
    return list(session.scalars(select(Job).where(is_open).order_by(Job.state.desc(), Job.id).limit(_AT_WORK)))


def _count_open(session: Session) -> int:
    return _count(session, JobState.RUNNING) + _count(session, JobState.QUEUED)


def _count(session: Session, state: JobState) -> int:
    return session.scalar(select(func.count()).select_from(Job).where(Job.state == state)) or 0


def _recent(session: Session) -> list[Job]:
    """What was done last. By id, which the primary key gives for nothing."""
    done = select(Job).where(Job.state == JobState.DONE, Job.name != "messages.send")
    return list(session.scalars(done.order_by(Job.id.desc()).limit(_RECENT)))
