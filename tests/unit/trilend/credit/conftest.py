"""One loan that the tests of servicing share: 12,000 yuan at 2 % a month in four level instalments of 3,151.49."""

from datetime import date
from decimal import Decimal

import pytest

from trilend.credit.account import Disbursement, LoanContract
from trilend.credit.schedule import Method, Terms


@pytest.fixture
def contract() -> LoanContract:
    terms = Terms(
        principal=Decimal(12_000),
        annual_rate=Decimal("0.24"),
        periods=4,
        method=Method.annuity,
        start=date(2026, 1, 15),
    )
    return LoanContract(terms=terms, penalty_annual_rate=Decimal("0.36"))


@pytest.fixture
def paid_out() -> Disbursement:
    return Disbursement("paid-out", date(2026, 1, 15), Decimal(12_000))
