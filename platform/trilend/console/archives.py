"""Pages of the console on a company as a whole: where it lives, earlier states, its closing, and what was done."""

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from trilend.archives.closing import announce_closing, take_back_closing
from trilend.archives.labels import act_name, stage_badge
from trilend.archives.models import Act, Stage
from trilend.archives.passages import passages_of
from trilend.archives.requests import MOVE, RESTORE, request_move, request_restore
from trilend.archives.restoring import open_copy
from trilend.config import settings
from trilend.console.views import blueprint
from trilend.jobs.models import JobState, RegistryJob
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.errors import UnknownTenant
from trilend.tenancy.models import Tenant
from trilend.tenancy.servers import servers
from trilend.tenancy.service import forget_tenants


@blueprint.get("/companies/<tenant_id>/whole")
def whole(tenant_id: str) -> str:
    """Move, bring back, close: what can be done to a company as a whole."""
    return _page(tenant_id, "console/whole.html")


@blueprint.get("/companies/<tenant_id>/whole/done")
def whole_done(tenant_id: str) -> str:
    """What was done and is being done, for the page that asks while something is at work."""
    return _page(tenant_id, "console/whole_done.html")


@blueprint.post("/companies/<tenant_id>/whole/server")
def move_to_server(tenant_id: str) -> Response:
    """Have a worker move the company."""
    with RegistrySession() as registry:
        request_move(registry, tenant_id, request.form.get("server", ""), actor=g.operator.name)
        registry.commit()
    return _told(tenant_id, gettext("The company is being moved."))


@blueprint.post("/companies/<tenant_id>/whole/restore")
def bring_back(tenant_id: str) -> Response:
    """Have a worker bring an earlier state back."""
    form = request.form
    with RegistrySession() as registry:
        request_restore(registry, tenant_id, form.get("server", ""), form.get("slug", ""), actor=g.operator.name)
        registry.commit()
    return _told(tenant_id, gettext("The earlier state is being brought back."))


@blueprint.post("/companies/<tenant_id>/whole/open")
def open_earlier_state(tenant_id: str) -> Response:
    """Let people work in an earlier state."""
    open_copy(tenant_id, actor=g.operator.name)
    forget_tenants()
    return _told(tenant_id, gettext("People can work in this earlier state now."))


@blueprint.post("/companies/<tenant_id>/whole/close")
def announce(tenant_id: str) -> Response:
    """Announce that the company is closed."""
    announce_closing(tenant_id, actor=g.operator.name)
    forget_tenants()
    return _told(tenant_id, gettext("The closing is announced. The company can only be read from now on."))


@blueprint.post("/companies/<tenant_id>/whole/keep")
def take_back(tenant_id: str) -> Response:
    """Take an announced closing back."""
    take_back_closing(tenant_id, actor=g.operator.name)
    forget_tenants()
    return _told(tenant_id, gettext("The closing is taken back; the company works as before."))


def _told(tenant_id: str, sentence: str) -> Response:
    flash(sentence, "success")
    return redirect(url_for("console.whole", tenant_id=tenant_id), 303)


def _page(tenant_id: str, template: str) -> str:
    with RegistrySession() as registry:
        tenant = registry.get(Tenant, tenant_id)
        if tenant is None:
            raise UnknownTenant(tenant_id)
        passages = passages_of(registry, tenant_id)
        jobs = _jobs_of(registry, tenant_id)
        copies = registry.scalars(select(Tenant).where(Tenant.copy_of == tenant_id).order_by(Tenant.created_at)).all()
        original = registry.get(Tenant, tenant.copy_of) if tenant.copy_of else None
        registry.expunge_all()
    at_work = any(job.state != JobState.FAILED for job in jobs) or any(
        passage.stage in (Stage.BEGUN, Stage.UNDOING, Stage.SEALED) for passage in passages
    )
    return render_template(
        template,
        tenant=tenant,
        original=original,
        copies=copies,
        passages=passages,
        jobs=jobs,
        job_names={MOVE: gettext("Move to another server"), RESTORE: gettext("Earlier state brought back")},
        at_work=at_work,
        closing=next((each for each in passages if each.act == Act.CLOSE and each.finished_at is None), None),
        servers=[name for name in servers() if name != tenant.shard],
        grace_days=settings().closing_grace_days,
        has_escrow=bool(settings().escrow_public_key),
        act_name=act_name,
        stage_badge=stage_badge,
    )


def _jobs_of(registry: Session, tenant_id: str) -> list[RegistryJob]:
    """Moves and returns that wait, run, or have failed."""
    wanted = (
        select(RegistryJob)
        .where(
            RegistryJob.name.in_((MOVE, RESTORE)),
            RegistryJob.state != JobState.DONE,
            RegistryJob.payload["tenant"].as_string() == tenant_id,
        )
        .order_by(RegistryJob.id.desc())
        .limit(5)
    )
    return list(registry.scalars(wanted))
