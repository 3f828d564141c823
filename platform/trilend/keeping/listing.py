"""Finds stored files for people: by area and by why they are kept, with the names that their areas gave them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, func, select, union_all
from sqlalchemy.orm import Session

from trilend.company.models import CompanyPaper
from trilend.documents.models import Document
from trilend.storage.models import StoredObject

PAGE_SIZE = 50

_AREAS: Mapping[str, LazyString] = {
    "documents": _l("Documents of customers and loans"),
    "papers": _l("Papers of the company"),
    "export": _l("Exports of the audit log"),
}


class Kept(StrEnum):
    """Why a file is looked for: any; it is under a hold; it may not be deleted for some time."""

    ANY = ""
    HELD = "held"
    RETAINED = "retained"


@dataclass(frozen=True)
class AreaUse:
    """What the files of an area come to: how many, their bytes, and how many of them are held or have to be kept."""

    area: str
    files: int
    size: int
    held: int
    retained: int

    def count(self, kept: Kept) -> int:
        """How many of them are kept for this reason."""
        return {Kept.ANY: self.files, Kept.HELD: self.held, Kept.RETAINED: self.retained}[kept]


def area_label(area: str) -> str:
    """What an area of stored files is called on pages."""
    return str(_AREAS.get(area, area))


def use_by_area(session: Session, today: date) -> Sequence[AreaUse]:
    """What the bound company's files come to in each area, the largest first; `today` is the day in China."""
    rows = session.execute(
        select(
            StoredObject.area,
            func.count(),
            func.sum(StoredObject.size),
            func.count().filter(StoredObject.legal_hold != ""),
            func.count().filter(StoredObject.retain_until >= today),
        )
        .where(StoredObject.deleted_at.is_(None))
        .group_by(StoredObject.area)
        .order_by(func.sum(StoredObject.size).desc(), StoredObject.area)
    )
    return [AreaUse(area, files, int(size), held, retained) for area, files, size, held, retained in rows]


def files_kept(session: Session, *, area: str, kept: Kept, today: date, page: int) -> Sequence[StoredObject]:
    """One page of the files that are not deleted: newest first, or those first that may be deleted soonest."""
    order = (
        (StoredObject.retain_until, StoredObject.id)
        if kept is Kept.RETAINED
        else (StoredObject.id.desc(), StoredObject.key)
    )
    return session.scalars(
        select(StoredObject)
        .where(StoredObject.deleted_at.is_(None), *_conditions(area, kept, today))
        .order_by(*order)
        .limit(PAGE_SIZE)
        .offset((page - 1) * PAGE_SIZE)
    ).all()


def names_of(session: Session, keys: Iterable[str]) -> Mapping[str, str]:
    """What the areas call the files with these keys, in one query; a file that nothing names is not in the answer."""
    wanted = list(keys)
    if not wanted:
        return {}
    named = union_all(
        select(Document.object_key, Document.title).where(Document.object_key.in_(wanted)),
        select(CompanyPaper.object_key, CompanyPaper.file_name).where(CompanyPaper.object_key.in_(wanted)),
    )
    return {row.object_key: row.title for row in session.execute(named)}


def _conditions(area: str, kept: Kept, today: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [StoredObject.area == area] if area else []
    if kept is Kept.HELD:
        found.append(StoredObject.legal_hold != "")
    elif kept is Kept.RETAINED:
        found.append(StoredObject.retain_until >= today)
    return found
