"""Topic `finance/1`: vouchers posted to a company's accounting software, and read back."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import hookspec
from trilend_sdk.payload import CheckResult, Effect, EffectQuery, EffectResult, Payload
from trilend_sdk.values import Money, Page, PageQuery

API = "finance/1"


class AccountsQuery(PageQuery):
    """Ask for the chart of accounts of a book (empty: the connection's own)."""

    book: str = ""


class FinanceAccount(Payload):
    """An account of the chart (科目); `auxiliary` names the kinds of auxiliary items that a posting must carry."""

    code: str = Field(min_length=1, max_length=40)
    name: str
    debit: bool
    leaf: bool = True
    active: bool = True
    auxiliary: tuple[str, ...] = ()


class AccountPage(Page):
    """Accounts in the order of their codes."""

    accounts: tuple[FinanceAccount, ...]


class AuxiliaryItem(Payload):
    """An auxiliary item (辅助核算): kind such as customer, department, person or project, code and name."""

    kind: str
    code: str
    name: str = ""


class VoucherLine(Payload):
    """One line of a voucher, in yuan: exactly one of debit and credit is not zero; red entries are negative."""

    account: str = Field(min_length=1, max_length=40)
    summary: str = Field(min_length=1, max_length=200)
    debit: Money = Decimal(0)
    credit: Money = Decimal(0)
    auxiliary: tuple[AuxiliaryItem, ...] = ()

    @model_validator(mode="after")
    def _has_one_side(self) -> Self:
        if bool(self.debit) == bool(self.credit):
            raise ValueError("a line has either a debit or a credit")
        return self


class Voucher(Effect):
    """A balanced voucher (凭证); `word` is its sort (记, 收, 付, 转)."""

    posted_on: date
    word: str = "记"
    lines: tuple[VoucherLine, ...] = Field(min_length=2, max_length=1000)
    attachments: int = Field(default=0, ge=0)
    prepared_by: str = ""
    source: str = ""

    @model_validator(mode="after")
    def _balances(self) -> Self:
        if sum(line.debit for line in self.lines) != sum(line.credit for line in self.lines):
            raise ValueError("debits do not equal credits")
        return self


class VoucherBatch(Effect):
    """Vouchers posted together; each has a key of its own and is posted once under it."""

    vouchers: tuple[Voucher, ...] = Field(min_length=1, max_length=500)
    book: str = ""

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        if len({voucher.idempotency_key for voucher in self.vouchers}) != len(self.vouchers):
            raise ValueError("two vouchers have the same key")
        return self


class PostingStatus(StrEnum):
    """Where a posting stands; `partly` says that some vouchers were refused."""

    POSTED = "posted"
    PARTLY = "partly"
    REFUSED = "refused"
    NOT_FOUND = "not_found"


class VoucherResult(EffectResult):
    """The software's word on one voucher: its number once posted, the reason when refused."""

    status: PostingStatus
    number: str = ""
    period: str = ""


class PostingResult(EffectResult):
    """The software's word on a batch, voucher by voucher."""

    status: PostingStatus
    vouchers: tuple[VoucherResult, ...] = ()


class VoucherQuery(PageQuery):
    """Read vouchers of a span of days back; `keys` narrows to those that we posted under them."""

    from_date: date
    to_date: date
    keys: tuple[str, ...] = ()
    book: str = ""


class PostedVoucher(Payload):
    """A voucher as the software keeps it; `idempotency_key` is empty when it was not posted by us."""

    number: str
    period: str
    posted_on: date
    word: str
    lines: tuple[VoucherLine, ...]
    idempotency_key: str = ""
    audited: bool = False


class VoucherPage(Page):
    """Vouchers in the order of their dates and numbers."""

    vouchers: tuple[PostedVoucher, ...]


class ImportFile(Payload):
    """Vouchers as a file that the software imports by hand."""

    file_name: str
    media_type: str
    content: bytes


class FinanceHooks:
    """Hooks of topic `finance/1`."""

    @hookspec(deadline=15.0)
    def finance_check(self, context: PluginContext) -> CheckResult:
        """Test the connection without posting anything."""
        raise TypeError

    @hookspec()
    def finance_accounts(self, context: PluginContext, query: AccountsQuery) -> AccountPage:
        """Read the chart of accounts, each account once over all pages."""
        raise TypeError

    @hookspec(effect="finance_post_status", deadline=120.0)
    def finance_post(self, context: PluginContext, batch: VoucherBatch) -> PostingResult:
        """Post vouchers; one posted before under its key is not posted again."""
        raise TypeError

    @hookspec(deadline=60.0)
    def finance_post_status(self, context: PluginContext, query: EffectQuery) -> PostingResult:
        """Tell which vouchers of a batch were posted, and under which numbers."""
        raise TypeError

    @hookspec(deadline=60.0)
    def finance_vouchers(self, context: PluginContext, query: VoucherQuery) -> VoucherPage:
        """Read vouchers back, so that books can be compared."""
        raise TypeError

    @hookspec(optional=True, deadline=60.0)
    def finance_import_file(self, context: PluginContext, batch: VoucherBatch) -> ImportFile:
        """Write vouchers as the file that the software's own import takes; nothing is posted."""
        raise TypeError


SPECIFICATION = FinanceHooks
