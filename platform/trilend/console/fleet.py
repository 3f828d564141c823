"""The console's page of migrations: where the companies are, what runs, who was left behind, and trying again."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from trilend.jobs.models import JobState, RegistryJob
from trilend.jobs.rounds import Round, declare_round
from trilend.jobs.service import JobRun, Policy, Queue, enqueue, handles
from trilend.kinds import kinds
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration import overview
from trilend.tenancy.migration.fleet import FleetReport, migrate_fleet
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.migration.verification import verify_fleet
from trilend.tenancy.models import Tenant
from trilend.tenancy.spares import REFILL, spares_ready, spares_wanted

blueprint = Blueprint("fleet", __name__, url_prefix="/migrations")
MOVE, CATCH_UP = "fleet.move", "fleet.catch_up"
_PATIENT = Policy(limit_seconds=12 * 3600.0)
_OPEN = (JobState.QUEUED, JobState.RUNNING)

# Late comers are moved and spares made; while nothing is missing nothing is begun.
declare_round(Round(CATCH_UP, "* * * * *", overview.has_stragglers))
declare_round(Round(REFILL, "* * * * *", spares_wanted))


@blueprint.get("")
def page() -> str:
    """Where the fleet is."""
    return render_template("console/fleet.html", **_state())


@blueprint.get("/state")
def state() -> str:
    """The moving part of the page."""
    return render_template("console/fleet_state.html", **_state())


@blueprint.post("/retry")
def retry_all() -> Response:
    """Have everybody moved who is not there yet."""
    return _enqueue([], gettext("All companies that are not there yet are being moved."))


@blueprint.post("/retry/<slug>")
def retry(slug: str) -> Response:
    """Have one company moved, and compared with a fresh one."""
    with RegistrySession() as registry:
        known = registry.scalar(select(Tenant.name).where(Tenant.slug == slug))
    if known is None:
        return redirect(url_for(".page"))
    return _enqueue([slug], gettext("%(company)s is being tried again.", company=known))


@handles(MOVE, label=_l("Companies brought to this release"), queue=Queue.BATCH, policy=_PATIENT)
def _move(run: JobRun) -> dict[str, Any]:
    """Move companies; one that was named is compared with a fresh one after, which takes the mark of a difference away."""
    slugs = run.payload["slugs"]
    report = migrate_fleet(slugs=slugs, progress=lambda report: _show(run, report))
    if slugs:
        verify_fleet(slugs)
    return {"done": report.done, "failed": len(report.failed)}


@handles(CATCH_UP, label=_l("Late comers brought to this release"), queue=Queue.BATCH, policy=_PATIENT)
def _catch_up(run: JobRun) -> dict[str, Any]:
    """Move those who came too late for the run that moved the others."""
    return {"done": migrate_fleet(retry_faulty=False, progress=lambda report: _show(run, report)).done}


def _enqueue(slugs: list[str], message: str) -> Response:
    with RegistrySession() as registry:
        enqueue(registry, MOVE, {"slugs": slugs})
        registry.commit()
    flash(message, "success")
    return redirect(url_for(".page"))


def _show(run: JobRun, report: FleetReport) -> None:
    run.progress(report.done, report.total)


def _is_waiting(registry: Session, job: str) -> bool:
    waiting = select(func.count()).where(RegistryJob.name == job, RegistryJob.state.in_(_OPEN))
    return bool(registry.scalar(waiting))


def _state() -> dict[str, Any]:
    with RegistrySession() as registry:
        runs = [(run, overview.standing_of(run)) for run in overview.recent_runs(registry)]
        trying = _is_waiting(registry, MOVE) or _is_waiting(registry, CATCH_UP)
        spread = overview.spread(registry)
        shown = {
            "runs": runs,
            "moving": trying or any(standing == "running" for _, standing in runs),
            "spread": spread,
            "faulty": [(tenant, overview.differs(tenant)) for tenant in overview.faulty(registry)],
            "halted": overview.halted_kinds(registry),
            "waiting": sum(overview.waiting(registry).values()),
            "current": sum(each.tenants for each in spread if each.standing == "current"),
            "companies": sum(each.tenants for each in spread),
            "spares": sum(spares_ready(registry).values()),
            "kinds": kinds(),
            "targets": targets(),
        }
        registry.expunge_all()
    return shown
