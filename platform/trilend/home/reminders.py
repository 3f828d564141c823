"""Tells once a day what nobody's act brings up: first steps that are left, limits of the plan that are near, old notices."""

from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from trilend.home.first_steps import first_steps
from trilend.identity.holders import people_with
from trilend.jobs.schedules import Declared, declare_schedule
from trilend.jobs.service import JobRun, Queue, handles
from trilend.notices.service import forget_read, tell
from trilend.notices.sorts import FIRST_STEPS, PLAN_NEAR
from trilend.tenancy.context import current_tenant, tenant_session
from trilend.tenancy.plans.service import WARN_AT, Usage, limits_of, people_used, storage_used

JOB = "home.remind"
_KEPT = timedelta(days=90)
_LABEL = _l("Reminders of the day")


@handles(JOB, label=_LABEL, queue=Queue.BATCH)
def _remind(run: JobRun) -> dict[str, Any]:
    session = tenant_session()
    at = datetime.fromisoformat(run.payload["at"])
    remind_of_steps(session, at)
    remind_of_plan(session)
    forgotten = forget_read(session, at - _KEPT)
    run.complete(session, {"forgotten": forgotten})
    session.commit()
    return {}


def remind_of_steps(session: Session, at: datetime) -> None:
    """Tell those who set the company up how many steps are left: once a week, and again when their number changes."""
    left = sum(not step.done for step in first_steps(session))
    if left:
        people = people_with(session, FIRST_STEPS.concerns[0])
        tell(session, FIRST_STEPS, people, data={"left": left}, url="/", key=f"steps.{left}.{at:%G%V}")


def remind_of_plan(session: Session) -> None:
    """Tell administrators once of each tenth of a limit from 80 % on."""
    limits = limits_of(current_tenant().plan)
    used = {
        "people": Usage(people_used(session), limits.people),
        "storage": Usage(storage_used(session), limits.storage_bytes),
    }
    near = {what: usage for what, usage in used.items() if (usage.percent or 0) >= WARN_AT}
    people = people_with(session, PLAN_NEAR.concerns[0]) if near else []
    for what, usage in near.items():
        data = {"what": what, "used": usage.used, "limit": usage.limit, "percent": usage.percent}
        key = f"plan.{limits.name}.{what}.{(usage.percent or 0) // 10}"
        tell(session, PLAN_NEAR, people, data=data, url="/company/", key=key)


declare_schedule(
    Declared(
        name="reminders",
        job=JOB,
        label=_LABEL,
        hint=_l("Tells of first steps that are left and of limits of the plan that are near."),
        cron="30 8 * * *",
    )
)
