"""A running sandbox bank, and companies that lend through it."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.flow.lending import Lender, open_lender

from trilend_sandbox.bank.process import BankProcess


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BankProcess]:
    """This worker's own sandbox bank."""
    with BankProcess(tmp_path_factory.mktemp("bank")) as running:
        yield running


@pytest.fixture
def lender(session: Session, tenant: Any, bank: BankProcess) -> Iterator[Lender]:
    """A microfinance company with seal, bank account and staff; the bank goes right and by the calendar afterwards."""
    yield open_lender(session, tenant, bank)
    bank.admin.clear_faults()
    bank.admin.set_book_date(None)
    bank.admin.set_settlement("immediate")
