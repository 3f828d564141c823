"""Things that are good for one use and a short time: handed out as a token, kept as its digest."""

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from trilend.access.errors import TicketGone
from trilend.access.models import Ticket
from trilend.db.base import now


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode()).hexdigest()


def issue(session: Session, purpose: str, *, minutes: int, user_id: int | None = None, **content: Any) -> str:
    """A token for one use within `minutes`; what has run out goes away at the same time."""
    session.execute(delete(Ticket).where(Ticket.expires_at < now()))
    token = secrets.token_urlsafe(32)
    expires = now() + timedelta(minutes=minutes)
    session.add(Ticket(digest=digest_of(token), purpose=purpose, user_id=user_id, content=content, expires_at=expires))
    session.flush()
    return token


def is_good(session: Session, purpose: str, token: str) -> bool:
    """Whether a token would be taken now; it is not used up."""
    ticket = session.get(Ticket, digest_of(token))
    return ticket is not None and ticket.purpose == purpose and ticket.expires_at > now()


def use(session: Session, purpose: str, token: str) -> Ticket:
    """Take a token, which is gone with the caller's commit; raises `TicketGone`.

    Of two that bring the same token one gets it: the row is deleted, not read.
    """
    taken = session.execute(
        delete(Ticket)
        .where(Ticket.digest == digest_of(token), Ticket.purpose == purpose, Ticket.expires_at > now())
        .returning(Ticket.user_id, Ticket.content)
    ).one_or_none()
    if taken is None:
        raise TicketGone
    return Ticket(purpose=purpose, user_id=taken.user_id, content=taken.content)


def withdraw(session: Session, purpose: str, user_id: int) -> None:
    """Make all of a person's tokens for a purpose worthless."""
    session.execute(delete(Ticket).where(Ticket.purpose == purpose, Ticket.user_id == user_id))
