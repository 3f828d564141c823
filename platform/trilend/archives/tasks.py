"""Jobs of the platform that carry companies, and the one that looks after what a killed process left."""

from typing import Any

from flask_babel import lazy_gettext as _l

from trilend.archives import passages
from trilend.archives.closing import carry_out
from trilend.archives.errors import StillAtWork
from trilend.archives.landing import undo
from trilend.archives.models import Act, Passage, Stage
from trilend.archives.moving import move_company, recover, server_of
from trilend.archives.requests import EXPORT, MOVE, RESTORE, forget_export, make_export
from trilend.archives.restoring import restore_company
from trilend.db.base import now
from trilend.jobs.models import JobState, RegistryJob
from trilend.jobs.service import JobRun, Policy, Queue, handles
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.servers import servers

_PATIENT = Policy(limit_seconds=12 * 3600.0)


@handles(EXPORT, label=_l("Export of the company"), queue=Queue.BATCH, policy=_PATIENT)
def _export(run: JobRun) -> dict[str, Any]:
    return make_export(run.payload["passage"], run.progress)


@handles(MOVE, label=_l("Move to another server"), queue=Queue.BATCH, policy=_PATIENT)
def _move(run: JobRun) -> dict[str, Any]:
    tenant_id, target = run.payload["tenant"], run.payload["target"]
    if server_of(tenant_id) == target:
        # A worker that died after the switch had done it already.
        return {}
    moved = move_company(tenant_id, target, actor=run.payload["actor"], job_id=run.id, progress=run.progress)
    return moved.to_json()


@handles(RESTORE, label=_l("Restore of an earlier state"), queue=Queue.BATCH, policy=_PATIENT)
def _restore(run: JobRun) -> dict[str, Any]:
    url = servers()[run.payload["server"]].owner_url
    if url is None:
        raise RuntimeError("this worker has no owner database URL for the restored server")
    copy = restore_company(
        run.payload["tenant"],
        url,
        run.payload["slug"],
        actor=run.payload["actor"],
        job_id=run.id,
        progress=run.progress,
    )
    return {"slug": copy.slug}


@handles(passages.WATCH, label=_l("What follows a move or a closing"), queue=Queue.BATCH, policy=_PATIENT)
def _look_after(run: JobRun) -> None:
    """If a process is at work the lock refuses, and this job is tried again later."""
    with passages.held(run.payload["passage"]) as passage:
        look_after(passage)


def look_after(passage: Passage) -> None:
    """Undo what a process left half done, go on with what is past its turning point, carry out what is due."""
    is_due = passage.due_at is not None and passage.due_at <= now()
    if passage.finished_at is not None:
        return
    if passage.act == Act.EXPORT:
        _look_after_export(passage, is_due=is_due)
    elif passage.act in (Act.IMPORT, Act.RESTORE):
        undo(passage, passage.fault or "the process that carried it ended")
    elif passage.act == Act.MOVE:
        if passage.stage != Stage.SWITCHED or is_due:
            recover(passage)
    elif is_due:
        carry_out(passage)


def _look_after_export(passage: Passage, *, is_due: bool) -> None:
    if passage.stage == Stage.BEGUN and not _job_failed(passage):
        raise StillAtWork
    if passage.stage == Stage.BEGUN or is_due:
        forget_export(passage)


def _job_failed(passage: Passage) -> bool:
    with RegistrySession() as registry:
        job = registry.get(RegistryJob, passage.job_id) if passage.job_id else None
        return job is None or job.state in (JobState.FAILED, JobState.DISCARDED)
