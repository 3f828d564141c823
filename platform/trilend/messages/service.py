"""Sends mail and short messages after commit: by SMTP where configured, else into the outbox of this machine."""

import smtplib
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.jobs.service import JobRun, enqueue, handles
from trilend.messages.models import OutboxMessage
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


@handles("messages.send")
def _send(run: JobRun) -> None:
    message: dict[str, Any] = run.payload
    smtp_url = settings().smtp_url
    if smtp_url is not None and message["channel"] == "mail":
        _send_mail(smtp_url.get_secret_value(), message)
        return
    with RegistrySession() as session:
        session.add(OutboxMessage(**message))
        session.commit()


def _send_mail(url: str, message: dict[str, Any]) -> None:
    parts = urlsplit(url)
    mail = EmailMessage()
    mail["From"] = settings().mail_from
    mail["To"] = message["recipient"]
    mail["Subject"] = message["subject"]
    mail.set_content(message["body"])
    connect = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with connect(parts.hostname or "localhost", parts.port or 0, timeout=20) as server:
        if parts.username:
            if parts.scheme == "smtp":
                server.starttls()
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(mail)
