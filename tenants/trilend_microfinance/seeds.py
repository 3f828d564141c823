"""The first rows of a microfinance company: chart of accounts, figures of law with their basis, five products."""

from datetime import date
from decimal import Decimal

from sqlalchemy import insert
from sqlalchemy.sql.dml import Insert

from trilend.ledger.models import Account
from trilend.parameters.models import Parameter
from trilend_microfinance.accounts import CHART
from trilend_microfinance.products.labels import CHINESE_METHOD_NAME
from trilend_microfinance.products.models import Product

_MEASURES = "小额贷款公司监督管理暂行办法（金规〔2024〕26号）"
_COST = "小额贷款公司综合融资成本管理工作指引（2025-12）"
_PROVISIONS = "金融企业准备金计提管理办法（财金〔2012〕20号）"
_BEGIN = date(2025, 1, 1)

# name, value, unit, in force from, basis, checked against the official text
FIGURES: tuple[tuple[str, str, str, date, str, bool], ...] = (
    ("single_borrower_ratio", "0.10", "rate", _BEGIN, _MEASURES, True),
    ("all_in_cost_ceiling", "0.24", "rate", _BEGIN, _COST, True),
    ("penalty_multiple", "1.5", "times", _BEGIN, "合同约定；中国人民银行银发〔2003〕251号（加收 30%–50%）†", False),
    ("lpr_1y", "0.03", "rate", date(2025, 5, 20), "全国银行间同业拆借中心公布 †", False),
    ("reading_seconds", "15", "seconds", _BEGIN, "金规〔2026〕2号（阅读时长未定，可调）†", False),
    ("tier_special_mention_days", "1", "days", _BEGIN, "贷款逾期至少归入关注类（上海 2022）", False),
    ("tier_substandard_days", "91", "days", _BEGIN, "按担保方式的逾期天数表（信用）†", False),
    ("tier_doubtful_days", "181", "days", _BEGIN, "按担保方式的逾期天数表（信用）†", False),
    ("tier_loss_days", "361", "days", _BEGIN, "按担保方式的逾期天数表（信用）†", False),
    ("non_performing_days", "90", "days", _BEGIN, _MEASURES, True),
    ("provision_pass", "0.015", "rate", _BEGIN, _PROVISIONS, True),
    ("provision_special_mention", "0.03", "rate", _BEGIN, _PROVISIONS, True),
    ("provision_substandard", "0.30", "rate", _BEGIN, _PROVISIONS, True),
    ("provision_doubtful", "0.60", "rate", _BEGIN, _PROVISIONS, True),
    ("provision_loss", "1.00", "rate", _BEGIN, _PROVISIONS, True),
)


def seeds() -> list[Insert]:
    """Inserts for the blueprint."""
    return [
        insert(Account).values([{"code": code, "name": name, "type": kind} for code, name, kind in CHART]),
        insert(Parameter).values(
            [
                {
                    "name": name,
                    "value": Decimal(value),
                    "unit": unit,
                    "effective_from": since,
                    "jurisdiction": "CN",
                    "legal_basis": basis,
                    "verified": verified,
                }
                for name, value, unit, since, basis, verified in FIGURES
            ]
        ),
        insert(Product).values(
            [
                {
                    "code": f"P{number:02d}",
                    "name": f"标准{name}贷款",
                    "method": method,
                    "day_count": "thirty_360",
                    "interest_unit": "per_period",
                    "rounding_mode": "half_up",
                    "rounding_places": 2,
                    "holiday_rule": "keep",
                    "min_amount": Decimal(1000),
                    "max_amount": Decimal(10_000_000),
                    "min_periods": 1,
                    "max_periods": 60,
                    "max_annual_rate": Decimal("0.24"),
                    "grace_days": 0,
                    "active": True,
                }
                for number, (method, name) in enumerate(CHINESE_METHOD_NAME.items(), start=1)
            ]
        ),
    ]
