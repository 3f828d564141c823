"""The sample workbook of two hundred applications, imported by the officer in the browser."""

from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect
from tests.browser.conftest import Staff
from tests.browser.lending import Loan

import trilend_microfinance.demonstration

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]

WORKBOOK = Path(trilend_microfinance.demonstration.__file__).with_name("applicants.xlsx")


def test_good_rows_come_in_and_bad_rows_come_back_with_reasons(staff: Staff, running: Loan) -> None:
    officer = staff.officer
    officer.go_to("贷款申请")
    officer.follow("导入")
    officer.press("导入")
    officer.reads("请选择表格文件。")
    officer.field("表格文件（.xlsx）").set_input_files(WORKBOOK)
    officer.picture("10-import")
    officer.press("导入")
    officer.reads("已导入", "请下载退回的行，更正后重新导入。")
    figures = dict(
        zip(*(officer.main.locator(f".tile-{part}").all_inner_texts() for part in ("label", "value")), strict=True)
    )
    officer.picture("10-imported")
    with officer.page.expect_download() as download:
        officer.follow("下载退回明细（.xlsx）")
    rejected = load_workbook(BytesIO(download.value.path().read_bytes())).active
    assert rejected is not None
    rows = list(rejected.iter_rows(min_row=2, values_only=True))

    assert figures == {"已导入": "188", "已存在": "0", "退回": "12"}
    assert len(rows) == 12
    assert all(row[-1] for row in rows)
    officer.go_to("贷款申请")
    officer.reads("共 189 条")
    officer.picture("10-applications")


def test_list_narrows_to_what_is_searched(staff: Staff, running: Loan) -> None:
    staff.officer.open("/applications/")
    staff.officer.field("编号、姓名或拼音").fill(running.borrower.name)
    staff.officer.press("搜索")
    expect(staff.officer.main.get_by_role("table").get_by_role("row")).to_have_count(2)
    expect(staff.officer.row(running.borrower.name)).to_contain_text("120,000.00")
