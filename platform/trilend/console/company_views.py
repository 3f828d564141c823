"""Pages of one company in the console: its state and history, its papers side by side with what was entered, plans."""

from flask import Response as FileResponse
from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from trilend.company.inspection import (
    accept_paper,
    inspect_paper,
    inspected_file,
    move_company,
    reject_paper,
    use_of_space,
)
from trilend.company.papers import state_of, today_in_china
from trilend.company.views import usage_rows
from trilend.config import settings
from trilend.console.service import papers_of, save_plan
from trilend.console.views import blueprint
from trilend.errors import Invalid, NotFound, TrilendError
from trilend.kinds import kinds
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.domains.names import shown_host
from trilend.tenancy.domains.service import domains_of
from trilend.tenancy.door import admission_of
from trilend.tenancy.errors import UnknownTenant, not_admitted
from trilend.tenancy.lifecycle.errors import UnknownMove
from trilend.tenancy.lifecycle.labels import event_label
from trilend.tenancy.lifecycle.moves import MOVES, moves_open_to
from trilend.tenancy.lifecycle.service import By, events_of
from trilend.tenancy.models import Door, Tenant
from trilend.tenancy.plans.calls import calls_of
from trilend.tenancy.plans.models import Plan
from trilend.tenancy.plans.service import change_plan, forget_plans, limits_of, plans
from trilend.tenancy.service import WITH_KEYS, forget_tenants
from trilend.web.shell import allow_framing_by_this_site


@blueprint.get("/companies/<tenant_id>")
def company(tenant_id: str) -> str:
    """One company: state, history, papers, plan and usage, domains, and where it lives."""
    with RegistrySession() as registry:
        tenant = registry.get(Tenant, tenant_id, options=[WITH_KEYS])
        if tenant is None:
            raise UnknownTenant(tenant_id)
        papers = papers_of(registry, tenant_id)
        events = events_of(registry, tenant_id)
        domains = domains_of(registry, tenant_id)
        today, month = calls_of(registry, tenant_id)
        offered = plans(registry)
        registry.expunge_all()
    people, storage = _counted(tenant)
    limits = limits_of(tenant.plan)
    admission = admission_of(tenant)
    return render_template(
        "console/company.html",
        tenant=tenant,
        url=BoundTenant.of(tenant).url,
        kind=kinds().get(tenant.kind),
        admission=admission,
        refusal=None if admission.is_open else not_admitted(admission),
        moves=moves_open_to(tenant),
        papers=papers,
        paper_state=_paper_state,
        usage=usage_rows(limits, people=people, storage=storage, today=today, month=month),
        limits=limits,
        plans=offered,
        domains=domains,
        shown_host=shown_host,
        events=events,
        event_label=event_label,
    )


@blueprint.post("/companies/<tenant_id>/move")
def make_move(tenant_id: str) -> Response:
    """Make one of the moves that are offered; verifying looks at the papers, and takes a second person."""
    name = request.form.get("move", "")
    chosen = next((move for move in MOVES if move.name == name and move.by_hand), None)
    if chosen is None:
        raise UnknownMove(name)
    move_company(tenant_id, chosen, _by(), request.form.get("reason", ""))
    forget_tenants()
    flash(gettext("Done. All web processes act on it within five seconds."), "success")
    return redirect(url_for(".company", tenant_id=tenant_id), 303)


@blueprint.post("/companies/<tenant_id>/plan")
def move_to_plan(tenant_id: str) -> Response:
    """Give a company another plan."""
    with RegistrySession() as registry:
        change_plan(registry, tenant_id, request.form.get("plan", ""), _by(), reason=request.form.get("reason", ""))
        registry.commit()
    forget_tenants()
    flash(gettext("The plan is changed."), "success")
    return redirect(url_for(".company", tenant_id=tenant_id), 303)


@blueprint.get("/companies/<tenant_id>/papers/<kind>")
def paper(tenant_id: str, kind: str) -> str:
    """A paper beside what the company entered and what is known of it; looking is logged with the company."""
    inspection = inspect_paper(tenant_id, kind, _by())
    with RegistrySession() as registry:
        tenant = registry.get_one(Tenant, tenant_id)
        registry.expunge(tenant)
    return render_template("console/paper.html", tenant=tenant, paper=inspection)


@blueprint.get("/companies/<tenant_id>/papers/file/<int:paper_id>")
def paper_content(tenant_id: str, paper_id: int) -> FileResponse:
    """The file of a paper, for the page that shows it."""
    allow_framing_by_this_site()
    media_type, content = inspected_file(tenant_id, paper_id, _by())
    return FileResponse(content, content_type=media_type, headers={"Cache-Control": "no-store"})


@blueprint.post("/companies/<tenant_id>/papers/<kind>/<int:paper_id>/accept")
def accept(tenant_id: str, kind: str, paper_id: int) -> Response:
    """Accept a paper."""
    accept_paper(tenant_id, paper_id, _by())
    flash(gettext("The paper is accepted."), "success")
    return redirect(url_for(".company", tenant_id=tenant_id), 303)


@blueprint.post("/companies/<tenant_id>/papers/<kind>/<int:paper_id>/reject")
def reject(tenant_id: str, kind: str, paper_id: int) -> Response:
    """Send a paper back."""
    reject_paper(tenant_id, paper_id, _by(), request.form.get("reason", ""))
    flash(gettext("The paper is sent back; the company's administrators get a mail with the reason."), "success")
    return redirect(url_for(".company", tenant_id=tenant_id), 303)


@blueprint.get("/plans")
def plan_list() -> str:
    """All plans with their figures."""
    return _plan_page({})


@blueprint.post("/plans")
def plan_save() -> Response | tuple[str, int]:
    """Change a plan, or add one."""
    form = request.form
    name = form.get("name", "").strip()
    try:
        if not (name.isascii() and name.replace("-", "").isalnum() and len(name) <= 32):
            raise NotFound(gettext("Give the plan a short name of letters, digits and hyphens."))
        with RegistrySession() as registry:
            save_plan(registry, name, form.get("label", ""), form)
            registry.commit()
    except (Invalid, NotFound) as error:
        flash(str(error), "danger")
        return _plan_page({name: form}), 422
    forget_plans()
    flash(gettext("The plan is saved; it holds within half a minute."), "success")
    return redirect(url_for(".plan_list"), 303)


def _plan_page(entered: dict[str, object]) -> str:
    with RegistrySession() as registry:
        found = plans(registry)
        registry.expunge_all()
    return render_template(
        "console/plans.html",
        plans=found,
        entered=entered,
        plan_figure=_plan_figure,
        statement_seconds=settings().request_statement_seconds,
    )


def _plan_figure(plan: Plan, name: str) -> object:
    value = plan.storage_bytes if name == "storage" else getattr(plan, name)
    if value is None:
        return ""
    return value // 2**30 if name == "storage" else value


def _by() -> By:
    return By.operator(g.operator)


def _counted(tenant: Tenant) -> tuple[int | None, int | None]:
    """People and bytes, or nothing where the space cannot be read now."""
    if admission_of(tenant).entry is Door.SHUT:
        return None, None
    try:
        return use_of_space(tenant.id)
    except (TrilendError, SQLAlchemyError):
        return None, None


def _paper_state(row: object) -> str:
    state = str(getattr(row, "state", "missing"))
    until = getattr(row, "valid_until", None)
    return state_of(until, today_in_china()) if state == "accepted" else state
