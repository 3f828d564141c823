"""How a loan comes about, page by page: customer, application, decision, contract, signature, paying out."""

from dataclasses import dataclass, field, replace

from playwright.sync_api import expect
from tests.browser.founding import WRONG_CODE, Company
from tests.browser.window import PHONE, Window
from tests.numbers import new_card, new_mobile, new_resident_id


@dataclass(frozen=True)
class Borrower:
    """A person who wants 120,000 yuan, with an account at the sandbox bank."""

    name: str = "张䶮"
    resident_id: str = field(default_factory=new_resident_id)
    mobile: str = field(default_factory=new_mobile)
    card: str = field(default_factory=new_card)


@dataclass(frozen=True)
class Loan:
    """Where a loan's application, and later the loan itself, are found."""

    borrower: Borrower
    application: str
    path: str = ""
    number: str = ""


def record_customer(officer: Window, company: Company) -> Borrower:
    """The officer records the borrower."""
    borrower = Borrower()
    company.stack.bank.open_account(borrower.name, balance="200000.00", number=borrower.card, bank_name="示范银行")
    officer.go_to("客户")
    officer.reads("还没有登记客户。")
    officer.picture("04-customers-empty")
    officer.follow("登记客户")
    officer.main.get_by_role("radio", name="个人").check()
    officer.field("姓名/企业名称").fill(borrower.name)
    officer.field("身份证号/统一社会信用代码").fill(borrower.resident_id)
    officer.fill(手机号码=borrower.mobile, 银行账号=borrower.card, 开户行="示范银行")
    officer.picture("04-customer-form")
    officer.press("登记")
    officer.reads(f"已登记客户：{borrower.name}。", borrower.mobile[:3] + "****" + borrower.mobile[-4:])
    expect(officer.main).not_to_contain_text(borrower.resident_id)
    officer.picture("04-customer")
    return borrower


def submit_application(officer: Window, borrower: Borrower) -> Loan:
    """The officer enters what the borrower asks for, and cannot decide about it."""
    officer.go_to("贷款申请")
    officer.reads("还没有贷款申请。", "也可以用表格批量导入。")
    officer.picture("04-applications-empty")
    officer.follow("新增申请")
    officer.reads("请选择申请人")
    officer.follow(borrower.name)
    officer.field("贷款产品").select_option(label="标准等额本息贷款")
    officer.fill(金额="120000", 借款用途="经营周转")
    officer.field("期限（月）").fill("12")
    officer.field("年利率（%）").fill("12")
    officer.picture("04-application-form")
    officer.press("提交")
    officer.reads("等待审批")
    officer.shows_no_button("通过")
    officer.picture("04-application")
    return Loan(borrower, officer.page.url)


def approve(approver: Window, loan: Loan) -> None:
    """The approver looks at limits and cost, and approves as the second person."""
    approver.go_to("贷款申请")
    approver.row(loan.borrower.name).get_by_role("link").first.click()
    approver.reads("监管限额", "单户贷款限额", "合计 120,000.00 元，上限 30,000,000.00 元", "未超限")
    approver.reads(
        "12.00%，上限 24.00%", "综合融资成本（年化，单利）", "综合融资成本（年化，IRR）", "12.68%", "10,661.85"
    )
    approver.picture("05-application-with-limits")
    approver.press("通过")
    approver.reads("审批通过这笔申请？")
    approver.picture("05-approve-dialog", whole=False)
    approver.page.keyboard.press("Escape")
    expect(approver.main.get_by_text("待审批").first).to_be_visible()
    approver.confirm("通过")
    approver.reads("审批通过。", "已通过")
    approver.picture("05-approved")


def make_contract(officer: Window, loan: Loan) -> Loan:
    """The officer has the contract made, sealed and sent."""
    officer.open(loan.application)
    officer.confirm("生成合同")
    officer.reads("合同已盖章，签署链接已发送给借款人。", "借款人签署")
    officer.picture("06-contract-made")
    number = officer.page.get_by_role("heading", level=1).inner_text().split(" · ")[0]
    return replace(loan, path=officer.page.url, number=number)


def sign(company: Company, loan: Loan) -> None:
    """The borrower reads for the time that is asked for, and signs on the phone after a wrong code."""
    mobile = loan.borrower.mobile
    phone = company.stack.window(viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)
    phone.open(company.stack.link_sent_to(mobile))
    phone.reads("本笔贷款综合融资成本", "除上述息费外，不收取任何其他费用。", "请先阅读")
    ask = phone.main.get_by_role("button", name="已阅读，获取验证码")
    expect(ask).to_be_disabled()
    phone.picture("06-borrower-reads")
    assert phone.width() == PHONE["width"]
    ask.click()
    phone.reads(f"验证码已发送至尾号 {mobile[-4:]} 的手机。")
    phone.fill(短信验证码=WRONG_CODE)
    phone.press("签署")
    phone.reads("验证码错误或已过期。请查看最新短信，或重新获取。")
    phone.picture("06-borrower-wrong-code")
    phone.fill(短信验证码=company.stack.code_sent_to(mobile))
    phone.press("签署")
    phone.reads("您已于", "签署此文件。")
    phone.picture("06-borrower-has-signed")


def pay_out(cashier: Window, loan: Loan) -> None:
    """The cashier pays out and watches until the money has arrived."""
    cashier.go_to("贷款")
    cashier.follow("放款")
    cashier.reads(loan.number, "120,000.00")
    cashier.picture("07-pay-out")
    cashier.press("放款所选")
    cashier.page.get_by_role("dialog").get_by_role("button", name="放款", exact=True).click()
    cashier.picture("07-paying-out")
    cashier.reads("已放款 1 笔。")
    cashier.picture("07-paid-out")
    cashier.follow("返回列表")
    expect(cashier.row(loan.number)).to_contain_text("还款中")
    cashier.row(loan.number).get_by_role("link").first.click()
    cashier.reads("已到账", "120,000.00", "10,661.85")
    cashier.picture("07-loan")
