"""Reads applications from a workbook, row by row, and writes the rejected rows back with their reasons."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from io import BytesIO
from typing import Any
from zipfile import BadZipFile

from flask_babel import lazy_gettext as _l
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from trilend.parties.models import PartyKind
from trilend.parties.service import PartyData
from trilend_microfinance.importing.errors import UnreadableWorkbook
from trilend_microfinance.products.labels import METHOD_BY_CHINESE_NAME

COLUMNS = (
    "申请编号",
    "客户类型",
    "姓名/企业名称",
    "证件号码",
    "手机号码",
    "法定代表人",
    "申请金额(元)",
    "期限(月)",
    "还款方式",
    "年利率(%)",
    "借款用途",
    "收款账号",
    "申请日期",
)
REASON = "退回原因"
_KINDS = {"个人": PartyKind.PERSON, "企业": PartyKind.ORGANIZATION}


class BadRow(ValueError):
    """A row that cannot be imported; the message says why and what to do."""


@dataclass(frozen=True)
class SheetRow:
    """A row as it stands in the sheet: its number there, and its cells by column name."""

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class ApplicationRow:
    """A row that could be read; limits and check digits are looked at later."""

    line: int
    number: str
    party: PartyData
    amount: Decimal
    periods: int
    method: str
    annual_rate: Decimal
    purpose: str
    applied_on: date


def read_rows(content: bytes) -> list[SheetRow]:
    """The rows of the first sheet; raises `UnreadableWorkbook`."""
    try:
        book = load_workbook(BytesIO(content), read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        raise UnreadableWorkbook from error
    try:
        lines: Iterator[tuple[Any, ...]] = book.worksheets[0].iter_rows(values_only=True)
        names = [_plain(name) for name in next(lines, ())]
        missing = tuple(column for column in COLUMNS if column not in names)
        if missing:
            raise UnreadableWorkbook(missing)
        return [
            SheetRow(number, dict(zip(names, cells, strict=False)))
            for number, cells in enumerate(lines, start=2)
            if any(cell is not None for cell in cells)
        ]
    finally:
        book.close()


def parse(row: SheetRow) -> ApplicationRow:
    """Read the cells of a row; raises `BadRow` for the first that makes no sense."""
    kind = _KINDS.get(_text(row, "客户类型"))
    if kind is None:
        raise BadRow(str(_l("“客户类型” must be 个人 or 企业.")))
    method = METHOD_BY_CHINESE_NAME.get(_text(row, "还款方式"))
    if method is None:
        raise BadRow(
            str(
                _l("The repayment method is not known; use one of: %(names)s.", names="、".join(METHOD_BY_CHINESE_NAME))
            )
        )
    return ApplicationRow(
        line=row.line,
        number=_needed(row, "申请编号"),
        party=PartyData(
            kind=kind,
            name=_text(row, "姓名/企业名称"),
            identifier=_text(row, "证件号码"),
            mobile=_text(row, "手机号码"),
            account_number=_text(row, "收款账号"),
            legal_representative=_text(row, "法定代表人"),
        ),
        amount=_amount(row),
        periods=_periods(row),
        method=method,
        annual_rate=_number(row, "年利率(%)") / 100,
        purpose=_text(row, "借款用途"),
        applied_on=_date(row, "申请日期"),
    )


def write_rejected(rejected: Sequence[tuple[SheetRow, str]]) -> bytes:
    """A workbook of the rejected rows as they were, with the reason in a column of its own."""
    book = Workbook()
    sheet = book.active or book.create_sheet()
    sheet.title = "退回"
    names = [name for name in rejected[0][0].cells if name] if rejected else list(COLUMNS)
    sheet.append([*names, REASON])
    for row, reason in rejected:
        sheet.append([*(_safe(row.cells.get(name)) for name in names), reason])
        sheet.cell(sheet.max_row, len(names) + 1).font = Font(color="B42318", bold=True)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="EEF2F7")
    for number in range(1, len(names) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = 18
    sheet.column_dimensions[get_column_letter(len(names) + 1)].width = 60
    sheet.freeze_panes = "A2"
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _plain(name: Any) -> str:
    """A column name with full-width brackets and signs made half-width: both are typed."""
    return unicodedata.normalize("NFKC", str(name)).strip() if name is not None else ""


def _safe(value: Any) -> Any:
    """A text that begins like a formula is kept a text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" else value


def _text(row: SheetRow, column: str) -> str:
    value = row.cells.get(column)
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _needed(row: SheetRow, column: str) -> str:
    text = _text(row, column)
    if not text:
        raise BadRow(str(_l("“%(column)s” is empty.", column=column)))
    return text


def _number(row: SheetRow, column: str) -> Decimal:
    try:
        value = Decimal(_text(row, column).replace(",", "").replace(",", ""))
    except InvalidOperation as error:
        raise BadRow(str(_l("“%(column)s” is not a number.", column=column))) from error
    if not value.is_finite():
        raise BadRow(str(_l("“%(column)s” is not a number.", column=column)))
    return value


def _amount(row: SheetRow) -> Decimal:
    amount = _number(row, "申请金额(元)")
    if amount <= 0:
        raise BadRow(str(_l("The amount must be more than nothing.")))
    if amount != amount.quantize(Decimal("0.01")):
        raise BadRow(str(_l("The amount has more than two decimal places.")))
    return amount


def _periods(row: SheetRow) -> int:
    periods = _number(row, "期限(月)")
    if periods != periods.to_integral_value() or periods < 1:
        raise BadRow(str(_l("The term must be a whole number of months, at least 1.")))
    return int(periods)


def _date(row: SheetRow, column: str) -> date:
    value = row.cells.get(column)
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value or "").strip().replace("/", "-").replace(".", "-")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadRow(str(_l("“%(column)s” is not a date that exists.", column=column))) from error
