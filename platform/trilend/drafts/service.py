"""Keeps, finds and discards drafts; one that nobody has touched for a month goes by itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.drafts.errors import DraftTooLarge
from trilend.drafts.models import FormDraft

Entries = Sequence[tuple[str, str]]

KEPT_FOR = timedelta(days=30)
MOST_CHARACTERS = 64 * 1024
MOST_DRAFTS = 40
"""How many forms of one person are kept; the one that was left alone the longest goes first."""


@dataclass(frozen=True)
class Draft:
    """What was entered, and when it was last kept (UTC)."""

    entries: Entries
    saved_at: datetime


def keep(session: Session, person_id: int, form: str, entries: Entries) -> None:
    """Keep this as the person's draft of a form, in place of the one before; raises `DraftTooLarge`."""
    text = json.dumps(list(entries), ensure_ascii=False)
    if len(text) > MOST_CHARACTERS:
        raise DraftTooLarge
    moment = now()
    session.execute(delete(FormDraft).where(FormDraft.saved_at < moment - KEPT_FOR))
    row = insert(FormDraft).values(person_id=person_id, form=form, entries=text, saved_at=moment)
    renewed = {"entries": row.excluded.entries, "saved_at": row.excluded.saved_at}
    session.execute(row.on_conflict_do_update(index_elements=["person_id", "form"], set_=renewed))
    newest = (
        select(FormDraft.form)
        .where(FormDraft.person_id == person_id)
        .order_by(FormDraft.saved_at.desc(), FormDraft.form)
        .limit(MOST_DRAFTS)
    )
    session.execute(delete(FormDraft).where(FormDraft.person_id == person_id, FormDraft.form.not_in(newest)))


def find(session: Session, person_id: int, form: str) -> Draft | None:
    """The person's draft of a form, if there is one."""
    wanted = select(FormDraft).where(FormDraft.person_id == person_id, FormDraft.form == form)
    found = session.scalar(wanted.where(FormDraft.saved_at >= now() - KEPT_FOR))
    return (
        None if found is None else Draft([(name, value) for name, value in json.loads(found.entries)], found.saved_at)
    )


def discard(session: Session, person_id: int, form: str) -> None:
    """Forget the person's draft of a form; nothing happens where there is none."""
    session.execute(delete(FormDraft).where(FormDraft.person_id == person_id, FormDraft.form == form))
