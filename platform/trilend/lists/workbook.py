"""Writes rows into a workbook as they come, so that memory does not grow with them."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook
from xlsxwriter.format import Format

from trilend.lists.grammar import Badge, CellKind, Column

_ZONE = ZoneInfo("Asia/Shanghai")
_FORMATS: dict[CellKind, str] = {
    "money": "#,##0.00",
    "percent": "0.00%",
    "day": "yyyy-mm-dd",
    "instant": "yyyy-mm-dd hh:mm",
    "number": "0",
}
_WIDTHS: dict[CellKind, int] = {
    "text": 22,
    "money": 16,
    "percent": 10,
    "day": 12,
    "instant": 17,
    "number": 12,
    "badge": 14,
}
# What a spreadsheet would take for a formula if the cell were typed or pasted again.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
MOST_ROWS = 1_048_575
"""Rows of a sheet below its heading."""


class ListWorkbook(AbstractContextManager["ListWorkbook"]):
    """One sheet with a heading; closed at the end of the context.

    Texts are written as texts, marked so that a spreadsheet never makes a formula of one; money as numbers of two
    places, of which a spreadsheet keeps 15 digits.
    """

    def __init__(self, file: Path, columns: Sequence[Column], title: str) -> None:
        self._columns = columns
        # Rows go to a temporary file one by one; nothing that looks like a formula or a link becomes one.
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = Workbook(str(file), options | {"tmpdir": str(file.parent)})
        self._sheet = self._book.add_worksheet(title[:31])
        self._formats = {kind: self._book.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
        self._inert = self._book.add_format({"quote_prefix": True})
        self.rows = 0
        self._head()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._book.close()

    def write(self, rows: Iterable[Any]) -> None:
        """Add rows of the list."""
        for row in rows:
            self.rows += 1
            for place, column in enumerate(self._columns):
                self._cell(place, column, column.value(row))

    def _head(self) -> None:
        bold = self._book.add_format({"bold": True, "bottom": 1})
        for place, column in enumerate(self._columns):
            self._sheet.set_column(place, place, _WIDTHS[column.kind])
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            self._sheet.write_string(0, place, str(column.label), bold)

    def _cell(self, place: int, column: Column, value: Any) -> None:
        if value is None or value == "":
            return
        shape: Format | None = self._formats.get(column.kind)
        if isinstance(value, datetime):
            self._sheet.write_datetime(self.rows, place, value.astimezone(_ZONE).replace(tzinfo=None), shape)
        elif isinstance(value, date):
            self._sheet.write_datetime(self.rows, place, value, shape)
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            self._sheet.write_number(self.rows, place, value, shape)
        else:
            text = words_of(value)
            inert = self._inert if text.startswith(_FORMULA_STARTS) else None
            self._sheet.write_string(self.rows, place, text, inert)


def words_of(value: Any) -> str:
    """A value as a text: of a badge its label."""
    if isinstance(value, Badge):
        return str(value.label or value.state)
    return str(value)
