"""The console's page of work that failed, in all companies and in the platform itself."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from trilend.audit.service import Actor
from trilend.config import settings
from trilend.jobs.dead_letters import (
    PLATFORM,
    DeadLetter,
    companies_with_failures,
    discard,
    failed_jobs,
    retry,
    tenants_to_settle,
)
from trilend.jobs.handlers import handlers
from trilend.jobs.models import JobState
from trilend.jobs.watch import totals
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.service import tenant_by_slug

blueprint = Blueprint("console_jobs", __name__, url_prefix="/work")

COMPANIES, JOBS_EACH = 20, 20


@blueprint.get("/")
def overview() -> str:
    """What failed, company by company; filtered by company and by sort of work."""
    slug, name = request.args.get("company", "").strip(), request.args.get("job", "")
    page = max(1, request.args.get("page", 1, type=int))
    with RegistrySession() as registry:
        found, total = companies_with_failures(registry, offset=(page - 1) * COMPANIES, limit=COMPANIES)
        tenants = [BoundTenant.of(tenant) for tenant in found]
        counts = totals(registry)
    failed = list(_failed(slug, name, tenants, with_platform=page == 1))
    return render_template(
        "console/jobs.html",
        failed=failed,
        counts={state.value: counts[state] for state in (JobState.QUEUED, JobState.RUNNING, JobState.FAILED)},
        total=total,
        page=page,
        page_size=COMPANIES,
        slug=slug,
        name=name,
        names=sorted(((key, str(known.label or key)) for key, known in handlers().items()), key=lambda pair: pair[1]),
        platform=PLATFORM,
        url_of=settings().url_of,
    )


@blueprint.post("/settle")
def settle() -> Response:
    """Retry or discard: what is marked, or all that the filter shows; noted in each company's audit log."""
    back = redirect(url_for(".overview", company=request.form.get("company"), job=request.form.get("job_name")), 303)
    actor, reason = Actor(gettext("Operator %(name)s", name=g.operator.name)), request.form.get("reason", "")
    discarding, name = request.form.get("act") == "discard", request.form.get("job_name", "")
    chosen = _everything(request.form.get("company", "")) if request.form.get("all") else _marked()
    if not chosen:
        flash(gettext("Mark the work first."), "warning")
        return back
    count = 0
    for tenant, ids in chosen.items():
        if discarding:
            count += discard(tenant, ids, actor, reason, name=name if ids is None else "")
        else:
            count += retry(tenant, ids, actor, name=name if ids is None else "")
    if discarding:
        flash(ngettext("%(num)d given up.", "%(num)d given up.", count), "success")
    else:
        flash(ngettext("%(num)d is tried again.", "%(num)d are tried again.", count), "success")
    return back


def _failed(slug: str, name: str, tenants: Sequence[BoundTenant], *, with_platform: bool) -> Iterator[DeadLetter]:
    """At most so many of each company: a list across schemas is a query for each of a page's companies."""
    if slug:
        yield from failed_jobs(_tenant(slug), name=name, limit=500)
        return
    for tenant in [*([None] if with_platform else []), *tenants]:
        yield from failed_jobs(tenant, name=name, limit=JOBS_EACH)


def _marked() -> Mapping[BoundTenant | None, Sequence[int] | None]:
    by_company: dict[str, list[int]] = defaultdict(list)
    for handle in request.form.getlist("job"):
        slug, _, number = handle.partition(":")
        if number.isdigit():
            by_company[slug].append(int(number))
    return {_tenant(slug): ids for slug, ids in by_company.items()}


def _everything(slug: str) -> Mapping[BoundTenant | None, Sequence[int] | None]:
    return dict.fromkeys([_tenant(slug)] if slug else tenants_to_settle())


def _tenant(slug: str) -> BoundTenant | None:
    return None if slug == PLATFORM else tenant_by_slug(slug)
