"""The faults that the bank offers, and the page's words in Simplified Chinese and English."""

from collections.abc import Mapping
from types import MappingProxyType

from trilend_sandbox.house.faults import FaultKind, Offered

FAULTS = Offered(
    ("transfers", "transfers/query", "statements", "balances", "ping"),
    (
        FaultKind.ERROR_BEFORE,
        FaultKind.DROP_AFTER,
        FaultKind.DELAY,
        FaultKind.MALFORMED,
        FaultKind.WRONG_SIGNATURE,
        FaultKind.DUPLICATE,
    ),
)

TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "server": ("沙箱银行", "Sandbox Bank"),
        "no_real_money": ("仅供测试,不含真实资金", "For testing only: no real money"),
        "accounts": ("账户", "Accounts"),
        "accounts_none": (
            "还没有账户。请在右侧开立第一个账户。",
            "No accounts yet. Open the first one beside this list.",
        ),
        "accounts_not_found": ("没有符合条件的账户。", "No account matches."),
        "search": ("查找", "Search"),
        "search_hint": ("户名或账号", "Holder or number"),
        "holder": ("户名", "Holder"),
        "number": ("账号", "Account number"),
        "bank_name": ("开户行", "Bank"),
        "balance": ("余额(元)", "Balance (yuan)"),
        "internal": ("内部账户", "Internal accounts"),
        "total": ("全部余额合计(应为零)", "Sum of all balances (must be zero)"),
        "next_page": ("下一页", "Next page"),
        "older": ("更早", "Older"),
        "newest": ("最新", "Newest"),
        "back": ("返回首页", "Back to overview"),
        "statement": ("账户流水", "Statement"),
        "statement_none": ("该账户还没有流水。", "Nothing has been booked on this account yet."),
        "booked_on": ("记账日", "Booked on"),
        "direction": ("方向", "Direction"),
        "in": ("收", "In"),
        "out": ("付", "Out"),
        "amount": ("金额(元)", "Amount (yuan)"),
        "counterparty": ("对方", "Counterparty"),
        "remark": ("附言", "Remark"),
        "entry": ("流水号", "Entry"),
        "pay_in": ("转账 / 存入", "Pay in / transfer"),
        "pay_in_help": (
            "模拟借款人还款等。他行账户填写账号和户名即可。",
            "Plays a borrower who repays, for example. For an account at another bank give number and holder.",
        ),
        "payer": ("付款账号", "From account"),
        "payer_holder": ("付款户名(他行必填)", "Payer's name (other banks)"),
        "payee": ("收款账号", "To account"),
        "payee_holder": ("收款户名(他行必填)", "Payee's name (other banks)"),
        "send": ("转账", "Transfer"),
        "open_account": ("开立账户", "Open an account"),
        "number_hint": ("账号(留空则自动生成)", "Number (made up if empty)"),
        "opening_balance": ("开户存入(元)", "Opening balance (yuan)"),
        "open": ("开户", "Open"),
        "transfers": ("接口转账", "Transfers by API"),
        "transfers_none": ("还没有通过接口发起的转账。", "No transfer has come in by the API yet."),
        "reference": ("银行流水号", "Reference"),
        "key": ("幂等键", "Idempotency key"),
        "status": ("状态", "Status"),
        "accepted": ("已受理", "Accepted"),
        "settled": ("已入账", "Settled"),
        "rejected": ("已拒绝", "Rejected"),
        "settle": ("处理全部待入账转账", "Settle all accepted transfers"),
        "settings": ("设置", "Settings"),
        "book_date": ("记账日期(留空用今天)", "Book date (empty: today)"),
        "settlement": ("转账入账方式", "Transfers settle"),
        "immediate": ("即时入账", "At once"),
        "manual": ("先受理,手工入账", "When told to"),
        "save": ("保存", "Save"),
        "books_on": ("当前记账日", "Booking on"),
        "clients": ("接口客户", "API clients"),
        "clients_none": ("还没有登记接口客户。", "No API client is registered yet."),
        "done_paid_in": ("转账完成。", "The transfer is booked."),
        "done_opened": ("账户已开立。", "The account is open."),
        "done_saved": ("设置已保存。", "Settings saved."),
        "done_settled": ("待入账转账已处理。", "Accepted transfers are settled."),
    }
)

REFUSALS_IN_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "holder_missing": "Give the holder's full name.",
        "number_invalid": "An account number has 12 to 19 digits and a right check digit.",
        "number_taken": "This account number is taken.",
        "account_unknown": "There is no such account here.",
        "same_account": "The two accounts are the same.",
        "insufficient_balance": "The payer's balance is too low.",
        "amount_invalid": "Write an amount above zero like 123.45.",
        "settlement_unknown": "Choose how transfers settle.",
    }
)
