"""Hands a mail to the mail server at most once: what cannot be known afterwards is written down before."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from trilend.config import settings
from trilend.db.base import now
from trilend.messages.errors import DeliveryUnknown, MailRefused
from trilend.messages.models import Delivery, DeliveryState
from trilend.tenancy.context import RegistrySession

_SECONDS = 20


def send_once(url: str, key: str, *, recipient: str, subject: str, body: str) -> None:
    """Hand a mail over unless that was done; its Message-ID is made of `key`.

    An error before the text goes over the wire, or a plain no, leaves it to be tried again. When the answer to the
    text is missing, because the connection broke or this process died, it is not sent again: `DeliveryUnknown`, and
    a person decides. Raises `MailRefused` for a no that stands, `smtplib.SMTPException` or `OSError` for one that passes.
    """
    message_id = f"{key}@{_domain()}"
    if not _may_send(message_id):
        return
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["Message-ID"] = f"<{message_id}>"
    mail["From"] = settings().mail_from
    mail["To"] = recipient
    mail["Subject"] = subject
    mail.set_content(body)
    with _server(url) as server:
        _expect(server.mail(parseaddr(settings().mail_from)[1]))
        _expect(server.rcpt(recipient))
        _write_down(message_id)
        _hand_over(server, message_id, mail.as_bytes())


def _may_send(message_id: str) -> bool:
    """False when it was accepted. One of which it was written down that nobody knows is sent: a person wants it so."""
    with RegistrySession() as registry:
        state = registry.scalar(select(Delivery.state).where(Delivery.id == message_id))
    if state == DeliveryState.HANDING_OVER:
        _settle(message_id, DeliveryState.UNKNOWN)
        raise DeliveryUnknown
    return state != DeliveryState.ACCEPTED


def _hand_over(server: smtplib.SMTP, message_id: str, text: bytes) -> None:
    try:
        code, answer = server.data(text)
    except smtplib.SMTPDataError as error:
        # It said no before the text was sent.
        _forget(message_id)
        _expect((error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""))
        raise
    except (smtplib.SMTPException, OSError) as error:
        _settle(message_id, DeliveryState.UNKNOWN)
        raise DeliveryUnknown from error
    if code != 250:
        _forget(message_id)
        _expect((code, answer))
    _settle(message_id, DeliveryState.ACCEPTED)


def _expect(answer: tuple[int, bytes]) -> None:
    code, text = answer
    if 200 <= code < 300:
        return
    said = f"{code} {text.decode('utf-8', 'replace')}"
    if code >= 500:
        raise MailRefused(said)
    raise smtplib.SMTPResponseException(code, said)


@contextmanager
def _server(url: str) -> Iterator[smtplib.SMTP]:
    parts = urlsplit(url)
    connect = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    server = connect(parts.hostname or "localhost", parts.port or 0, timeout=_SECONDS)
    try:
        if parts.username:
            if parts.scheme == "smtp":
                server.starttls()
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.ehlo_or_helo_if_needed()
        yield server
    finally:
        # Without QUIT: what it answers to that changes nothing any more.
        server.close()


def _domain() -> str:
    return parseaddr(settings().mail_from)[1].rpartition("@")[2] or "localhost"


def _write_down(message_id: str) -> None:
    with RegistrySession() as registry:
        row = insert(Delivery).values(id=message_id, state=DeliveryState.HANDING_OVER)
        registry.execute(row.on_conflict_do_update(index_elements=["id"], set_={"state": DeliveryState.HANDING_OVER}))
        registry.commit()


def _settle(message_id: str, state: DeliveryState) -> None:
    with RegistrySession() as registry:
        registry.execute(update(Delivery).where(Delivery.id == message_id).values(state=state, settled_at=now()))
        registry.commit()


def _forget(message_id: str) -> None:
    with RegistrySession() as registry:
        registry.execute(delete(Delivery).where(Delivery.id == message_id))
        registry.commit()
