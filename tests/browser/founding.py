"""How a company comes to the platform and makes itself ready to lend, page by page."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from playwright.sync_api import expect
from tests.browser.stack import Stack
from tests.browser.window import Window
from tests.numbers import new_uscc

PASSWORD = "Correct horse battery 1"
GIVEN = "Given for the first day"
WRONG_CODE = "000000"
STAFF = {"officer": ("陈信", "客户经理"), "approver": ("周正", "审批人"), "cashier": ("林珊", "出纳")}


@dataclass(frozen=True)
class Company:
    """A company that has signed up, with its administrator."""

    stack: Stack
    name: str = "明湖小额贷款有限公司"
    uscc: str = field(default_factory=new_uscc)
    slug: str = field(default_factory=lambda: f"minghu{secrets.token_hex(3)}")

    @property
    def url(self) -> str:
        """Where its staff sign in."""
        return f"http://{self.slug}.localhost:{self.stack.machine.port}"

    @property
    def mail(self) -> str:
        """The administrator's address."""
        return f"admin@{self.slug}.example"

    def sign_in(self, username: str, **options: Any) -> Window:
        """A window in which this member of staff has signed in."""
        window = self.stack.window(self.url, **options)
        window.open("/login/")
        window.fill(用户名=username, 密码=PASSWORD)
        window.press("登录")
        expect(window.page.get_by_role("heading", name="工作台")).to_be_visible()
        return window


def begin_work(company: Company, username: str) -> None:
    """The first sign-in of somebody whose password the administrator chose: it is changed before anything else."""
    window = company.stack.window(company.url)
    window.open("/login/")
    window.fill(用户名=username, 密码=GIVEN)
    window.press("登录")
    window.reads("您当前的密码是他人设置的。")
    window.picture(f"03-first-sign-in-{username}")
    window.fill(新密码=PASSWORD, 再次输入新密码=PASSWORD)
    window.press("修改密码")
    expect(window.page.get_by_role("heading", name="工作台")).to_be_visible()


def sign_up(stack: Stack) -> Company:
    """From the public site to the company's own space: a wrong credit code and a wrong one-time code on the way."""
    company = Company(stack)
    window = stack.window()
    window.open("/")
    window.reads("信贷业务，", "三步开通")
    window.picture("01-public-site")
    window.main.get_by_role("listitem").filter(has_text="小额贷款公司").get_by_role("link", name="注册").click()
    _enter_company(window, company)
    _confirm_mail(window, company)
    window.reads(f"{company.name}已开通。", company.url)
    window.picture("01-space-is-ready")
    window.follow("以 admin 登录")
    expect(window.page).to_have_url(f"{company.url}/login/")
    window.picture("01-sign-in")
    return company


def _enter_company(window: Window, company: Company) -> None:
    wrong = company.uscc[:-1] + ("1" if company.uscc[-1] != "1" else "2")
    expect(window.main.get_by_role("radio", name="小额贷款公司")).to_be_checked()
    window.fill(
        公司注册名称=company.name,
        统一社会信用代码=wrong,
        公司专属网址=company.slug,
        您的姓名="沈明",
        电子邮箱=company.mail,
        用户名="admin",
        密码=PASSWORD,
        再次输入密码=PASSWORD,
    )
    window.picture("01-sign-up")
    window.press("下一步")
    window.reads("有 1 处需要修改。", "代码不正确，请与营业执照核对，最后一位是校验码。")
    window.picture("01-sign-up-wrong-check-digit")
    kept = {"公司注册名称": company.name, "统一社会信用代码": wrong, "公司专属网址": company.slug, "您的姓名": "沈明"}
    for label, text in kept.items():
        expect(window.field(label)).to_have_value(text)
    expect(window.main.get_by_role("radio", name="小额贷款公司")).to_be_checked()
    window.fill(统一社会信用代码=company.uscc, 密码=PASSWORD, 再次输入密码=PASSWORD)
    window.press("下一步")


def _confirm_mail(window: Window, company: Company) -> None:
    window.reads(f"六位验证码已发送至 {company.mail}。")
    window.fill(邮件验证码=WRONG_CODE)
    window.press("确认")
    window.reads("验证码错误或已过期。请查看最新邮件，或重新获取。")
    window.picture("01-wrong-code")
    window.fill(邮件验证码=company.stack.code_sent_to(company.mail))
    window.press("确认")
    window.picture("01-space-in-the-making")


def connect_seal(admin: Window) -> None:
    """Set up the company's electronic seal by the bundled signing plugin."""
    admin.go_to("外部连接")
    admin.reads("还没有外部连接。请先在下方设置公司电子印章和银行账户。")
    admin.picture("02-connections-empty")
    _plugin(admin, "本地电子签章")
    admin.fill(连接名称="企业电子印章")
    admin.picture("02-seal")
    admin.press("保存并测试")
    admin.reads("连接测试通过，已启用。")
    expect(admin.row("企业电子印章")).to_contain_text("正常")


def connect_bank(admin: Window, company: Company) -> str:
    """Connect an account with a hundred million yuan at the sandbox bank; returns its number."""
    bank = company.stack.bank
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    account = bank.open_account(company.name, balance="100000000.00")
    bank.register_client(f"trilend-{company.slug}", public, [account["number"]])
    _plugin(admin, "银行直连(签名报文)")
    admin.press("保存并测试")
    admin.reads("请填写")
    admin.picture("02-bank-nothing-entered")
    admin.fill(
        连接名称="放款专户",
        接口地址=company.stack.bank_url,
        客户端标识=f"trilend-{company.slug}",
        账户户名=company.name,
        账号=account["number"],
        开户银行=account["bank_name"],
    )
    admin.field("银行根证书 (PEM)").fill(company.stack.ca_pem.read_text())
    admin.field("银行应答验签公钥 (PEM)").fill(bank.public_key())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    admin.field("我方签名私钥 (PEM)").fill(private)
    admin.picture("02-bank")
    admin.press("保存并测试")
    admin.reads("连接测试通过，已启用。")
    expect(admin.row("放款专户")).to_contain_text("正常")
    admin.picture("02-connections")
    return str(account["number"])


def _plugin(admin: Window, title: str) -> None:
    panel = admin.main.locator("section").filter(has=admin.page.get_by_role("heading", name=title, exact=True))
    panel.get_by_role("link", name="配置").click()


def set_figure(admin: Window, name: str, value: str, basis: str) -> None:
    """Set one figure from today's business date on."""
    admin.go_to("参数设置")
    admin.follow("设定参数")
    admin.field("参数").select_option(label=name)
    admin.fill(取值=value, 依据=basis)
    admin.press("设定")
    admin.reads("参数已设定。")


def add_staff(admin: Window) -> None:
    """Add one member of staff for each step of a loan."""
    for username, (name, role) in STAFF.items():
        admin.go_to("员工")
        admin.main.get_by_role("link", name="新增").first.click()
        admin.fill(姓名=name, 用户名=username, 电子邮箱=f"{username}@example.com", 密码=GIVEN, 确认密码=GIVEN)
        admin.field("允许登录").check()
        admin.field(role).check()
        admin.picture(f"03-add-{username}")
        admin.press("保存")
        expect(admin.row(name)).to_contain_text(role)
    admin.picture("03-people")
