"""Decides and contracts many applications at once, in the background, each by itself."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from trilend.audit.service import Actor
from trilend.errors import TrilendError
from trilend.identity.service import actor_of
from trilend.jobs.models import Job
from trilend.jobs.service import JobRun, enqueue, handles
from trilend.organization.sight import seen_by
from trilend.tenancy.context import tenant_session
from trilend_microfinance.applications.errors import LimitExceeded
from trilend_microfinance.applications.service import approve, block
from trilend_microfinance.contracts.service import make_contract

APPROVE = "microfinance.approve"
CONTRACT = "microfinance.contract"


def order_approvals(session: Session, actor: Actor, application_ids: list[int]) -> Job:
    """Start approving these applications in the actor's name."""
    return enqueue(session, APPROVE, {"ids": application_ids, "actor": actor.user_id}, created_by=actor.user_id)  # type: ignore[return-value]


def order_contracts(session: Session, actor: Actor, application_ids: list[int]) -> Job:
    """Start making contracts for these approved applications."""
    return enqueue(session, CONTRACT, {"ids": application_ids, "actor": actor.user_id}, created_by=actor.user_id)  # type: ignore[return-value]


@handles(APPROVE, label=_l("Approving applications"))
def _approve(run: JobRun) -> dict[str, Any]:
    def one(session: Session, actor: Actor, application_id: int) -> None:
        try:
            approve(session, actor, application_id)
        except LimitExceeded as error:
            session.rollback()
            block(session, actor, application_id, error)
            session.commit()
            raise

    return _each(run, one)


@handles(CONTRACT, label=_l("Making contracts"))
def _contract(run: JobRun) -> dict[str, Any]:
    return _each(run, make_contract)


def _each(run: JobRun, act: Any) -> dict[str, Any]:
    """Do `act` for each id in a transaction of its own, as far as the person sees; a refusal stops nobody else."""
    session = tenant_session()
    actor = actor_of(session, run.payload["actor"])
    session.commit()
    done, refused = 0, {}
    ids: list[int] = run.payload["ids"]
    with seen_by(actor.user_id):
        for number, application_id in enumerate(ids, start=1):
            try:
                act(session, actor, application_id)
            except TrilendError as error:
                session.rollback()
                refused[str(application_id)] = {"code": error.code, "message": str(error)}
            else:
                session.commit()
                done += 1
            run.progress(number, len(ids))
    return {"done": done, "refused": refused}
