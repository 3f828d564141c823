"""Background work that calls have started: how far it is and what came of it."""

from typing import Any

from flask_babel import lazy_gettext as _l
from pydantic import Field

from trilend.api.fields import Answer, Instant
from trilend.api.interface import interface_of_tenant
from trilend.api.operations import Call, Resource
from trilend.errors import NotFound
from trilend.jobs.models import Job, JobState
from trilend.organization.sight import sight_of

JOBS = Resource("jobs", _l("Background work that other operations start."))


class Progress(Answer):
    """Steps done, and steps in all as far as that is known."""

    done: int
    total: int


class JobAnswer(Answer):
    """A piece of background work; ask again until its state is `done` or `failed`."""

    id: int
    state: JobState
    progress: Progress
    result: dict[str, Any] | None = Field(description="what came of it, once it is done")
    failure: str | None = Field(description="the sort of error that ended it, if it failed")
    created_at: Instant
    finished_at: Instant | None


@JOBS.get("/jobs/{job_id}", scope=None, summary=_l("Read a job"))
def read_job(call: Call, job_id: int) -> JobAnswer:
    """Seen with the scope of the operation that starts such jobs, and its own where not everything is seen; others do not exist."""
    job = call.session.get(Job, job_id)
    in_scope = job is not None and interface_of_tenant().jobs.get(job.name) in call.program.scopes
    if job is None or not in_scope or not (sight_of(call.session).whole or job.created_by == call.actor.user_id):
        raise NotFound(_l("This job does not exist."), id=job_id)
    return job_answer(job)


def job_answer(job: Job) -> JobAnswer:
    """A job as the interface shows it; free text that it noted about an error stays inside."""
    failed = job.state == JobState.FAILED
    result = job.result or {}
    return JobAnswer(
        id=job.id,
        state=job.state,
        progress=Progress(done=job.done_steps, total=job.total_steps),
        result=None if failed else job.result,
        failure=str(result.get("error", "unknown")) if failed else None,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )
