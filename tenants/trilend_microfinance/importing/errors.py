"""Why a workbook cannot be imported at all, and what to do."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid


class UnreadableWorkbook(Invalid):
    """Not an XLSX file, or without the columns that are needed."""

    code = "unreadable_workbook"

    def __init__(self, missing: tuple[str, ...] = ()) -> None:
        if missing:
            message = _l(
                "These columns are missing: %(names)s. The first row must hold the column names.",
                names="、".join(missing),
            )
        else:
            message = _l("This file cannot be read. Save it as an XLSX workbook (.xlsx) and choose it again.")
        super().__init__(message, field="file")
