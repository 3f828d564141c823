"""The page on which background work shows how far it is; asked every second until it ends."""

from flask import render_template, request
from flask_babel import lazy_gettext as _l

from trilend.errors import NotFound
from trilend.identity.service import signed_in_actor
from trilend.jobs.models import Job, JobState
from trilend.organization.sight import sight_of
from trilend.tenancy.context import tenant_session


def job_page(job_id: int, *, back: str) -> str:
    """Render a job's progress: the whole page, or only its moving part for htmx.

    Who does not see everything sees the own jobs only: their results name what they were about.
    """
    job = tenant_session.get(Job, job_id)
    sight = sight_of(tenant_session())
    if job is None or not (sight.whole or job.created_by == signed_in_actor().user_id):
        raise NotFound(_l("This work is not known."), id=job_id)
    template = "microfinance/work_state.html" if request.headers.get("HX-Request") else "microfinance/work.html"
    return render_template(
        template,
        job=job,
        finished=job.state == JobState.DONE,
        failed=job.state == JobState.FAILED,
        result=job.result or {},
        back=back,
        poll_url=request.path,
    )
