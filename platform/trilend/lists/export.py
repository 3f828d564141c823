"""Makes a workbook of a list in the background, for the person who asked, as that person sees the list."""

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.identity.holders import permissions_held
from trilend.identity.service import actor_of
from trilend.jobs.schedules import Declared, declare_schedule
from trilend.jobs.service import JobRun, Policy, Queue, enqueue, handles
from trilend.lists.errors import ExportGone, ExportNotAllowed
from trilend.lists.grammar import ListOf, list_named
from trilend.lists.models import ListExport
from trilend.lists.query import Query, read_query
from trilend.lists.reading import read_page
from trilend.lists.saved import kept_of
from trilend.lists.workbook import MOST_ROWS, ListWorkbook
from trilend.notices.service import tell
from trilend.notices.sorts import EXPORT_READY
from trilend.organization.sight import seen_by
from trilend.storage.areas import XLSX, Area
from trilend.storage.models import StoredObject
from trilend.storage.objects import delete, find, put
from trilend.tenancy.context import tenant_session

JOB, TIDY = "lists.export", "lists.tidy"
AREA = Area("lists", (XLSX,), megabytes=200)
MAY_EXPORT = ("can_export", "Lists")
KEPT_DAYS = 7
_ZONE = ZoneInfo("Asia/Shanghai")
PORTION = 2000
"""Rows read at a time; also how often progress is told."""


def order_export(session: Session, actor: Actor, wanted: ListOf, query: Query, *, total: int) -> ListExport:
    """Start making a workbook of what a query of a list gives; the caller commits."""
    if actor.user_id is None:
        raise ExportNotAllowed
    export = ListExport(
        list_name=wanted.name,
        user_id=actor.user_id,
        wanted={"query": query.text, "columns": list(kept_of(session, actor.user_id, wanted.name).columns)},
        expires_at=now() + timedelta(days=KEPT_DAYS),
    )
    session.add(export)
    session.flush()
    export.job_id = enqueue(session, JOB, {"export": export.id, "total": total}, created_by=actor.user_id).id
    record(session, actor, "list.exported", "list_export", export.id, list=wanted.name, query=query.text)
    return export


def export_of(session: Session, user_id: int, export_id: int) -> ListExport:
    """An export of this person's; raises `ExportGone` for one of anybody else's too."""
    found = session.get(ListExport, export_id)
    if found is None or found.user_id != user_id:
        raise ExportGone
    return found


def file_of(session: Session, user_id: int, export_id: int) -> tuple[StoredObject, str]:
    """The file of this person's export, and its name; raises `ExportGone`, `ObjectMissing`."""
    found = export_of(session, user_id, export_id)
    if not found.object_key or found.expires_at <= now():
        raise ExportGone
    return find(session, found.object_key), found.file_name


@handles(JOB, label=_l("Exporting a list"), queue=Queue.BATCH, policy=Policy(attempts=3, limit_seconds=3600))
def _export(run: JobRun) -> dict[str, Any]:
    session = tenant_session()
    export = session.get(ListExport, run.payload["export"])
    if export is None or export.object_key:
        return {}
    wanted = list_named(export.list_name)
    held = permissions_held(session, export.user_id)
    if not {wanted.permission, MAY_EXPORT} <= held:
        raise ExportNotAllowed
    export_id, user_id = export.id, export.user_id
    query = read_query(wanted, dict(parse_qsl(export.wanted["query"])))
    columns = _columns(wanted, export.wanted["columns"])
    session.commit()
    with tempfile.TemporaryDirectory(prefix="trilend-list-") as folder:
        file = Path(folder) / "list.xlsx"
        with ListWorkbook(file, columns, str(wanted.title)) as book, seen_by(user_id):
            _fill(session, book, wanted, query, run)
        name = f"{wanted.title}-{_today().isoformat()}.xlsx"
        with file.open("rb") as content:
            stored = put(session, AREA, content, media_type=XLSX, created_by=user_id)
    session.execute(
        update(ListExport)
        .where(ListExport.id == export_id)
        .values(rows=book.rows, object_key=stored.key, file_name=name)
    )
    data = {"list": export_id, "name": name, "rows": book.rows}
    tell(session, EXPORT_READY, [user_id], data=data, url=f"/lists/exports/{export_id}")
    run.complete(session, {"rows": book.rows, "export": export_id})
    session.commit()
    return {}


def _today() -> date:
    """The day in China, by which files are kept and named."""
    return datetime.now(_ZONE).date()


def _columns(wanted: ListOf, chosen: list[str]) -> list[Any]:
    shown = [column for column in wanted.columns if column.key in chosen]
    return shown or [column for column in wanted.columns if column.usual]


def _fill(session: Session, book: ListWorkbook, wanted: ListOf, query: Query, run: JobRun) -> None:
    """Read the list by portions, each in a transaction of its own, and forget each when it is written."""
    total, after = int(run.payload["total"]), ""
    while book.rows < MOST_ROWS:
        size = min(PORTION, MOST_ROWS - book.rows)
        page = read_page(session, wanted, query, after=after, size=size)
        book.write(page.rows)
        after = page.after
        del page
        session.rollback()
        session.expunge_all()
        run.progress(book.rows, max(total, book.rows + (1 if after else 0)))
        if not after:
            return


@handles(TIDY, label=_l("Deleting exports of lists that are old"), queue=Queue.BATCH)
def _tidy(run: JobRun) -> dict[str, Any]:
    session = tenant_session()
    old = session.scalars(
        select(ListExport).where(ListExport.expires_at <= now(), ListExport.object_key != "").limit(1000)
    ).all()
    files = session.scalars(
        select(StoredObject).where(
            StoredObject.key.in_([each.object_key for each in old]), StoredObject.deleted_at.is_(None)
        )
    ).all()
    for stored in files:
        delete(session, actor_of(session, None), stored, today=_today(), reason=str(_l("Its time is over.")))
    for each in old:
        each.object_key = ""
    session.commit()
    return {"deleted": len(files)}


declare_schedule(
    Declared(
        name="tidy_lists",
        job=TIDY,
        label=_l("Deleting exports of lists that are old"),
        hint=_l("Deletes exported lists a week after they were made."),
        cron="40 3 * * *",
    )
)
