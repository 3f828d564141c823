"""Sends mail and short messages after commit: by SMTP where configured, else into the outbox of this machine."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.jobs.service import JobRun, Policy, enqueue, handles
from trilend.messages.models import OutboxMessage
from trilend.messages.smtp import send_once
from trilend.tenancy.context import RegistrySession


def send(session: Session, *, channel: str, recipient: str, subject: str, body: str) -> None:
    """Queue one message (`mail` or `sms`) in the caller's transaction; it leaves after commit."""
    enqueue(
        session,
        "messages.send",
        {"channel": channel, "recipient": recipient, "subject": subject, "body": body},
    )


def recent(limit: int = 50) -> list[OutboxMessage]:
    """The newest messages of the outbox, newest first."""
    with RegistrySession() as session:
        newest = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(limit)).all()
        session.expunge_all()
        return list(newest)


@handles(
    "messages.send", label=_l("Sending a message"), policy=Policy(attempts=8, limit_seconds=120), confidential=True
)
def _send(run: JobRun) -> None:
    message: dict[str, Any] = run.payload
    smtp_url = settings().smtp_url
    if smtp_url is not None and message["channel"] == "mail":
        text = {name: message[name] for name in ("recipient", "subject", "body")}
        send_once(smtp_url.get_secret_value(), run.key, **text)
        return
    with RegistrySession() as session:
        once = insert(OutboxMessage).values(**message, key=run.key).on_conflict_do_nothing(index_elements=["key"])
        session.execute(once)
        session.commit()
