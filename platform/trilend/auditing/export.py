"""Takes the log out, with its hashes, in forms that an outsider can verify (CSV, JSON Lines) or read (XLSX)."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from sqlalchemy import Text, cast, literal_column, select
from sqlalchemy.orm import Session, aliased

from trilend.audit.chain import CONTENT
from trilend.audit.models import AuditEntry, AuditLink
from trilend.auditing.listing import Filters

PORTION = 5_000
MOST_IN_WORKBOOK = 100_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

COLUMNS = (
    "number",
    "created_at",
    "linked_at",
    "actor",
    "act",
    "subject_type",
    "subject_id",
    "reason",
    "changes",
    "details",
    "previous",
    "hash",
    "content",
)
"""The columns of every form; `content` is the text that was hashed, `previous` the hash that it follows."""


class ExportForm(StrEnum):
    """The forms of an export, by the ending of the file."""

    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"


MEDIA_TYPES = {
    ExportForm.JSONL: "application/x-ndjson",
    ExportForm.CSV: "text/csv; charset=utf-8",
    ExportForm.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

Row = dict[str, Any]


def portions(session: Session, filters: Filters, *, until: int, size: int = PORTION) -> Iterator[Sequence[Row]]:
    """The lines that match, in the order of the chain up to number `until`, some thousand at a time."""
    number = 0
    while True:
        found = [row._asdict() for row in session.execute(_lines(filters, number, until, size))]
        session.rollback()
        if found:
            yield [_plain(row) for row in found]
        if len(found) < size:
            return
        number = found[-1]["number"]


def written(form: ExportForm, rows: Sequence[Row], *, first: bool) -> bytes:
    """A portion as bytes; the bytes of portions put after each other are the file (not so for a workbook)."""
    if form == ExportForm.JSONL:
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    output = io.StringIO(newline="")
    writer = csv.writer(output)
    if first:
        writer.writerow(COLUMNS)
    writer.writerows([_harmless(row[column]) for column in COLUMNS] for row in rows)
    # Programs for tables take a file without this mark for one in an old encoding.
    return ("\ufeff" if first else "").encode() + output.getvalue().encode()


def workbook(parts: Iterator[Sequence[Row]]) -> bytes:
    """All lines as one workbook."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("audit")
    sheet.append(COLUMNS)
    for rows in parts:
        for row in rows:
            sheet.append([_cell(sheet, row[column]) for column in COLUMNS])
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


def _lines(filters: Filters, after: int, until: int, size: int) -> Any:
    # The name that the expression of the content uses.
    entry = aliased(AuditEntry, name="entry")
    before = aliased(AuditLink)
    conditions = filters.conditions(entry)
    return (
        select(
            AuditLink.number,
            entry.created_at,
            AuditLink.linked_at,
            entry.actor,
            entry.act,
            entry.subject_type,
            entry.subject_id,
            entry.reason,
            cast(entry.changes, Text).label("changes"),
            cast(entry.details, Text).label("details"),
            before.hash.label("previous"),
            AuditLink.hash,
            literal_column(CONTENT).label("content"),
        )
        .join(entry, entry.id == AuditLink.entry_id)
        .outerjoin(before, before.number == AuditLink.number - 1)
        .where(AuditLink.number > after, AuditLink.number <= until, *conditions)
        .order_by(AuditLink.number)
        .limit(size)
    )


def _plain(row: Row) -> Row:
    return row | {
        "changes": json.dumps(json.loads(row["changes"]), ensure_ascii=False),
        "details": json.dumps(json.loads(row["details"]), ensure_ascii=False),
        "created_at": row["created_at"].isoformat(),
        "linked_at": row["linked_at"].isoformat(),
        "previous": bytes(row["previous"] or bytes(32)).hex(),
        "hash": bytes(row["hash"]).hex(),
    }


def _harmless(value: Any) -> Any:
    """A text that a program for tables would run as a formula gets a mark that shows it as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _cell(sheet: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=_CONTROL.sub("", value))
    cell.data_type = "s"
    return cell
