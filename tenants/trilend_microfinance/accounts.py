"""The chart of accounts of a microfinance company, and the names by which the code calls them."""

from trilend.ledger.models import AccountType

BANK = "1002"
INTEREST_RECEIVABLE = "1132"
PENALTY_RECEIVABLE = "1133"
LOANS = "1303"
LOSS_ALLOWANCE = "1304"
BORROWERS_MONEY = "2241"
INTEREST_INCOME = "6011"
PENALTY_INCOME = "6012"
IMPAIRMENT = "6702"

CHART: tuple[tuple[str, str, AccountType], ...] = (
    (BANK, "银行存款", AccountType.ASSET),
    (INTEREST_RECEIVABLE, "应收利息", AccountType.ASSET),
    (PENALTY_RECEIVABLE, "应收罚息", AccountType.ASSET),
    (LOANS, "贷款", AccountType.ASSET),
    (LOSS_ALLOWANCE, "贷款损失准备", AccountType.ASSET),
    (BORROWERS_MONEY, "其他应付款—借款人款项", AccountType.LIABILITY),
    ("4001", "实收资本", AccountType.EQUITY),
    (INTEREST_INCOME, "利息收入", AccountType.INCOME),
    (PENALTY_INCOME, "罚息收入", AccountType.INCOME),
    (IMPAIRMENT, "信用减值损失", AccountType.EXPENSE),
)
