"""Forgets what has run out: codes, tokens, consents of which nothing is left, and answers kept for idempotency keys."""

from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from trilend.api.idempotency import KEPT_DAYS
from trilend.api.models import IdempotencyRecord
from trilend.db.base import now
from trilend.identity.models import ApiCode, ApiGrant, ApiRefreshToken, ApiToken
from trilend.jobs.schedules import Declared, declare_schedule
from trilend.jobs.service import JobRun, Queue, handles
from trilend.tenancy.context import tenant_session

SWEEP = "api.sweep"
_LABEL = _l("Clean-up of the API")


def sweep_tokens(session: Session) -> dict[str, int]:
    """Remove all that is worth nothing any more; returns how many rows of each sort. The caller commits."""
    gone = {
        "codes": delete(ApiCode).where(ApiCode.expires_at < func.now()),
        "tokens": delete(ApiToken).where(ApiToken.expires_at < func.now()),
        "refresh_tokens": delete(ApiRefreshToken).where(ApiRefreshToken.expires_at < func.now()),
        "consents": delete(ApiGrant).where(
            *(
                ~select(held.digest).where(held.grant_id == ApiGrant.id).exists()
                for held in (ApiCode, ApiToken, ApiRefreshToken)
            )
        ),
        "answers": delete(IdempotencyRecord).where(IdempotencyRecord.created_at < now() - timedelta(days=KEPT_DAYS)),
    }
    return {name: session.execute(statement).rowcount for name, statement in gone.items()}  # type: ignore[attr-defined]


declare_schedule(
    Declared(
        name="sweep_api",
        job=SWEEP,
        label=_LABEL,
        hint=_l("Forgets tokens that have run out, and answers kept for repeated requests."),
        cron="20 3 * * *",
    )
)


@handles(SWEEP, label=_LABEL, queue=Queue.BATCH)
def _sweep(run: JobRun) -> dict[str, int]:
    session = tenant_session()
    removed = sweep_tokens(session)
    session.commit()
    return removed
